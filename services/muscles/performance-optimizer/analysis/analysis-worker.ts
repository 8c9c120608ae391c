/** The thread that analyses: comparing thousands of minutes with each other would hold up the service's event loop. */
import { parentPort } from "node:worker_threads";
import type { ServiceAnalysis } from "../../../../models/performance-views.ts";
import { analyzeService } from "./analyze-service.ts";
import type { ServiceFacts } from "./service-facts.ts";

/** `number` comes back with the answer. */
export interface AnalysisRequest {
  number: number;
  services: ServiceFacts[];
}

export interface AnalysisReport {
  number: number;
  analyses: ServiceAnalysis[];
  /** Why some services could not be analysed. */
  failed: { service: string; why: string }[];
}

parentPort!.on("message", ({ number, services }: AnalysisRequest) => {
  const report: AnalysisReport = { number, analyses: [], failed: [] };
  for (const facts of services) {
    try {
      report.analyses.push(analyzeService(facts));
    } catch (error) {
      report.failed.push({ service: facts.service, why: (error as Error).message });
    }
  }
  parentPort!.postMessage(report);
});
