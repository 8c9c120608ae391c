import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { ChannelError } from "../../../../services/brain/symbiotic-rules-engine/alerts/channel.ts";
import { MailChannel } from "../../../../services/brain/symbiotic-rules-engine/alerts/channels/mail.ts";
import { alertMessage } from "./message.ts";

const PASSWORD = "s3cret p@ss/wörd";
const signal = new AbortController().signal;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Mail {
  from: string;
  to: string[];
  text: string;
}

/** A mail server that keeps what it gets. */
async function mailServer(options: SMTPServerOptions = {}): Promise<{ port: number; mails: Mail[] }> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS"],
    authOptional: true,
    disableReverseLookup: true,
    onData(stream, { envelope }, done) {
      let text = "";
      stream.setEncoding("utf8");
      stream.on("data", (chunk: string) => {
        text += chunk;
      });
      stream.on("end", () => {
        const { mailFrom, rcptTo } = envelope;
        mails.push({ from: mailFrom ? mailFrom.address : "", to: rcptTo.map(({ address }) => address), text });
        done();
      });
    },
    ...options,
  });
  server.on("error", () => {});
  closing.push(() => server.close(() => {}));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return { mails, port: (server.server.address() as AddressInfo).port };
}

/** A server that does as it likes with a connection. */
async function rudeServer(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return (server.address() as AddressInfo).port;
}

const urlOf = (port: number, user = "") =>
  `smtp://${user ? `${user}:${encodeURIComponent(PASSWORD)}@` : ""}127.0.0.1:${port}`;

function channelTo(url: string, more: object = {}): { channel: MailChannel; refused: string[] } {
  const refused: string[] = [];
  const options = { url, from: "azora@example.org", to: ["ann@example.org"], silence: 500, timeout: 2000 };
  return { channel: new MailChannel({ ...options, refused: (who) => refused.push(who), ...more }), refused };
}

async function failureOf(url: string, more: object = {}): Promise<string> {
  const failure = await channelTo(url, more)
    .channel.send(alertMessage(), signal)
    .then(
      () => undefined,
      (error) => error,
    );
  expect(failure).toBeInstanceOf(ChannelError);
  const all = `${failure.message} ${failure.stack} ${JSON.stringify(failure)}`;
  for (const form of [PASSWORD, encodeURIComponent(PASSWORD)]) expect(all).not.toContain(form);
  expect(all).not.toContain(Buffer.from(PASSWORD).toString("base64"));
  expect(all).not.toContain(Buffer.from(`\0ann\0${PASSWORD}`).toString("base64"));
  return failure.message;
}

