import { randomUUID } from "node:crypto";
import type { ServiceBroker } from "moleculer";
import type { HealingRecord } from "../../../models/healing.ts";
import type { Clock } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import type { CallPair } from "../../../runtime/faults/call-faults.ts";
import { nearest } from "../../../runtime/nearest.ts";
import type { NodeContext } from "../../../runtime/node-context.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { unrest, untilCalm } from "./calm.ts";
import { type DependencyOptions, DependencyRun } from "./dependency-run.ts";
import { type Library, readLibrary } from "./experiment-files.ts";
import { ExperimentRun, type World } from "./experiment-run.ts";
import { intervene, undoFaults } from "./intervention.ts";
import { newSeed, seeded } from "./random.ts";
import type { Report } from "./report.ts";
import { nameOf, type ReportStore } from "./report-store.ts";
import { type ListedAction, readingActions } from "./steady-state.ts";
import { SuiteRun } from "./suite-run.ts";
import type { Topology } from "./topology.ts";

interface LaboratoryOptions {
  broker: ServiceBroker;
  context: NodeContext;
  clock: Clock;
  store: ReportStore;
  /** Where experiments and suites are; later ones take precedence. */
  folders: readonly string[];
}

interface Current {
  report: Report;
  stop(why: string): void;
  ended: Promise<unknown>;
}

const LOOK_TIMEOUT_MS = 1500;
/** Longest window over which the healer measures, ms at a time scale of 1. */
const MEASURED_OVER_MS = 30_000;
/** Whatever the time scale, ms. */
const LEAST_MEASURED_MS = 6000;

/** Runs one experiment, suite or check at a time, and keeps the reports. */
export class Laboratory {
  readonly #options: LaboratoryOptions;
  #current: Current | undefined;
  /** Ids under which nodes may be told to break something. */
  readonly #running = new Set<string>();
  /** The experiment that runs now, also within a suite. */
  run: ExperimentRun | undefined;

  constructor(options: LaboratoryOptions) {
    this.#options = options;
  }

  listing() {
    const { experiments, suites, problems } = this.#library();
    return {
      enabled: isEnabled(),
      ...(isEnabled() ? {} : { enable: HOW_TO_ENABLE }),
      experiments: [...experiments.values()].map(
        ({ name, description, fault, duration, blastRadius, steadyState }) => ({
          name,
          description,
          hypothesis: steadyState.hypothesis,
          fault,
          blastRadius,
          duration,
        }),
      ),
      suites: [...suites.values()],
      problems,
    };
  }

