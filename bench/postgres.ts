/** PostgreSQL from Debian with an audit table whose trigger chains the rows by hash, as teams build it by hand. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { freePort } from "../runtime/free-port.ts";

const VERSIONS = "/usr/lib/postgresql";
/** PostgreSQL does not run as root; Debian's package makes this user. */
const USER = "postgres";

/** The lock makes the rows follow one another: without it two at once would have the same predecessor. */
const SCHEMA = `
CREATE TABLE audit (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), type text NOT NULL, data jsonb NOT NULL,
  previous bytea, hash bytea NOT NULL);
CREATE FUNCTION chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(1);
  SELECT hash INTO NEW.previous FROM audit ORDER BY id DESC LIMIT 1;
  NEW.hash := sha256(coalesce(NEW.previous, ''::bytea) || convert_to(NEW.id || NEW.type || NEW.data::text, 'UTF8'));
  RETURN NEW;
END $$;
CREATE TRIGGER chain BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION chain();
`;

export interface Load {
  /** Rows a second. */
  perSecond: number;
  /** Of a transaction, ms. */
  p50: number;
  p99: number;
}

/** Where its programs are; undefined where it is not installed. */
export function postgresPrograms(): string | undefined {
  try {
    const newest = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))[0];
    return newest && join(VERSIONS, newest, "bin");
  } catch {
    return undefined;
  }
}

export class Postgres {
  readonly #programs: string;
  readonly #folder: string;
  readonly #port: number;

  private constructor(programs: string, folder: string, port: number) {
    this.#programs = programs;
    this.#folder = folder;
    this.#port = port;
  }

  static async start(programs: string): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), "azora-postgres-"));
    const postgres = new Postgres(programs, folder, await freePort());
    postgres.#own(folder);
    postgres.#run("initdb", "-D", join(folder, "db"), "-U", "bench", "-A", "trust", "--no-sync");
    const options = `-p ${postgres.#port} -k ${folder} -c listen_addresses= -c max_connections=100 -c shared_buffers=256MB`;
    postgres.#run("pg_ctl", "-D", join(folder, "db"), "-o", options, "-l", join(folder, "log"), "-w", "start");
    postgres.#run("createdb", ...postgres.#connection(), "bench");
    postgres.#script("schema.sql", SCHEMA);
    postgres.#run("psql", ...postgres.#connection(), "-q", "-f", join(folder, "schema.sql"), "bench");
    return postgres;
  }

  /** Inserts this data for so many seconds from so many clients, `rows` rows a commit. */
  load(data: string, clients: number, rows: number, seconds: number): Load {
    const row = `('mint.transaction.done', '${data.replaceAll("'", "''")}')`;
    this.#script("load.sql", `INSERT INTO audit (type, data) VALUES ${Array(rows).fill(row).join(",")};\n`);
    const logs = join(this.#folder, "tx");
    rmSync(logs, { recursive: true, force: true });
    mkdirSync(logs);
    this.#own(logs);
    const load = ["-n", "-f", join(this.#folder, "load.sql"), "-c", String(clients), "-j", "2", "-T", String(seconds)];
    const out = this.#run("pgbench", ...this.#connection(), ...load, "-l", `--log-prefix=${join(logs, "t")}`, "bench");
    const perSecond = rows * Number(/tps = ([\d.]+)/.exec(out)![1]);
    // Each line: client, transaction, latency in µs, …
    const latencies = readdirSync(logs)
      .flatMap((name) => readFileSync(join(logs, name), "utf8").trim().split("\n"))
      .map((line) => Number(line.split(" ")[2]) / 1000)
      .sort((a, b) => a - b);
    const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!;
    return { perSecond, p50: at(0.5), p99: at(0.99) };
  }

  close(): void {
    try {
      this.#run("pg_ctl", "-D", join(this.#folder, "db"), "-m", "immediate", "-w", "stop");
    } finally {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  #connection(): string[] {
    return ["-h", this.#folder, "-p", String(this.#port), "-U", "bench"];
  }

  #script(name: string, text: string): void {
    writeFileSync(join(this.#folder, name), text);
    chmodSync(join(this.#folder, name), 0o644);
  }

  #own(path: string): void {
    if (userInfo().uid !== 0) return;
    const uid = Number(execFileSync("id", ["-u", USER], { encoding: "utf8" }));
    chownSync(path, uid, Number(execFileSync("id", ["-g", USER], { encoding: "utf8" })));
  }

  #run(program: string, ...args: string[]): string {
    const command = join(this.#programs, program);
    const asUser = userInfo().uid === 0 ? ["runuser", "-u", USER, "--", command, ...args] : [command, ...args];
    const { status, stdout, stderr } = spawnSync(asUser[0]!, asUser.slice(1), {
      encoding: "utf8",
      cwd: this.#folder,
      // A server that goes on would keep a pipe open.
      stdio: program === "pg_ctl" ? ["ignore", "ignore", "ignore"] : ["ignore", "pipe", "pipe"],
    });
    if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr ?? ""}`);
    return stdout ?? "";
  }
}
