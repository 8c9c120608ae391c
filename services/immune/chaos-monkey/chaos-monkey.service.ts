import { join } from "node:path";
import type { Context } from "moleculer";
import { type StoreSchema, type StoreService, store } from "../../../mixins/store/store.ts";
import { chaosReportModel } from "../../../models/chaos-report.model.ts";
import type { Detection, HealingRecord } from "../../../models/healing.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { RUNTIME_CAPABILITY } from "../../../runtime/discovery/plan.ts";
import { removeFills } from "../../../runtime/faults/disk-filler.ts";
import { nodeContext } from "../../../runtime/node-context.ts";
import { readPlan } from "../../../runtime/organism.ts";
import { Laboratory } from "./laboratory.ts";
import { NATS_SERVER } from "./observations.ts";
import { MAX_SEED } from "./random.ts";
import { MAX_REPORTS, ReportStore } from "./report-store.ts";

type Monkey = StoreService & { laboratory?: Laboratory; unlisten?: () => void };

const HERE = import.meta.dirname;
const NAME = { type: "string", min: 1, max: 100, optional: true };
const STRICT = { $$strict: true };

function laboratory(service: unknown): Laboratory {
  return (service as Monkey).laboratory!;
}

const schema: StoreSchema = {
  name: "chaos-monkey",
  metadata: {
    launchPhase: 0,
    priority: "low",
    capabilities: [RUNTIME_CAPABILITY, "chaos"],
    singleton: true,
    description: "Breaks things on purpose, within bounds, and reports how the organism heals",
  },
  mixins: [store(chaosReportModel, { expendable: true })],
  actions: {
    /** What can be run, and which files cannot be used. */
    experiments: {
      idempotent: true,
      params: STRICT,
      handler() {
        return laboratory(this).listing();
      },
    },

    /** Begins an experiment or a suite, and answers with the id of its report. */
    run: {
      params: {
        experiment: NAME,
        suite: NAME,
        seed: { type: "number", integer: true, min: 0, max: MAX_SEED, optional: true, convert: true },
        ...STRICT,
      },
      handler(ctx: Context<{ experiment?: string; suite?: string; seed?: number }>) {
        return laboratory(this).begin(ctx.params);
      },
    },

    /** Lets each service fail in turn for `each` ms, while `actions` are called, and sees who minds. */
    dependencies: {
      params: {
        each: { type: "number", integer: true, min: 500, max: 60_000, default: 2000, convert: true },
        actions: { type: "array", items: { type: "string", min: 3, max: 200 }, max: 100, default: () => [] },
        services: { type: "array", items: { type: "string", min: 1, max: 200 }, max: 1000, optional: true },
        ...STRICT,
      },
      handler(ctx: Context<{ each: number; actions: string[]; services?: string[] }>) {
        return laboratory(this).beginDependencies(ctx.params);
      },
    },

    /** Ends what runs, and undoes its faults at once. */
    stop: {
      params: STRICT,
      handler() {
        return laboratory(this).stop("it was stopped by the operator");
      },
    },

    /** A report; of a run under way as far as it is. */
    report: {
      idempotent: true,
      params: { id: { type: "string", min: 1, max: 100 }, ...STRICT },
      handler(ctx: Context<{ id: string }>) {
        return laboratory(this).report(ctx.params.id);
      },
    },

    /** The newest first. */
    reports: {
      idempotent: true,
      params: {
        limit: { type: "number", integer: true, min: 1, max: MAX_REPORTS, default: 20, convert: true },
        ...STRICT,
      },
      handler(ctx: Context<{ limit: number }>) {
        return laboratory(this).reports(ctx.params.limit);
      },
    },

    /** Whether a run is under way: a node asks before it breaks anything. */
    confirm: {
      idempotent: true,
      params: { run: { type: "string", min: 1, max: 100 }, ...STRICT },
      handler(ctx: Context<{ run: string }>) {
        return laboratory(this).isRunning(ctx.params.run);
      },
    },

    health: {
      handler() {
        return { status: "healthy", checks: laboratory(this).checks() };
      },
    },

    // What the store would let anybody do with the reports.
    ...(Object.fromEntries(
      ["list", "find", "count", "get", "create", "insert", "update", "remove", "restore"].map((name) => [name, false]),
    ) as object),
  },

  events: {
    "healing.detected"(this: Monkey, ctx: Context<Detection>) {
      this.laboratory?.run?.observations?.detected(ctx.params);
    },
    "healing.recorded"(this: Monkey, ctx: Context<HealingRecord>) {
      this.laboratory?.run?.observations?.healed(ctx.params);
    },
    "organism.node"(this: Monkey, ctx: Context<{ id: string; status: string; why?: string }>) {
      this.laboratory?.run?.observations?.nodeChanged(ctx.params.id, ctx.params.status, ctx.params.why ?? "");
    },
    "$transporter.lost"(this: Monkey) {
      this.laboratory?.run?.observations?.processGone(NATS_SERVER);
    },
  } as never,

  async started() {
    const monkey = this as unknown as Monkey;
    const context = nodeContext(this.broker);
    const { project } = readPlan(context.organism.dataDir);
    monkey.laboratory = new Laboratory({
      broker: this.broker,
      context,
      clock: systemClock,
      store: new ReportStore(() => monkey.collection(chaosReportModel)),
      folders: [join(HERE, "experiments"), join(HERE, "suites"), join(project.root, "chaos")],
    });
    const gone = ({ id }: { id: string }) => monkey.laboratory?.run?.observations?.processGone(id);
    context.mesh.on("down", gone).on("hung", gone);
    monkey.unlisten = () => context.mesh.off("down", gone).off("hung", gone);
    const interrupted = await monkey.laboratory.afterDeath();
    if (interrupted.length === 0) return;
    removeFills(context.organism.dataDir);
    this.logger.warn(
      `${interrupted.length} runs were interrupted by the end of this process: ${interrupted.join(", ")}`,
    );
  },

  async stopped() {
    const monkey = this as unknown as Monkey;
    monkey.unlisten?.();
    await monkey.laboratory?.close();
  },
};

export default schema;