  async begin({ experiment, suite, seed = newSeed() }: { experiment?: string; suite?: string; seed?: number }) {
    refuseWhereOff();
    if ((experiment === undefined) === (suite === undefined)) {
      const errors = [
        { field: "experiment", value: experiment, allowed: "the name of an experiment, or suite instead" },
      ];
      throw new AzoraError("VALIDATION_ERROR", "Name either an experiment or a suite", { errors });
    }
    const library = this.#library();
    const found = experiment === undefined ? library.suites.get(suite!) : library.experiments.get(experiment);
    if (!found) throw notFound(library, experiment, suite);
    await this.#refuseNow();
    const id = randomUUID();
    if ("experiments" in found) {
      const random = seeded(seed);
      const run: SuiteRun = new SuiteRun(
        found,
        {
          clock: this.#options.clock,
          random,
          aftermath: Math.max(LEAST_MEASURED_MS, MEASURED_OVER_MS * readSettings().AZORA_HEALING_TIME_SCALE) + 1000,
          untilCalm: (within, isStopped) => untilCalm(this.#world(), within, isStopped),
          experiment: (name, ofSeed, of) => this.#experiment(library, name, ofSeed, randomUUID(), of),
          stopExperiment: (why) => this.run?.stop(why),
          save: (report) => this.#save(report),
        },
        { id, seed },
      );
      await this.#start(
        run.report,
        (why) => run.stop(why),
        () => run.run(),
      );
    } else {
      const world = this.#world();
      const run = new ExperimentRun(found, world, seeded(seed), { id, seed });
      await this.#start(
        run.report,
        (why) => run.stop(why),
        () => this.#carryOut(run),
      );
    }
    return { id, seed, ...(suite ? { suite } : { experiment }) };
  }

  async beginDependencies({ each, actions, services }: { each: number; actions: string[]; services?: string[] }) {
    refuseWhereOff();
    await this.#refuseNow();
    const world = this.#world();
    const topology = (await world.topology())!;
    const unknown = services?.find((name) => !topology.services.some((service) => service.name === name));
    if (unknown) {
      const meant = nearest(
        unknown,
        topology.services.map(({ name }) => name),
      );
      throw new AzoraError(
        "SERVICE_UNKNOWN",
        `No service is named ${unknown}${meant ? `; did you mean ${meant}?` : ""}`,
      );
    }
    const spared = new Set(topology.services.filter(({ runtimeSystem }) => runtimeSystem).map(({ name }) => name));
    const called = [...new Set([...actions, ...readingActions(world.actions(), spared)])];
    const { broker } = this.#options;
    const id = randomUUID();
    const options: DependencyOptions = { each, actions: called, ...(services ? { only: services } : {}) };
    const run = new DependencyRun(
      {
        clock: world.clock,
        topology: () => world.topology(),
        untilCalm: (within, isStopped) => untilCalm(world, within, isStopped),
        inject: (node, of, duration, fault) =>
          broker.call("node-faults.inject", { run: of, duration, fault }, { nodeID: node, timeout: 5000 }),
        undo: (of, nodes) => undoFaults(broker, of, nodes),
        pairs: async (node) =>
          ((await broker.call("node-faults.calls", {}, { nodeID: node, timeout: 3000 })) as { pairs: CallPair[] })
            .pairs,
        call: world.call,
      },
      options,
      id,
    );
    await this.#start(
      run.report,
      (why) => run.stop(why),
      async () => {
        this.#running.add(id);
        try {
          return await run.run();
        } finally {
          this.#running.delete(id);
        }
      },
    );
    return { id, called };
  }

  isRunning(run: string): boolean {
    return this.#running.has(run);
  }

  async stop(why: string): Promise<{ stopped: string | null }> {
    const current = this.#current;
    current?.stop(why);
    return { stopped: current?.report.id ?? null };
  }

  async report(id: string): Promise<Report> {
    const live = [this.#current?.report, this.run?.report].find((report) => report?.id === id);
    const found = live ?? (await this.#options.store.get(id));
    if (!found) throw new AzoraError("NOT_FOUND", `There is no report ${id}`, { id });
    return found;
  }

  /** In short: what happened stands in each report. */
  async reports(limit: number) {
    const reports = await this.#options.store.newest(limit);
    return reports.map((report) => {
      const { id, kind, startedAt, status, hypothesisHeld, stopped } = report;
      const name = nameOf(report);
      const more =
        report.kind === "experiment"
          ? {
              target: report.target,
              seed: report.seed,
              suite: report.suite,
              detectMs: report.detectMs,
              recoverMs: report.recoverMs,
              lost: report.lost,
            }
          : report.kind === "suite"
            ? { seed: report.seed, experiments: report.rows.length }
            : { services: report.tested.length };
      return { id, kind, name, startedAt, status, hypothesisHeld, ...(stopped ? { stopped } : {}), ...more };
    });
  }

  /** What a former life of this process left: its runs are marked, and everybody is told that they are over. */
  async afterDeath(): Promise<string[]> {
    const interrupted = await this.#options.store.interrupt();
    for (const { id } of interrupted) void this.#options.broker.broadcast("chaos.over", { run: id });
    return interrupted.map(nameOf);
  }

  checks(): Record<string, string> {
    const { problems } = this.#library();
    return {
      chaos: isEnabled() ? "on" : "off",
      running: this.#current ? nameOf(this.#current.report) : "nothing",
      files: problems.length === 0 ? "ok" : `${problems.map(({ file }) => file).join(", ")} cannot be used`,
    };
  }

  async close(): Promise<void> {
    this.#current?.stop("chaos-monkey is being stopped");
    await this.#current?.ended;
  }

  async #start(report: Report, stop: (why: string) => void, run: () => Promise<Report>): Promise<void> {
    const current: Current = { report, stop, ended: Promise.resolve() };
    this.#current = current;
    try {
      await this.#options.store.save(report);
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
    current.ended = run()
      .then((ended) => this.#save(ended))
      .catch((error) => this.#options.broker.logger.error("a chaos run failed", error))
      .finally(() => {
        this.#current = undefined;
      });
  }

  async #experiment(library: Library, name: string, seed: number, id: string, suite: string) {
    const run = new ExperimentRun(library.experiments.get(name)!, this.#world(), seeded(seed), { id, seed, suite });
    await this.#save(run.report);
    const report = await this.#carryOut(run);
    await this.#save(report);
    return report;
  }

  async #carryOut(run: ExperimentRun) {
    this.run = run;
    this.#running.add(run.report.id);
    try {
      return await run.run();
    } finally {
      this.#running.delete(run.report.id);
      this.run = undefined;
    }
  }

  /** A disk that is still full must not end a run that is over. */
  async #save(report: Report): Promise<void> {
    await this.#options.store.save(report).catch((error: Error) => {
      this.#options.broker.logger.error(`the report ${report.id} could not be kept: ${error.message}`);
    });
  }

  async #refuseNow(): Promise<void> {
    const refuseSecond = () => {
      if (!this.#current) return;
      const { report } = this.#current;
      throw new AzoraError("CHAOS_REFUSED", `${nameOf(report)} is running already (${report.id}); one at a time`, {
        running: report.id,
      });
    };
    refuseSecond();
    const why = await unrest(this.#world());
    // Two may have been asked for while the organism was looked at.
    refuseSecond();
    if (why) throw new AzoraError("CHAOS_REFUSED", `Nothing may be broken now: ${why}`);
  }

  #library(): Library {
    return readLibrary(this.#options.folders);
  }

  #world(): World {
    const { broker, context, clock } = this.#options;
    return {
      clock,
      self: broker.nodeID,
      topology: () =>
        broker
          .call<Topology, object>("master-orchestrator.topology", {}, { timeout: LOOK_TIMEOUT_MS })
          .catch(() => undefined),
      intervene: (request) => intervene(broker, context, clock, request),
      actions: () => listedActions(broker),
      call: (action, params, timeout) => broker.call(action, params, { timeout }),
      history: () =>
        broker.call<HealingRecord[], object>(
          "master-orchestrator.history",
          { limit: 100 },
          { timeout: LOOK_TIMEOUT_MS },
        ),
    };
  }
}

