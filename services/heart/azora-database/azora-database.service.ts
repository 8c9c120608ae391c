import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Context, Service, ServiceSchema } from "moleculer";
import { storeFolder } from "../../../mixins/store/store-path.ts";
import { type Clock, systemClock } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { listBackups, makeBackup } from "./backups.ts";
import { runTask } from "./database-tasks.ts";
import { checkDisk, checkFolder, checkIntegrity, type DiskLimits, type Integrity, worst } from "./storage-health.ts";

interface DatabaseService extends Service<DiskLimits> {
  clock: Clock;
  /** `<AZORA_DATA_DIR>/db` */
  folder: string;
  lastIntegrity?: Integrity;
  files(service?: string | null): string[];
  checkFiles(files: string[]): Promise<Integrity>;
  backupFolder(): string;
}

const NAME = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";
const SERVICE = { type: "string", pattern: NAME, optional: true, description: "A service's full name." };

const schema: ServiceSchema<DiskLimits, object, object, DatabaseService> = {
  name: "azora-database",
  metadata: {
    launchPhase: 0,
    priority: "critical",
    capabilities: ["persistence", "backup"],
    description: "The services' stores on this machine: what they hold, whether they are sound, and backups of them.",
  },
  settings: { degradedBelow: 2 ** 30, unhealthyBelow: 100 * 2 ** 20 },
  actions: {
    stats: {
      description: "Each store with its size, its collections and the migrations applied.",
      params: { $$strict: true, service: SERVICE },
      idempotent: true,
      async handler(this: DatabaseService, ctx: Context<{ service?: string | null }>) {
        const paths = this.files(ctx.params.service);
        const contents = await runTask(
          "content",
          paths.map((path) => [path]),
        );
        const files = paths.map((path, i) => {
          const content = contents[i]!;
          return {
            service: serviceOf(path),
            path,
            bytes: sizeOf(path),
            /** Committed, and not yet moved into the file. */
            walBytes: sizeOf(`${path}-wal`),
            ...("error" in content ? { why: content.error.message } : content.result),
          };
        });
        const bytes = files.reduce((sum, file) => sum + file.bytes + file.walBytes, 0);
        return { folder: this.folder, bytes, files };
      },
    },
    integrity: {
      description: "Reads every store through and says what is damaged.",
      params: { $$strict: true, service: SERVICE },
      idempotent: true,
      handler(this: DatabaseService, ctx: Context<{ service?: string | null }>) {
        return this.checkFiles(this.files(ctx.params.service));
      },
    },
    backup: {
      description: "Copies every store, while the services go on, into a folder below backups.",
      params: {
        $$strict: true,
        name: {
          type: "string",
          pattern: NAME,
          optional: true,
          description: "Default: the time, as 20260101T120000.000Z.",
        },
      },
      handler(this: DatabaseService, ctx: Context<{ name?: string | null }>) {
        const now = this.clock.now();
        const name = ctx.params.name ?? new Date(now).toISOString().replace(/[-:]/g, "");
        return makeBackup(this.backupFolder(), name, this.files(), now);
      },
    },
    backups: {
      description: "The backups there are, newest first.",
      params: { $$strict: true },
      idempotent: true,
      handler(this: DatabaseService) {
        return listBackups(this.backupFolder());
      },
    },
    health: {
      description: "Whether the stores' folder can be written, the disk has room and the stores were sound.",
      params: { $$strict: true },
      idempotent: true,
      handler(this: DatabaseService) {
        const checks = {
          folder: checkFolder(this.folder, this.broker.nodeID.replace(/[^\w-]/g, "_")),
          disk: checkDisk(this.folder, this.settings),
          integrity: checkIntegrity(this.lastIntegrity),
        };
        return { status: worst(checks), checks };
      },
    },
  } as ServiceSchema<DiskLimits, object, object, DatabaseService>["actions"],
  methods: {
    files(this: DatabaseService, service?: string | null) {
      const all = listFolder(this.folder).filter((file) => file.endsWith(".sqlite"));
      const wanted = service ? all.filter((file) => serviceOf(file) === service) : all;
      if (service && wanted.length === 0) {
        const known = all.map(serviceOf);
        throw new AzoraError("NOT_FOUND", `No service "${service}" has a store here; there are ${known.join(", ")}`, {
          field: "service",
          value: service,
          known,
        });
      }
      return wanted.map((file) => join(this.folder, file));
    },

    async checkFiles(this: DatabaseService, paths: string[]): Promise<Integrity> {
      const outcomes = await runTask(
        "quickCheck",
        paths.map((path) => [path]),
      );
      const files = outcomes.map((outcome, i) => {
        const problems = "error" in outcome ? [outcome.error.message] : outcome.result;
        return { service: serviceOf(paths[i]!), ok: problems.length === 0, problems };
      });
      const checkedAt = new Date(this.clock.now()).toISOString();
      const present = new Set(this.files().map(serviceOf));
      const others = (this.lastIntegrity?.files ?? []).filter(
        ({ service }) => present.has(service) && !files.some((file) => file.service === service),
      );
      this.lastIntegrity = { checkedAt, files: [...others, ...files] };
      return { checkedAt, files };
    },

    backupFolder(this: DatabaseService) {
      return join(dirname(this.folder), "backups");
    },
  },
  created(this: DatabaseService) {
    this.clock = systemClock;
  },
  async started(this: DatabaseService) {
    this.folder = storeFolder();
    const { status, why } = checkFolder(this.folder, "start");
    if (status !== "healthy") throw new AzoraError("STORE_UNAVAILABLE", String(why), { folder: this.folder });
    // In the background: a large store takes its time, and the services wait for this one.
    this.checkFiles(this.files()).then(
      ({ files }) => {
        for (const { service, problems } of files.filter(({ ok }) => !ok)) {
          this.logger.error(`The store of ${service} is damaged: ${problems.join("; ")}`);
        }
      },
      (error) => this.logger.error("The stores could not be checked", error),
    );
  },
};

export default schema;

const serviceOf = (path: string) => basename(path, ".sqlite");

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
