import { isIP } from "node:net";
import { resolve } from "node:path";
import { isCapturedEvent } from "./record/configured-rules.ts";
import {
  folder,
  integer,
  isBetween,
  isPercentEncoded,
  MAIL_ADDRESS,
  oneOf,
  positive,
  type Rule,
  url,
  webAddress,
} from "./setting-rules.ts";
import { arePairs } from "./tracing/tracing-config.ts";

/** Every setting of Azora. The environment variable's name is the key. */
const RULES = {
  /** Where the organism keeps what must survive it. */
  AZORA_DATA_DIR: folder("./data"),
  AZORA_LOG_DIR: folder("./logs"),
  /** Organisms with different namespaces never see each other. */
  AZORA_NAMESPACE: {
    default: "azora",
    allowed: "letters, digits and -, 1 to 40 characters",
    parse: (text) => (/^[a-z0-9][a-z0-9-]{0,39}$/i.test(text) ? text : undefined),
  } as Rule<string>,
  /** Address on which the gateway listens. There is no sign-in yet, so nobody else's machine reaches it by itself. */
  AZORA_HOST: {
    default: "127.0.0.1",
    allowed: "an IP address of this machine, as 127.0.0.1 or 0.0.0.0",
    parse: (text) => (isIP(text) ? text : undefined),
  } as Rule<string>,
  /** The gateway's port. */
  AZORA_PORT: integer(1, 65535, 3000),
  /** The orchestrator's API and page. */
  AZORA_ORCHESTRATOR_PORT: integer(1, 65535, 9000),
  /** Who may read the orchestrator's API on loopback without the token: everybody, or nobody. */
  AZORA_ORCHESTRATOR_AUTH: oneOf("writes", "writes", "all"),
  /** Time between two health polls, ms. */
  AZORA_HEALTH_INTERVAL: integer(50, 3_600_000, 5000),
  /** Multiplies every back-off, cooldown, stable time and budget window; for tests. */
  AZORA_HEALING_TIME_SCALE: positive(1),
  AZORA_LOG_LEVEL: oneOf("info", "trace", "debug", "info", "warn", "error", "fatal"),
  /** Automatic restarts of a service before it is quarantined. */
  AZORA_DEFAULT_MAX_RESTART_ATTEMPTS: integer(1, 100, 7),
  /** Time that a service may take to start, ms, where its metadata says nothing. */
  AZORA_DEFAULT_STARTUP_TIMEOUT: integer(1, 3_600_000, 60_000),
  /** Late health answers in a row after which a service counts as unhealthy; of answers that say so, one less. */
  AZORA_CIRCUIT_BREAKER_THRESHOLD: integer(1, 100, 3),
  /** Time after which a quarantined service is tried once more, ms. */
  AZORA_CIRCUIT_BREAKER_RESET_TIMEOUT: integer(1, 3_600_000, 60_000),
  /** Services that may start at the same time. */
  AZORA_PARALLEL_LAUNCH_LIMIT: integer(1, 1000, 10),
  /** Healing before something breaks, by the trend of what is measured: for every failure, or for some by name. */
  AZORA_HEALING_PREDICTIVE: {
    default: "off",
    allowed: "off, shadow or on, or a list such as leaking=on,slow=shadow",
    parse: (text) =>
      /^((leaking|slow|resource exhausted)=)?(off|shadow|on)(,(leaking|slow|resource exhausted)=(off|shadow|on))*$/.test(
        text,
      )
        ? text
        : undefined,
  } as Rule<string>,
  /** Whether the healer chooses the first remedy by what helped before: no, only says what it would choose, yes. */
  AZORA_HEALING_LEARNING: oneOf("off", "off", "shadow", "on"),
  /** Folder of healing actions of your own: files named `*.healing.{ts,js,mjs}`. */
  AZORA_HEALING_PLUGINS: folder("./healing"),
  /** Where alerts are posted. Empty: nowhere. The path may hold a secret. */
  AZORA_ALERT_WEBHOOK: {
    default: "",
    allowed: "a URL with http:// or https://, without a password",
    parse: webAddress,
  } as Rule<string>,
  /** Key that alerts are signed with, as in Standard Webhooks; two while one takes the other's place. */
  AZORA_ALERT_WEBHOOK_SECRET: {
    default: "",
    allowed: "whsec_ and 24 to 64 bytes in base64; or two such, with a comma",
    parse(text) {
      const keys = text.split(",").map((one) => /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(one.trim())?.[1]);
      const isKey = (key: string | undefined) =>
        key !== undefined && isBetween(Buffer.from(key, "base64").length, 24, 64);
      return keys.length <= 2 && keys.every(isKey) ? text : undefined;
    },
  } as Rule<string>,
  /** The server that mails alerts. Empty: none are mailed. */
  AZORA_ALERT_SMTP_URL: {
    default: "",
    allowed: "a URL as smtps://user:password@host:465 or smtp://host:587",
    parse(text) {
      if (!URL.canParse(text)) return undefined;
      const { protocol, hostname, pathname, username, password } = new URL(text);
      const isWhole = /^smtps?:$/.test(protocol) && hostname !== "" && /^\/?$/.test(pathname);
      return isWhole && isPercentEncoded(username) && isPercentEncoded(password) ? text : undefined;
    },
  } as Rule<string>,
  /** Who the mail is from, and who gets it. */
  AZORA_ALERT_MAIL_FROM: {
    default: "azora@localhost",
    allowed: "a mail address",
    parse: (text) => (MAIL_ADDRESS.test(text) ? text : undefined),
  } as Rule<string>,
  AZORA_ALERT_MAIL_TO: {
    default: "",
    allowed: "mail addresses, with commas, at most 20",
    parse(text) {
      const all = text.split(",").map((one) => one.trim());
      return all.length <= 20 && all.every((one) => MAIL_ADDRESS.test(one)) ? text : undefined;
    },
  } as Rule<string>,
  /** Least severity of an alert that is posted or mailed. The log, the page and the list have all. */
  AZORA_ALERT_SEVERITY: oneOf("warning", "info", "warning", "critical"),
  /** Time after which an alert that still fires, and that nobody has acknowledged, is posted and mailed again, ms. */
  AZORA_ALERT_REPEAT: integer(60_000, 604_800_000, 14_400_000),
  /** Whether the built-in rules keep the organism in balance: yes, they only say what they would do, no. */
  AZORA_DYNAMIC_BALANCE: oneOf("on", "on", "shadow", "off"),
  /** Whether experiments may break things on purpose. */
  AZORA_CHAOS: oneOf("off", "off", "on"),
  /** Whether events are captured for the audit chain. Switching it off is itself an entry. */
  AZORA_CHAIN_CAPTURE: oneOf("on", "on", "off"),
  /** Events that are captured beside the default ones, with commas: names or patterns, `=best-effort` for that grade. */
  AZORA_CHAIN_EVENTS: {
    default: "",
    allowed: "a list such as order.**,page.seen=best-effort",
    parse: (text) => (text.split(",").every((one) => isCapturedEvent(one.trim())) ? text : undefined),
  } as Rule<string>,
  /** Name of the audit chain's log for its readers and witnesses. Empty: one is made up when the log is. */
  AZORA_CHAIN_ORIGIN: {
    default: "",
    allowed: "a URL without its scheme, as example.org/audit, without blanks and +, at most 200 characters",
    parse: (text) => (/^[\x21-\x2a\x2c-\x7e]{1,200}$/.test(text) ? text : undefined),
  } as Rule<string>,
  /** Entries of a block, at most. */
  AZORA_CHAIN_BLOCK_ENTRIES: integer(1, 256, 256),
  /** Longest time until an entry is in a block, ms. */
  AZORA_CHAIN_BLOCK_INTERVAL: integer(10, 60_000, 1000),
  /** Longest time until an entry is covered by a signed checkpoint, ms. */
  AZORA_CHAIN_CHECKPOINT_INTERVAL: integer(10, 60_000, 1000),
  /** Age of an entry without a checkpoint, or of a checkpoint without a witness, that is an alarm, ms. */
  AZORA_CHAIN_CHECKPOINT_AGE: integer(100, 3_600_000, 15_000),
  /** Whether checkpoints carry a post-quantum signature too (ML-DSA-44). */
  AZORA_CHAIN_ML_DSA: oneOf("off", "off", "on"),
  /** Private keys of the log, PKCS #8 in PEM, all in one base64 text. Empty: they are made and kept in the data folder. */
  AZORA_CHAIN_KEYS: {
    default: "",
    allowed: "PKCS #8 private keys in PEM, one after the other, in base64",
    parse: (text) => (Buffer.from(text, "base64").includes("-----BEGIN PRIVATE KEY-----") ? text : undefined),
  } as Rule<string>,
  /** Key that wraps the keys of persons whose data is in the log. Empty: it is made and kept in the data folder. */
  AZORA_CHAIN_SUBJECT_KEY: {
    default: "",
    allowed: "32 bytes in base64",
    parse: (text) => (Buffer.from(text, "base64").length === 32 ? text : undefined),
  } as Rule<string>,
  /** Witnesses on other machines, with commas: `<vkey>@<URL>`. The organism's own witness is always asked. */
  AZORA_CHAIN_WITNESSES: {
    default: "",
    allowed: "a list of <vkey>@<http URL>, with commas",
    parse: (text) =>
      text.split(",").every((one) => /^[^\s+@]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+@https?:\/\/\S+$/.test(one.trim()))
        ? text
        : undefined,
  } as Rule<string>,
  /** What happens while no witness answers: the log goes on with an alarm, or it takes nothing more. */
  AZORA_CHAIN_WITNESS_POLICY: oneOf("open", "open", "closed"),
  /** Store operations that are under way at once on a node. */
  AZORA_DB_MAX_CONNECTIONS: integer(1, 10_000, 20),
  /** Connections of a node to Redis. */
  AZORA_REDIS_MAX_CONNECTIONS: integer(1, 1000, 10),
  /** Requests that a gateway process carries out at once. */
  AZORA_API_MAX_CONNECTIONS: integer(1, 100_000, 100),
  /** Calls that are under way at once in a node's worker threads; there are never more threads than processors. */
  AZORA_WORKER_MAX_CONNECTIONS: integer(1, 10_000, 50),
  /** Heap of a worker thread, MB. */
  AZORA_WORKER_MEMORY: integer(16, 65_536, 512),
  /** Where traces are sent, by OTLP over HTTP: the collector's address without `/v1/traces`. Empty: no traces are made. */
  AZORA_OTLP_ENDPOINT: {
    default: "",
    allowed: "a URL with http:// or https://, without a password",
    parse: webAddress,
  } as Rule<string>,
  /** Headers that the collector wants, such as a key. */
  AZORA_OTLP_HEADERS: {
    default: "",
    allowed: "a list such as authorization=Bearer%20abc,x-tenant=7",
    parse: (text) => (arePairs(text) ? text : undefined),
  } as Rule<string>,
  /** Share of requests that are traced, chosen by their id. */
  AZORA_TRACE_SAMPLE: {
    default: 0.01,
    allowed: "a number from 0 to 1",
    parse(text) {
      const value = Number(text);
      return text.trim() !== "" && value >= 0 && value <= 1 ? value : undefined;
    },
  } as Rule<number>,
  /** The bus. Empty: a private nats-server if it is on PATH, else the mesh. `mesh` forces the mesh. */
  AZORA_EVENT_BUS_URL: {
    default: "",
    allowed: "a URL with nats:// or tls://, or the word mesh",
    parse(text) {
      const every = text.split(",").every((part) => url("nats", "tls").parse(part.trim()) !== undefined);
      return text === "mesh" || every ? text : undefined;
    },
  } as Rule<string>,
  /** Documents. Empty: SQLite files in the data folder. */
  AZORA_DB_URL: url("mongodb", "mongodb+srv"),
  /** Second level of the cache. Empty: in process only. */
  AZORA_REDIS_URL: url("redis", "rediss"),
  /** Memory of each node for cached answers, bytes. */
  AZORA_CACHE_MAX_BYTES: integer(65_536, 1_099_511_627_776, 67_108_864),
} as const;

