import { randomUUID } from "node:crypto";
import type { ServiceBroker } from "moleculer";
import type { Clock } from "../../../runtime/clock.ts";
import { AzoraError } from "../../../runtime/errors.ts";
import { nearest } from "../../../runtime/nearest.ts";
import type { NodeContext } from "../../../runtime/node-context.ts";
import { readSettings } from "../../../runtime/settings.ts";
import { readingActions } from "./call-probe.ts";
import { unrest, untilCalm } from "./calm.ts";
import { DependencyRun } from "./dependency-run.ts";
import { dependencyWorld } from "./dependency-world.ts";
import type { Experiment } from "./experiment.ts";
import { type Library, notFound, readLibrary } from "./experiment-files.ts";
import { ExperimentRun } from "./experiment-run.ts";
import { HOW_TO_ENABLE, isEnabled, refuseWhereOff } from "./permission.ts";
import { newSeed, seeded } from "./random.ts";
import { nameOf, type Report, type RunIdentity, summaryOf } from "./report.ts";
import type { ReportStore } from "./report-store.ts";
import { RunSlot } from "./run-slot.ts";
import type { Suite } from "./suite.ts";
import { SuiteRun, type SuiteWorld } from "./suite-run.ts";
import { type World, worldOf } from "./world.ts";

interface LaboratoryOptions {
  broker: ServiceBroker;
  context: NodeContext;
  clock: Clock;
  store: ReportStore;
  /** Where experiments and suites are; later ones take precedence. */
  folders: readonly string[];
}

/** Longest window over which the healer measures, ms at a time scale of 1. */
const MEASURED_OVER_MS = 30_000;
/** Whatever the time scale, ms. */
const LEAST_MEASURED_MS = 6000;

/** Runs one experiment, suite or check at a time, and keeps the reports. */
export class Laboratory {
  readonly #options: LaboratoryOptions;
  readonly #world: World;
  readonly #slot: RunSlot;
  /** The experiment that runs now or ran last, also within a suite. */
  run: ExperimentRun | undefined;

  constructor(options: LaboratoryOptions) {
    this.#options = options;
    const { broker, context, clock, store } = options;
    this.#world = worldOf(broker, context, clock);
    this.#slot = new RunSlot(store, clock, (message) => broker.logger.error(message));
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
    const identity = { id: randomUUID(), seed };
    const run = "experiments" in found ? this.#suite(library, found, identity) : this.#experiment(found, identity);
    await this.#slot.begin(run);
    return { ...identity, ...(suite ? { suite } : { experiment }) };
  }

  async beginDependencies({ each, actions, services }: { each: number; actions: string[]; services?: string[] }) {
    refuseWhereOff();
    await this.#refuseNow();
    const world = this.#world;
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
    const id = randomUUID();
    const options = { each, actions: called, ...(services ? { only: services } : {}) };
    await this.#slot.begin(new DependencyRun(dependencyWorld(this.#options.broker, world), options, id));
    return { id, called };
  }

  isRunning(run: string): boolean {
    return this.#slot.isUnderWay(run);
  }

  stop(why: string): { stopped: string | null } {
    return { stopped: this.#slot.stop(why) };
  }

  async report(id: string): Promise<Report> {
    const live = [this.#slot.report, this.run?.report].find((report) => report?.id === id);
    const found = live ?? (await this.#options.store.get(id));
    if (!found) throw new AzoraError("NOT_FOUND", `There is no report ${id}`, { id });
    return found;
  }

  /** In short: what happened stands in each report. */
  async reports(limit: number) {
    const reports = await this.#options.store.newest(limit);
    return reports.map(summaryOf);
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
      running: this.#slot.report ? nameOf(this.#slot.report) : "nothing",
      files: problems.length === 0 ? "ok" : `${problems.map(({ file }) => file).join(", ")} cannot be used`,
    };
  }

  close(): Promise<void> {
    return this.#slot.close();
  }

  #experiment(experiment: Experiment, identity: RunIdentity): ExperimentRun {
    this.run = new ExperimentRun(experiment, this.#world, seeded(identity.seed), identity);
    return this.run;
  }

  #suite(library: Library, suite: Suite, identity: RunIdentity): SuiteRun {
    const { clock } = this.#options;
    const world: SuiteWorld = {
      clock,
      random: seeded(identity.seed),
      aftermath: Math.max(LEAST_MEASURED_MS, MEASURED_OVER_MS * readSettings().AZORA_HEALING_TIME_SCALE) + 1000,
      untilCalm: (within, isStopped) => untilCalm(this.#world, within, isStopped),
      experiment: async (name, seed, of) => {
        const run = this.#experiment(library.experiments.get(name)!, { id: randomUUID(), seed, suite: of });
        await this.#slot.save(run.report);
        return this.#slot.carryOut(run);
      },
      stopExperiment: (why) => this.run?.stop(why),
      save: (report) => this.#slot.save(report),
    };
    return new SuiteRun(suite, world, identity);
  }

  async #refuseNow(): Promise<void> {
    this.#slot.refuseSecond();
    const why = await unrest(this.#world);
    if (why) throw new AzoraError("CHAOS_REFUSED", `Nothing may be broken now: ${why}`);
  }

  #library(): Library {
    return readLibrary(this.#options.folders);
  }
}
