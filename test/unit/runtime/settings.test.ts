import { describe, expect, test } from "@jest/globals";
import { natsOptions } from "../../../runtime/nats-transporter.ts";
import { readSettings, SettingsError } from "../../../runtime/settings.ts";

function problemsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    readSettings(env, "/here");
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.problems;
  }
}

describe("settings", () => {
  test("have defaults, and absolute folders", () => {
    expect(readSettings({ AZORA_PORT: "" }, "/here")).toEqual({
      AZORA_DATA_DIR: "/here/data",
      AZORA_LOG_DIR: "/here/logs",
      AZORA_NAMESPACE: "azora",
      AZORA_HOST: "127.0.0.1",
      AZORA_PORT: 3000,
      AZORA_ORCHESTRATOR_PORT: 9000,
      AZORA_ORCHESTRATOR_AUTH: "writes",
      AZORA_HEALTH_INTERVAL: 5000,
      AZORA_HEALING_TIME_SCALE: 1,
      AZORA_LOG_LEVEL: "info",
      AZORA_DEFAULT_MAX_RESTART_ATTEMPTS: 7,
      AZORA_DEFAULT_STARTUP_TIMEOUT: 60_000,
      AZORA_CIRCUIT_BREAKER_THRESHOLD: 3,
      AZORA_CIRCUIT_BREAKER_RESET_TIMEOUT: 60_000,
      AZORA_PARALLEL_LAUNCH_LIMIT: 10,
      AZORA_HEALING_PREDICTIVE: "off",
      AZORA_HEALING_LEARNING: "off",
      AZORA_HEALING_PLUGINS: "/here/healing",
      AZORA_ALERT_WEBHOOK: "",
      AZORA_ALERT_WEBHOOK_SECRET: "",
      AZORA_ALERT_SMTP_URL: "",
      AZORA_ALERT_MAIL_FROM: "azora@localhost",
      AZORA_ALERT_MAIL_TO: "",
      AZORA_ALERT_SEVERITY: "warning",
      AZORA_ALERT_REPEAT: 14_400_000,
      AZORA_CHAOS: "off",
      AZORA_DYNAMIC_BALANCE: "on",
      AZORA_CHAIN_CAPTURE: "on",
      AZORA_CHAIN_EVENTS: "",
      AZORA_CHAIN_ORIGIN: "",
      AZORA_CHAIN_BLOCK_ENTRIES: 256,
      AZORA_CHAIN_BLOCK_INTERVAL: 1000,
      AZORA_CHAIN_CHECKPOINT_INTERVAL: 1000,
      AZORA_CHAIN_CHECKPOINT_AGE: 15_000,
      AZORA_CHAIN_ML_DSA: "off",
      AZORA_CHAIN_KEYS: "",
      AZORA_CHAIN_SUBJECT_KEY: "",
      AZORA_CHAIN_WITNESSES: "",
      AZORA_CHAIN_WITNESS_POLICY: "open",
      AZORA_EVENT_BUS_URL: "",
      AZORA_DB_URL: "",
      AZORA_DB_MAX_CONNECTIONS: 20,
      AZORA_REDIS_MAX_CONNECTIONS: 10,
      AZORA_API_MAX_CONNECTIONS: 100,
      AZORA_WORKER_MAX_CONNECTIONS: 50,
      AZORA_WORKER_MEMORY: 512,
      AZORA_REDIS_URL: "",
      AZORA_CACHE_MAX_BYTES: 67_108_864,
      AZORA_OTLP_ENDPOINT: "",
      AZORA_OTLP_HEADERS: "",
      AZORA_TRACE_SAMPLE: 0.01,
    });
  });

  test.each([
    ["AZORA_PORT", "8080", 8080],
    ["AZORA_HEALING_PREDICTIVE", "leaking=on,slow=shadow", "leaking=on,slow=shadow"],
    ["AZORA_HEALING_TIME_SCALE", "0.05", 0.05],
    ["AZORA_NAMESPACE", "Team-7", "Team-7"],
    ["AZORA_CHAIN_EVENTS", "order.**, page.seen=best-effort", "order.**, page.seen=best-effort"],
    ["AZORA_DATA_DIR", "/var/azora", "/var/azora"],
    ["AZORA_EVENT_BUS_URL", "mesh", "mesh"],
    ["AZORA_EVENT_BUS_URL", "nats://a:4222,tls://b:4222", "nats://a:4222,tls://b:4222"],
    ["AZORA_DB_URL", "mongodb://a:27017,b:27017/azora", "mongodb://a:27017,b:27017/azora"],
    ["AZORA_REDIS_URL", "rediss://cache:6379", "rediss://cache:6379"],
  ] as const)("take %s=%s", (name, text, value) => {
    expect(readSettings({ [name]: text }, "/here")[name]).toBe(value);
  });

  test.each([
    ["AZORA_PORT", "0", "a whole number from 1 to 65535"],
    ["AZORA_PORT", "65536", "a whole number from 1 to 65535"],
    ["AZORA_PORT", "80a", "a whole number from 1 to 65535"],
    ["AZORA_PORT", "3e3", "a whole number from 1 to 65535"],
    ["AZORA_PORT", "-1", "a whole number from 1 to 65535"],
    ["AZORA_HEALTH_INTERVAL", "49", "a whole number from 50 to 3600000"],
    ["AZORA_HEALING_TIME_SCALE", "0", "a number above 0 and up to 100"],
    ["AZORA_HEALING_TIME_SCALE", "101", "a number above 0 and up to 100"],
    ["AZORA_HEALING_TIME_SCALE", "fast", "a number above 0 and up to 100"],
    ["AZORA_HEALING_TIME_SCALE", " ", "a number above 0 and up to 100"],
    ["AZORA_NAMESPACE", "a b", "letters, digits and -, 1 to 40 characters"],
    ["AZORA_NAMESPACE", "-a", "letters, digits and -, 1 to 40 characters"],
    ["AZORA_NAMESPACE", "a".repeat(41), "letters, digits and -, 1 to 40 characters"],
    ["AZORA_LOG_LEVEL", "loud", "one of trace, debug, info, warn, error, fatal"],
    ["AZORA_ORCHESTRATOR_AUTH", "none", "one of writes, all"],
    ["AZORA_DATA_DIR", "a\0b", "a folder's path"],
    ["AZORA_DB_URL", "postgresql://db", "a URL with mongodb:// or mongodb+srv://"],
    ["AZORA_EVENT_BUS_URL", "redis://cache", "a URL with nats:// or tls://, or the word mesh"],
    ["AZORA_EVENT_BUS_URL", "nats://a:4222,http://b", "a URL with nats:// or tls://, or the word mesh"],
    ["AZORA_EVENT_BUS_URL", "nats://a:4222,b:4222", "a URL with nats:// or tls://, or the word mesh"],
    ["AZORA_EVENT_BUS_URL", "nats", "a URL with nats:// or tls://, or the word mesh"],
    ["AZORA_REDIS_URL", "nats://a", "a URL with redis:// or rediss://"],
  ])("refuse %s=%j with its name, value and what is allowed", (name, text, allowed) => {
    expect(problemsOf({ [name]: text })).toEqual([`${name} is "${text}", but must be ${allowed}`]);
  });

  test("tell everything that is wrong at once", () => {
    expect(problemsOf({ AZORA_PORT: "x", AZORA_LOG_LEVEL: "x", AZORA_DB_URL: "x" })).toHaveLength(3);
  });

  test("refuse two servers on one port", () => {
    expect(problemsOf({ AZORA_PORT: "9000" })).toEqual([
      "AZORA_PORT and AZORA_ORCHESTRATOR_PORT are both 9000, but must differ",
    ]);
  });

  test.each([
    "redis://user:s3cret@cache",
    "http://user:s3cret@cache",
    "redis://user:p@s3cret@cache",
    "redis://user:p/s3cret@cache",
    "redis://a,redis://user:s3cret@b",
    "user:s3cret@cache",
  ])("never print the password in %s", (url) => {
    const [problem] = problemsOf({ AZORA_DB_URL: url });
    expect(problem).toContain("AZORA_DB_URL is ");
    expect(problem).not.toContain("s3cret");
  });
});

describe("the bus's URL", () => {
  test.each([
    ["nats://a:4222", { servers: ["a:4222"] }],
    ["nats://a:4222, nats://b:4223", { servers: ["a:4222", "b:4223"] }],
    ["nats://me:p%40ss@a:4222", { servers: ["a:4222"], user: "me", pass: "p@ss" }],
    ["nats://t0ken@a:4222", { servers: ["a:4222"], token: "t0ken" }],
  ])("%s becomes the client's options", (url, options) => {
    expect(natsOptions(url)).toEqual(options);
  });
});
