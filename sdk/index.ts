/** Client classes for other programs: `import { AzoraAutoHealer } from "azora/sdk"`. */
export * from "./auto-healer.ts";
export * from "./blockchain-logger.ts";
export * from "./flags.ts";
export * from "./integration-tests.ts";
export * from "./performance-optimizer.ts";
export * from "./symbiotic-rules-engine.ts";