describe("mail", () => {
  test("is one message for each group, with what a person needs to know", async () => {
    const { port, mails } = await mailServer();
    await channelTo(urlOf(port), { to: ["ann@example.org", "bob@example.org"] }).channel.send(alertMessage(), signal);
    expect(mails).toHaveLength(1);
    const { from, to, text } = mails[0]!;
    expect({ from, to }).toEqual({ from: "azora@example.org", to: ["ann@example.org", "bob@example.org"] });
    expect(text).toMatch(/^Message-ID: <msg_0123456789abcdef@azora>\r$/m);
    expect(text).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(text).toMatch(/^Subject: .*critical/m);
    const [, body = ""] = text.replaceAll("=\r\n", "").split("\r\n\r\n", 2);
    expect(text.replaceAll("=\r\n", "")).toContain(
      "critical-service-failed till: till is unhealthy: no money =E2=80=93",
    );
    expect(body).toContain("Organism azora, group heart: 1 firing.");
  });

  test("has no header that a name has brought along", async () => {
    const { port, mails } = await mailServer();
    const [alert] = alertMessage().alerts;
    const summary = "till failed\r\nBcc: eve@example.org\r\n\r\nbuy now\u2028x";
    await channelTo(urlOf(port)).channel.send(alertMessage({ alerts: [{ ...alert!, summary }] }), signal);
    const [head] = mails[0]!.text.split("\r\n\r\n");
    expect(head).not.toMatch(/^Bcc:/im);
    expect(mails[0]!.to).toEqual(["ann@example.org"]);
  });

  test("logs in with what stands in the URL", async () => {
    const logins: string[] = [];
    const { port, mails } = await mailServer({
      authOptional: false,
      onAuth({ username, password }, _, done) {
        logins.push(`${username} ${password}`);
        done(null, { user: username });
      },
    });
    await channelTo(urlOf(port, "ann")).channel.send(alertMessage(), signal);
    expect(logins).toEqual([`ann ${PASSWORD}`]);
    expect(mails).toHaveLength(1);
  });

  test("that may not log in says so, without the password that the server repeats", async () => {
    const { port } = await mailServer({
      authOptional: false,
      onAuth: ({ username, password }, _, done) =>
        done(
          new Error(`no ${password} for ${username} ${Buffer.from(`\0${username}\0${password}`).toString("base64")}`),
        ),
    });
    expect(await failureOf(urlOf(port, "ann"))).toMatch(/^EAUTH after AUTH PLAIN: 535, .*no … for ann …/);
  });

  test("goes to the others where the server refuses one", async () => {
    const { port, mails } = await mailServer({
      onRcptTo: ({ address }, _, done) => done(address.startsWith("bob") ? new Error("no bob here") : null),
    });
    const to = ["ann@example.org", "bob@example.org"];
    const { channel, refused } = channelTo(urlOf(port), { to });
    await channel.send(alertMessage(), signal);
    expect(mails[0]!.to).toEqual(["ann@example.org"]);
    expect(refused).toEqual(["bob@example.org"]);
  });

  test("fails where the server refuses all, or what is in it", async () => {
    const nobody = await mailServer({ onRcptTo: (_, __, done) => done(new Error("nobody here")) });
    expect(await failureOf(urlOf(nobody.port))).toMatch(/^EENVELOPE .*nobody here/);
    const full = await mailServer({
      onData: (stream, _, done) => stream.resume().on("end", () => done(new Error("the disk is full"))),
    });
    expect(await failureOf(urlOf(full.port))).toMatch(/the disk is full/);
  });

  test("gives a server up that is silent, at the door or later", async () => {
    expect(await failureOf(urlOf(await rudeServer(() => {})))).toMatch(/^ETIMEDOUT/);
    const port = await rudeServer((socket) => socket.write("220 hello\r\n"));
    expect(await failureOf(urlOf(port))).toMatch(/^ETIMEDOUT/);
  });

  test("gives a server up that says something all the time, and never what is asked", async () => {
    const port = await rudeServer((socket) => {
      const timer = setInterval(() => socket.write("250-wait\r\n"), 50);
      socket.write("220 hello\r\n");
      socket.on("close", () => clearInterval(timer));
    });
    expect(await failureOf(urlOf(port), { timeout: 800 })).toBe("error: it took longer than 800 ms");
  });

  test.each([
    ["HTTP", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"],
    ["bytes", Buffer.from([0, 255, 13, 10, 22, 3, 1, 13, 10])],
    ["a line without end", Buffer.alloc(4_000_000, "x")],
    ["a refusal", "554 go away\r\n"],
  ])("survives a server that speaks %s", async (_, said) => {
    const port = await rudeServer((socket) => socket.write(said));
    const failure = await failureOf(urlOf(port));
    expect(failure.length).toBeLessThan(400);
    expect(failure).not.toMatch(/\p{Cc}/u);
  });

  test("survives one that closes at any point of the conversation", async () => {
    for (const lines of [0, 1, 2, 3, 4]) {
      const port = await rudeServer((socket) => {
        let left = lines;
        const answer = (text: string) => (left-- > 0 ? socket.write(text) : socket.destroy());
        answer("220 hello\r\n");
        socket.on("data", (data) => answer(data.toString().startsWith("DATA") ? "354 go on\r\n" : "250 ok\r\n"));
      });
      expect(await failureOf(urlOf(port))).toMatch(/^E[A-Z]+/);
    }
  });

  test("sends no password over a wire that others read", async () => {
    const port = await rudeServer((socket) => {
      socket.write("220 hello\r\n");
      socket.on("data", (data) =>
        socket.write(data.toString().startsWith("EHLO") ? "250-hi\r\n250 AUTH PLAIN\r\n" : "502 no\r\n"),
      );
    });
    // An address of this machine that is not loopback by its name.
    const url = urlOf(port, "ann").replace("127.0.0.1", "0.0.0.0");
    expect(await failureOf(url)).toMatch(/ETLS|STARTTLS/);
  });

  test("is left when the engine stops", async () => {
    const port = await rudeServer(() => {});
    const stop = new AbortController();
    const sending = channelTo(urlOf(port), { silence: 60_000, timeout: 60_000 }).channel.send(
      alertMessage(),
      stop.signal,
    );
    stop.abort();
    await expect(sending).rejects.toThrow("the engine stops");
  });
});
