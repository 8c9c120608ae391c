import type { AlertDefinitions } from "../../../../models/alerts.ts";
import type { RuleFault } from "../../../../models/rules.ts";
import { checkAlerts, type DefinedAlert } from "../../../../runtime/alerts/check-alerts.ts";
import type { AlertDefinition } from "../../../../runtime/alerts/definition.ts";
import { alertFault, definitionView } from "../../../../runtime/alerts/definition-views.ts";
import { type EffectiveAlert, effectiveAlerts } from "../../../../runtime/alerts/effective-alerts.ts";
import { FaultNews } from "../rule-store/fault-news.ts";
import { type FileFault, WatchedFolders } from "../watched-folders.ts";

export interface DefinitionFilesOptions {
  /** The project's folder `alerts`; left out where there is no project. */
  folder?: string;
  /** Own metrics that have been published, as `heart.user-management.signups`. */
  own(): readonly string[];
  logger: { warn(text: string): void };
}

/** bytes: a hundred alerts have thirty thousand */
const LARGEST = 256 * 1024;
/** Faults that are kept and shown; of more it is said how many there are. */
const MOST_FAULTS = 200;

/** What is an alert: what is built in, and what the files of the project's folder `alerts` say. */
export class DefinitionFiles {
  readonly #options: DefinitionFilesOptions;
  readonly #files: WatchedFolders<DefinedAlert>;
  readonly #news = new FaultNews("alerts");
  #alerts: EffectiveAlert[] = effectiveAlerts([]).alerts;
  #faults: (RuleFault & { file?: string })[] = [];

  constructor(options: DefinitionFilesOptions) {
    this.#options = options;
    const folders = options.folder === undefined ? [] : [{ path: options.folder, shown: "alerts" }];
    const check = (input: unknown) => {
      const { alerts, faults } = checkAlerts(input, options.own());
      return { found: alerts, faults };
    };
    this.#files = new WatchedFolders(folders, check, LARGEST);
  }

  /** By which alerts are judged. */
  get effective(): AlertDefinition[] {
    return this.#alerts.filter(({ enabled }) => enabled).map(({ definition }) => definition);
  }

  get views(): AlertDefinitions {
    return { alerts: this.#alerts.map(definitionView), faults: this.#faults.map(alertFault) };
  }

  /** Names of files with faults; `alerts` where it is the folder itself. */
  get faulty(): string[] {
    return [...new Set(this.#faults.map(({ file }) => file ?? "alerts"))];
  }

  /** Takes in what has changed in the files. True where anything has. */
  async look(): Promise<boolean> {
    if (!(await this.#files.read())) return false;
    const { alerts, faults } = effectiveAlerts(this.#files.found);
    this.#alerts = alerts;
    this.#faults = bounded([...this.#files.faults, ...faults]);
    for (const line of this.#news.lines(this.#faults)) this.#options.logger.warn(`alerts: ${line}`);
    return true;
  }
}

function bounded(faults: FileFault[]): (RuleFault & { file?: string })[] {
  const more = faults.length - MOST_FAULTS;
  if (more <= 0) return faults;
  return [...faults.slice(0, MOST_FAULTS), { rule: "", path: "", detail: `there are ${more} more faults` }];
}
