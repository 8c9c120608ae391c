import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServiceBroker as Broker, type ServiceBroker } from "moleculer";
import { type StoreOptions, type StoreService, store } from "../../../mixins/store/store.ts";
import type { Model } from "../../../models/model.ts";

export interface Book {
  isbn: string;
  title: string;
  pages?: number;
  lent?: boolean;
  place?: { room?: string };
  tags?: string[];
}

export const bookModel: Model<Book> = {
  name: "books",
  fields: {
    isbn: { type: "string", min: 1, max: 20 },
    title: { type: "string", max: 200 },
    pages: { type: "number", integer: true, min: 1, optional: true },
    lent: { type: "boolean", optional: true },
    place: { type: "object", strict: true, optional: true, props: { room: { type: "string", optional: true } } },
    tags: { type: "array", items: "string", optional: true },
  },
  indexes: [{ fields: ["isbn"], unique: true }, { fields: ["title", "pages"] }, { fields: ["place.room"] }],
};

export interface Loan {
  isbn: string;
  reader: string;
}

export const loanModel: Model<Loan> = {
  name: "loans",
  fields: { isbn: { type: "string" }, reader: { type: "string" } },
  indexes: [{ fields: ["isbn"], unique: true }],
  requireVersion: true,
};

/** A data folder of the test's own; `AZORA_DATA_DIR` points to it until it is removed. */
export function dataFolder(): { path: string; file: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "azora-store-"));
  process.env["AZORA_DATA_DIR"] = path;
  return {
    path,
    file: join(path, "db", "library.sqlite"),
    remove() {
      delete process.env["AZORA_DATA_DIR"];
      rmSync(path, { recursive: true, force: true });
    },
  };
}

let brokers: ServiceBroker[] = [];

/** A started broker with the service `library`; `stopLibraries` stops it. */
export async function startLibrary(options: StoreOptions = {}, model: Model = bookModel) {
  const broker = new Broker({ logger: false, nodeID: `library-${brokers.length}`, registry: { stopDelay: 0 } });
  brokers.push(broker);
  const service = broker.createService({
    name: "library",
    mixins: [store(model, { collections: [loanModel], ...options })],
  }) as StoreService;
  await broker.start();
  return {
    broker,
    service,
    call: <R = Record<string, unknown>>(action: string, params?: object) =>
      broker.call(`library.${action}`, params) as Promise<R>,
  };
}

export async function stopLibraries(): Promise<void> {
  await Promise.all(brokers.map((broker) => broker.stop()));
  brokers = [];
}
