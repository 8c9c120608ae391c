import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ChannelError } from "../../../../services/brain/symbiotic-rules-engine/alerts/channel.ts";
import {
  signature,
  WebhookChannel,
} from "../../../../services/brain/symbiotic-rules-engine/alerts/channels/webhook.ts";
import { alertMessage } from "./message.ts";

const SECRET = `whsec_${Buffer.from("an example key of thirty-two byt").toString("base64")}`;
const AT = Date.parse("2026-11-20T12:00:07.400Z");
const signal = new AbortController().signal;

interface Got {
  headers: IncomingMessage["headers"];
  url: string;
  body: string;
}

const servers: { close(): unknown; closeAllConnections?(): void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections?.();
  }
});

async function portOf(server: { listen: Server["listen"]; address: Server["address"] } & (typeof servers)[number]) {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return (server.address() as AddressInfo).port;
}

async function receiver(answer: (response: ServerResponse, count: number) => void) {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      got.push({ headers: request.headers, url: request.url!, body });
      answer(response, got.length);
    });
  });
  return { got, url: `http://127.0.0.1:${await portOf(server)}/hooks/T0P-SECRET-PATH?key=T0P` };
}

const channelTo = (url: string, more: object = {}) =>
  new WebhookChannel({ url, secret: SECRET, wall: () => AT, timeout: 1000, ...more });

async function failureOf(url: string, more: object = {}): Promise<ChannelError> {
  const failure = await channelTo(url, more)
    .send(alertMessage(), signal)
    .then(
      () => undefined,
      (error) => error,
    );
  expect(failure).toBeInstanceOf(ChannelError);
  expect(`${failure.message} ${failure.stack} ${JSON.stringify(failure)}`).not.toMatch(/T0P|whsec|an example key/);
  return failure;
}

describe("a webhook", () => {
  test("gets each message signed, so that its receiver can tell that it is ours", async () => {
    const { got, url } = await receiver((response) => response.writeHead(204).end());
    await channelTo(url).send(alertMessage(), signal);
    const { headers, body } = got[0]!;
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "webhook-id": "msg_0123456789abcdef",
      "webhook-timestamp": String(Math.floor(AT / 1000)),
    });
    const key = Buffer.from(SECRET.slice(6), "base64");
    const signed = `msg_0123456789abcdef.${Math.floor(AT / 1000)}.${body}`;
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
    expect(JSON.parse(body)).toEqual({ type: "alert.firing", timestamp: alertMessage().at, data: alertMessage() });
  });

  test("is signed as the vector of Standard Webhooks' own libraries", () => {
    const key = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
    expect(signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, '{"test": 2432232314}')).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });

  test("has two signatures while one secret takes the other's place", async () => {
    const { got, url } = await receiver((response) => response.end());
    await channelTo(url, { secret: `${SECRET}, whsec_${Buffer.alloc(24, 7).toString("base64")}` }).send(
      alertMessage(),
      signal,
    );
    expect(got[0]!.headers["webhook-signature"]).toMatch(/^v1,\S{44} v1,\S{44}$/);
  });

  test("that answers 500, then 200 fails, then has it", async () => {
    const { got, url } = await receiver((response, count) => response.writeHead(count === 1 ? 500 : 200).end("T0P"));
    expect((await failureOf(url)).message).toBe("it answered 500");
    await channelTo(url).send(alertMessage(), signal);
    expect(got.map(({ headers }) => headers["webhook-id"])).toEqual(Array(2).fill("msg_0123456789abcdef"));
  });

  test("that asks for patience gets it", async () => {
    const { url } = await receiver((response) => response.writeHead(429, { "retry-after": "120" }).end());
    expect(await failureOf(url)).toMatchObject({ message: "it answered 429", retryAfter: 120_000 });
  });

  test.each(["soon", "-5", "99999999", "Fri, 20 Nov 2026 12:00:00 GMT"])(
    "that asks to be tried again %s is tried as any other",
    async (when) => {
      const { url } = await receiver((response) => response.writeHead(503, { "retry-after": when }).end());
      expect((await failureOf(url)).retryAfter).toBeUndefined();
    },
  );

  test("that redirects is not followed, wherever it points", async () => {
    const other = await receiver((response) => response.end());
    const { url } = await receiver((response) => response.writeHead(307, { location: other.url }).end());
    expect((await failureOf(url)).message).toBe("it answered 307, and redirects are not followed");
    expect(other.got).toEqual([]);
  });

  test("that is silent is given up", async () => {
    const { url } = await receiver(() => {});
    expect((await failureOf(url, { timeout: 200 })).message).toBe("it does not answer within 200 ms");
  });

  test("that answers byte by byte is given up as well", async () => {
    const { url } = await receiver((response) => {
      response.writeHead(500);
      const timer = setInterval(() => response.write("x"), 20);
      response.on("close", () => clearInterval(timer));
    });
    expect((await failureOf(url, { timeout: 300 })).message).toBe("it does not answer within 300 ms");
  });

  test("that answers without end is not listened to", async () => {
    const { url } = await receiver((response) => {
      response.writeHead(500);
      const more = () => {
        while (response.write(Buffer.alloc(65_536))) if (response.destroyed) return;
        response.once("drain", more);
      };
      more();
    });
    const before = process.memoryUsage().rss;
    expect((await failureOf(url)).message).toBe("it answered 500");
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
  });

  test("that takes it and then talks on has it", async () => {
    const { url } = await receiver((response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write("x"), 20);
      response.on("close", () => clearInterval(timer));
    });
    await channelTo(url, { timeout: 500 }).send(alertMessage(), signal);
  });

  test("that closes the connection, or is not there, is told by its code", async () => {
    const closing = createTcpServer((socket) => socket.destroy());
    const port = await portOf(closing as never);
    expect((await failureOf(`http://127.0.0.1:${port}/T0P`)).message).toBe("ECONNRESET");
    await new Promise((resolve) => closing.close(resolve));
    expect((await failureOf(`http://127.0.0.1:${port}/T0P`)).message).toBe("ECONNREFUSED");
    expect((await failureOf("http://nowhere.invalid/T0P")).message).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
  });

  test("that speaks no HTTP, or no TLS where it should, is told by its code", async () => {
    const port = await portOf(createTcpServer((socket) => socket.end("220 T0P-SECRET hello\r\n")) as never);
    expect((await failureOf(`http://127.0.0.1:${port}/T0P`)).message).toMatch(/^HPE_/);
    expect((await failureOf(`https://127.0.0.1:${port}/T0P`)).message).toMatch(/^(ERR_SSL|EPROTO|ECONNRESET)/);
  });

  test("is left when the engine stops", async () => {
    const { url } = await receiver(() => {});
    const stop = new AbortController();
    const sending = channelTo(url, { timeout: 60_000 }).send(alertMessage(), stop.signal);
    sending.catch(() => {});
    await sleep(50);
    stop.abort();
    await expect(sending).rejects.toThrow(ChannelError);
  });
});
