import { readSettings } from "../../../runtime/settings.ts";

/** How the orchestrator behaves. Each value is taken from the environment variable named beside it, and checked there. */
export interface OrchestratorConfig {
  /** Time between two health polls, ms. `AZORA_HEALTH_INTERVAL` @default 5000 */
  healthCheckInterval: number;
  /** Automatic restarts before quarantine. `AZORA_DEFAULT_MAX_RESTART_ATTEMPTS` @default 7 */
  defaultMaxRestartAttempts: number;
  /** Time that a service may take to start, ms. `AZORA_DEFAULT_STARTUP_TIMEOUT` @default 60000 */
  defaultStartupTimeout: number;
  /** Late health answers in a row that make a service unhealthy; of those that say so, one less. `AZORA_CIRCUIT_BREAKER_THRESHOLD` @default 3 */
  circuitBreakerThreshold: number;
  /** Time after which a quarantined service is tried once more, ms. `AZORA_CIRCUIT_BREAKER_RESET_TIMEOUT` @default 60000 */
  circuitBreakerResetTimeout: number;
  /** Services that may start at the same time, phase 0 apart. `AZORA_PARALLEL_LAUNCH_LIMIT` @default 10 */
  parallelLaunchLimit: number;
  /** `AZORA_LOG_LEVEL` @default "info" */
  logLevel: string;
  /** Port of the API and the page on 127.0.0.1. `AZORA_ORCHESTRATOR_PORT` @default 9000 */
  port: number;
  /** Who may read without the operator's token: `writes` everybody on loopback, `all` nobody. `AZORA_ORCHESTRATOR_AUTH` */
  auth: "writes" | "all";
  /** Multiplies every wait of healing. `AZORA_HEALING_TIME_SCALE` @default 1 */
  healingTimeScale: number;
}

export function orchestratorConfig(env: NodeJS.ProcessEnv = process.env): OrchestratorConfig {
  const settings = readSettings(env);
  return {
    healthCheckInterval: settings.AZORA_HEALTH_INTERVAL,
    defaultMaxRestartAttempts: settings.AZORA_DEFAULT_MAX_RESTART_ATTEMPTS,
    defaultStartupTimeout: settings.AZORA_DEFAULT_STARTUP_TIMEOUT,
    circuitBreakerThreshold: settings.AZORA_CIRCUIT_BREAKER_THRESHOLD,
    circuitBreakerResetTimeout: settings.AZORA_CIRCUIT_BREAKER_RESET_TIMEOUT,
    parallelLaunchLimit: settings.AZORA_PARALLEL_LAUNCH_LIMIT,
    logLevel: settings.AZORA_LOG_LEVEL,
    port: settings.AZORA_ORCHESTRATOR_PORT,
    auth: settings.AZORA_ORCHESTRATOR_AUTH as "writes" | "all",
    healingTimeScale: settings.AZORA_HEALING_TIME_SCALE,
  };
}