export type Settings = {
  -readonly [K in keyof typeof RULES]: (typeof RULES)[K]["default"] extends number ? number : string;
};
export type SettingName = keyof Settings;

/** Settings that may hold a password; they are never printed and never handed to foreign services. */
export const SECRET_SETTINGS: readonly SettingName[] = [
  "AZORA_EVENT_BUS_URL",
  "AZORA_DB_URL",
  "AZORA_REDIS_URL",
  "AZORA_CHAIN_KEYS",
  "AZORA_CHAIN_SUBJECT_KEY",
  "AZORA_OTLP_HEADERS",
  "AZORA_ALERT_WEBHOOK",
  "AZORA_ALERT_WEBHOOK_SECRET",
  "AZORA_ALERT_SMTP_URL",
];

/** Thrown with every wrong setting at once. */
export class SettingsError extends Error {
  readonly problems: string[];

  constructor(problems: string[]) {
    super(problems.join("\n"));
    this.name = "SettingsError";
    this.problems = problems;
  }
}

/**
 * Reads and checks all settings. Folders come back absolute.
 * @throws SettingsError naming each wrong variable, its value and what is allowed
 */
export function readSettings(env: NodeJS.ProcessEnv = process.env, cwd = process.cwd()): Settings {
  const settings: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, rule] of Object.entries(RULES) as [SettingName, Rule<unknown>][]) {
    const text = env[name];
    const value = text === undefined || text === "" ? rule.default : rule.parse(text);
    if (value === undefined) problems.push(`${name} is "${shown(name, text!)}", but must be ${rule.allowed}`);
    settings[name] = value;
  }
  if (problems.length === 0 && settings["AZORA_PORT"] === settings["AZORA_ORCHESTRATOR_PORT"]) {
    problems.push(`AZORA_PORT and AZORA_ORCHESTRATOR_PORT are both ${settings["AZORA_PORT"]}, but must differ`);
  }
  if (problems.length === 0) problems.push(...missing(settings));
  if (problems.length > 0) throw new SettingsError(problems);
  settings["AZORA_DATA_DIR"] = resolve(cwd, settings["AZORA_DATA_DIR"] as string);
  settings["AZORA_LOG_DIR"] = resolve(cwd, settings["AZORA_LOG_DIR"] as string);
  settings["AZORA_HEALING_PLUGINS"] = resolve(cwd, settings["AZORA_HEALING_PLUGINS"] as string);
  return settings as unknown as Settings;
}

/** What is of no use without another setting. */
function missing(settings: Record<string, unknown>): string[] {
  const needs: [SettingName, SettingName, string][] = [
    ["AZORA_ALERT_WEBHOOK", "AZORA_ALERT_WEBHOOK_SECRET", "alerts are only posted signed"],
    ["AZORA_ALERT_SMTP_URL", "AZORA_ALERT_MAIL_TO", "somebody has to get the mail"],
  ];
  return needs
    .filter(([name, needed]) => settings[name] !== "" && settings[needed] === "")
    .map(([name, needed, why]) => `${needed} is not set, but must be where ${name} is: ${why}`);
}

function shown(name: SettingName, text: string): string {
  if (!SECRET_SETTINGS.includes(name)) return text;
  if (!name.endsWith("_URL")) return `${text.length} characters`;
  // Whatever may hold a password goes, also where the URL is not well formed.
  return text.replace(/^(\w+:\/\/)?.*@/s, "$1…@");
}
