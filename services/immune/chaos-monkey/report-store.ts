import type { Collection } from "../../../mixins/store/collection.ts";
import type { ChaosReport } from "../../../models/chaos-report.model.ts";
import { nameOf, type Report } from "./report.ts";

/** Reports kept; the oldest makes room. */
export const MAX_REPORTS = 500;

/** The reports of all runs, on disk. */
export class ReportStore {
  readonly #collection: () => Collection<ChaosReport>;
  readonly #most: number;

  constructor(collection: () => Collection<ChaosReport>, most = MAX_REPORTS) {
    this.#collection = collection;
    this.#most = most;
  }

  async save(report: Report): Promise<void> {
    const collection = this.#collection();
    const document: ChaosReport = {
      run: report.id,
      kind: report.kind,
      name: nameOf(report),
      status: report.status,
      startedAt: report.startedAt,
      report: JSON.stringify(report),
    };
    const known = await collection.findOne({ run: report.id });
    if (known) await collection.update(known._id, document);
    else if ((await collection.count()) < this.#most) await collection.insert(document);
    else {
      // Overwritten, not removed: what is removed stays in the file.
      const [oldest] = await collection.find({}, { sort: "startedAt", limit: 1 });
      await collection.update(oldest!._id, document);
    }
  }

  async get(id: string): Promise<Report | undefined> {
    const found = await this.#collection().findOne({ run: id });
    return found && JSON.parse(found.report);
  }

  async newest(limit: number): Promise<Report[]> {
    const found = await this.#collection().find({}, { sort: "-startedAt", limit });
    return found.map(({ report }) => JSON.parse(report));
  }

  /** Marks what was under way when this process's former life ended. Returns those runs. */
  async interrupt(): Promise<Report[]> {
    const found = await this.#collection().find({ status: "running" }, { limit: this.#most });
    const reports = found.map(({ report }) => JSON.parse(report) as Report);
    for (const report of reports) {
      report.status = "interrupted";
      report.hypothesisHeld = null;
      report.stopped = "chaos-monkey itself ended during the run; its faults ended by themselves";
      await this.save(report);
    }
    return reports;
  }
}
