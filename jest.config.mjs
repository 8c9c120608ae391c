/** TypeScript runs as it is: types are blanked out, nothing is compiled. */
const common = {
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": "<rootDir>/test/support/strip-types.mjs" },
  testEnvironment: "node",
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/.tmp/", "<rootDir>/examples/"],
};

/**
 * No other organism may start meanwhile: one compares how long calls take, the other lets no call fail while it kills one
 * process after the other.
 */
const ALONE = "/test/e2e/(performance-optimizer|random-kills)\\.test\\.ts$";
/** Which end-to-end tests: set by `test/run.mjs`; without it all of them. */
const CHOICE = {
  alone: { testRegex: ALONE },
  beside: { testMatch: ["<rootDir>/test/{e2e,page}/**/*.test.ts"], testPathIgnorePatterns: [ALONE] },
  all: { testMatch: ["<rootDir>/test/{e2e,page}/**/*.test.ts"] },
};

export default {
  /** Against tests that hang, ms: a test that is about a time measures it itself, and a loaded machine is no fault. */
  testTimeout: 30_000,
  coverageProvider: "v8",
  reporters: ["default", "<rootDir>/test/support/skip-reporter.mjs"],
  projects: [
    { ...common, displayName: "unit", testMatch: ["<rootDir>/test/unit/**/*.test.ts"] },
    { ...common, displayName: "integration", testMatch: ["<rootDir>/test/integration/**/*.test.ts"] },
    { ...common, displayName: "e2e", ...CHOICE[process.env.END_TO_END ?? "all"] },
  ],
};
