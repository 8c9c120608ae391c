/** TypeScript runs as it is: types are blanked out, nothing is compiled. Two projects, because servers must not run in parallel. */
const common = {
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": "<rootDir>/test/support/strip-types.mjs" },
  testEnvironment: "node",
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/.tmp/", "<rootDir>/examples/"],
};

export default {
  coverageProvider: "v8",
  reporters: ["default", "<rootDir>/test/support/skip-reporter.mjs"],
  projects: [
    { ...common, displayName: "unit", testMatch: ["<rootDir>/test/unit/**/*.test.ts"] },
    { ...common, displayName: "integration", testMatch: ["<rootDir>/test/integration/**/*.test.ts"] },
    { ...common, displayName: "e2e", testMatch: ["<rootDir>/test/{e2e,page}/**/*.test.ts"] },
  ],
};