const HOW_TO_ENABLE = "set AZORA_CHAOS=on and start the organism anew";

function isEnabled(): boolean {
  return readSettings().AZORA_CHAOS === "on";
}

function refuseWhereOff(): void {
  if (!isEnabled())
    throw new AzoraError("CHAOS_REFUSED", `Chaos is off, and nothing is broken; ${HOW_TO_ENABLE}`, {
      setting: "AZORA_CHAOS",
    });
}

function notFound({ experiments, suites, problems }: Library, experiment?: string, suite?: string): AzoraError {
  const [what, name, known] = suite === undefined ? ["experiment", experiment!, experiments] : ["suite", suite, suites];
  const names = [...(known as Map<string, unknown>).keys()];
  const meant = nearest(name, names);
  const broken = problems.find(({ file }) => file.endsWith(`/${name}.json`));
  const why = broken
    ? `${broken.file} cannot be used: ${broken.errors.map(({ field, allowed }) => `${field} must be ${allowed}`).join("; ")}`
    : `There is no ${what} ${name}; ${meant ? `did you mean ${meant}?` : `there are ${names.join(", ")}`}`;
  return new AzoraError(broken ? "VALIDATION_ERROR" : "NOT_FOUND", why, broken ? { errors: broken.errors } : { name });
}

function listedActions(broker: ServiceBroker): ListedAction[] {
  const listed = broker.registry.actions.list({ onlyAvailable: true, skipInternal: true }) as {
    name: string;
    action?: { idempotent?: boolean; params?: object; service?: unknown };
  }[];
  return listed.map(({ name, action }) => ({
    name,
    service: name.slice(0, name.lastIndexOf(".")),
    ...(action?.idempotent === undefined ? {} : { idempotent: action.idempotent }),
    ...(action?.params ? { params: action.params } : {}),
  }));
}
