import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { readSettings } from "../../../runtime/settings.ts";
import { parseDockerfile } from "./dockerfile.ts";

const root = join(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");

const INSTRUCTIONS = [
  ...["FROM", "ARG", "ENV", "RUN", "COPY", "WORKDIR", "USER", "VOLUME", "EXPOSE"],
  ...["STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD", "LABEL"],
];
const instructions = parseDockerfile(read("Dockerfile"));
const all = (name: string) => instructions.filter((one) => one.name === name).map(({ text }) => text);
const last = (name: string) => all(name).at(-1)!;
const execForm = (text: string): string[] => JSON.parse(text.slice(text.indexOf("[")));

describe("the Dockerfile", () => {
  test("has known instructions only, and begins with an image", () => {
    expect(instructions.filter(({ name }) => !INSTRUCTIONS.includes(name))).toEqual([]);
    expect(instructions[0]!.name).toBe("FROM");
  });

  test("builds on the Node that the package pins", () => {
    const major = JSON.parse(read("package.json")).dependencies.node.split(".")[0];
    for (const from of all("FROM"))
      expect(from).toMatch(new RegExp(`^node:${major}(\\.[\\d.]+)?-[a-z]+-slim( AS \\w+)?$`));
  });

  test("installs Debian packages in one layer, without recommendations and without leaving lists behind", () => {
    const apt = all("RUN").filter((text) => text.includes("apt-get"));
    expect(apt).toHaveLength(1);
    expect(apt[0]).toMatch(
      /apt-get update && apt-get install -y --no-install-recommends .*rm -rf \/var\/lib\/apt\/lists\/\*/,
    );
    expect(apt[0]).toContain("nats-server");
  });

  test("installs what the lock file says", () => {
    expect(all("RUN").some((text) => text.startsWith("npm ci --omit=dev"))).toBe(true);
    expect(all("RUN").some((text) => /npm (install|i)\b/.test(text))).toBe(false);
  });

  test("runs azora up as a user without rights, and stops it with SIGTERM", () => {
    expect(last("USER")).toBe("azora");
    expect([...execForm(last("ENTRYPOINT")), ...execForm(last("CMD"))]).toEqual(["azora", "up"]);
    expect(last("STOPSIGNAL")).toBe("SIGTERM");
  });

  test("keeps data and logs in volumes that the settings name", () => {
    const env = Object.fromEntries(
      last("ENV")
        .split(" ")
        .map((pair) => pair.split("=") as [string, string]),
    );
    const { AZORA_DATA_DIR, AZORA_LOG_DIR } = readSettings(env);
    expect(execForm(last("VOLUME"))).toEqual([AZORA_DATA_DIR, AZORA_LOG_DIR]);
  });

  test("asks the orchestrator how it lives, without a shell", async () => {
    expect(last("HEALTHCHECK")).toMatch(/--interval=\w+ --timeout=\w+ --start-period=\w+ --retries=\d/);
    const [program, flag, script] = execForm(last("HEALTHCHECK"));
    expect([program, flag]).toEqual(["node", "-e"]);
    expect(() => new Function(script!)).not.toThrow();
    expect(script).toContain("/live");
  });

  test("copies only what there is", () => {
    const copied = all("COPY")
      .filter((text) => !text.startsWith("--from"))
      .flatMap((text) => text.split(/\s+/).slice(0, -1));
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

test("the image's build sees everything that the package ships, and no secrets or data", () => {
  const rules = read(".dockerignore")
    .split("\n")
    .filter((line) => line && !line.startsWith("#"));
  const shipped = /SHIPPED = \[([^\]]+)\]/.exec(read("packaging/prepack.mjs"))![1]!.match(/[\w.]+/g)!;
  expect(rules[0]).toBe("*");
  expect(rules).toEqual(
    expect.arrayContaining([...shipped, "bin", "packaging", "package-lock.json"].map((name) => `!${name}`)),
  );
  for (const never of ["!data", "!logs", "!node_modules", "!.env"]) expect(rules).not.toContain(never);
});

interface ComposeService {
  image: string;
  build?: string;
  command?: string[];
  environment?: Record<string, string>;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  ports?: string[];
  volumes?: string[];
  networks?: string[];
  profiles?: string[];
  stop_grace_period?: string;
}

describe("the compose file", () => {
  const source = read("docker-compose.yml");
  const compose = parse(source) as {
    services: Record<string, ComposeService>;
    volumes: Record<string, unknown>;
    networks: Record<string, { internal?: boolean } | null>;
  };
  const services = Object.entries(compose.services);

  test("has Azora with bus, cache and database, each image with a version", () => {
    expect(Object.keys(compose.services)).toEqual(["azora", "nats", "redis", "mongo"]);
    for (const [, { image }] of services) expect(image).toMatch(/^[a-z]+:\d+\.\d+(\.\d+)?(-alpine)?$/);
    expect(compose.services["azora"]!.image).toBe(`azora:${JSON.parse(read("package.json")).version}`);
  });

  test("gives every service a health check; Azora's is in its image", () => {
    const without = services.filter(([, { healthcheck }]) => !healthcheck).map(([name]) => name);
    expect(without).toEqual(["azora"]);
  });

  test("waits for services that exist and tell their health", () => {
    for (const [name, { condition }] of Object.entries(compose.services["azora"]!.depends_on!)) {
      expect(condition).toBe("service_healthy");
      expect(compose.services[name]!.healthcheck).toBeDefined();
    }
  });

  test("names only volumes and networks that it declares", () => {
    const volumes = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(":")[0]));
    expect(Object.keys(compose.volumes)).toEqual([...new Set(volumes)]);
    const networks = services.flatMap(([, { networks = [] }]) => networks);
    expect(Object.keys(compose.networks)).toEqual([...new Set(networks)]);
  });

  test("lets only the gateway be reached from outside", () => {
    const open = services.filter(([, { ports }]) => ports).map(([name, { ports }]) => [name, ports]);
    expect(open).toEqual([["azora", ["3000:3000"]]]);
    expect(compose.networks["inside"]!.internal).toBe(true);
    for (const [name, { networks }] of services) if (name !== "azora") expect(networks).toEqual(["inside"]);
  });

  test("has no password in it, and does not start without one", () => {
    const variables = source.match(/\$\{\w+[^}]*\}/g)!;
    expect(variables.length).toBeGreaterThan(0);
    for (const variable of variables) expect(variable).toMatch(/^\$\{\w+:\?/);
  });

  test("gives Azora settings that it takes", () => {
    const { environment } = compose.services["azora"]!;
    const filled = Object.entries(environment!).map(([name, value]) => [name, value.replace(/\$\{[^}]*\}/g, "s3cret")]);
    const settings = readSettings(Object.fromEntries(filled));
    expect(settings.AZORA_EVENT_BUS_URL).toBe("nats://azora:s3cret@nats:4222");
    expect(settings.AZORA_REDIS_URL).toBe("redis://:s3cret@redis:6379");
  });

  test("starts MongoDB only when asked, because documents are kept in SQLite", () => {
    expect(services.filter(([, { profiles }]) => profiles).map(([name]) => name)).toEqual(["mongo"]);
    expect(compose.services["azora"]!.environment).not.toHaveProperty("AZORA_DB_URL");
  });
});
