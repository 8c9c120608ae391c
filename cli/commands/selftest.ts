import {
  INTEGRATION_TESTS,
  IntegrationTestError,
  type IntegrationTestOptions,
  type IntegrationTestResult,
  runAzoraIntegrationTests,
} from "../../sdk/integration-tests.ts";
import { ApiClient } from "../api-client.ts";
import { type Command, CommandError, UsageError } from "../command.ts";
import { type Guest, joinBus } from "../join-bus.ts";
import { paint, type Style } from "../paint.ts";

const WAIT_MS = 10_000;
const SIGNS: Record<IntegrationTestResult["status"], [string, Style]> = {
  passed: ["✔", "green"],
  failed: ["✖", "red"],
  skipped: ["–", "yellow"],
};

export const selftest: Command = {
  name: "selftest",
  usage: "",
  summary: "tries out on the running organism, harmlessly, what its users rely on",
  options: {
    only: { type: "string", describe: `some of ${INTEGRATION_TESTS.map(({ name }) => name).join(", ")}; with commas` },
    list: { type: "boolean", describe: "what is tried out" },
  },
  arity: [0, 0],
  async run({ settings, options, out }) {
    const json = options["json"] === true;
    if (options["list"]) {
      out(json ? JSON.stringify(INTEGRATION_TESTS) : INTEGRATION_TESTS.map(listed).join("\n"));
      return 0;
    }
    const client = new ApiClient(settings);
    if (!(await client.answers()))
      throw new CommandError(`no organism answers on ${client.url}; start one with "azora up"`);
    const interrupted = new AbortController();
    const interrupt = () => {
      if (interrupted.signal.aborted) process.exit(1);
      if (!json) console.error("is interrupted: erases what it has written …");
      interrupted.abort();
    };
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, interrupt);
    const guest = await guestWithoutGateway(client, () => joinBus(settings, `selftest-${process.pid}`));
    try {
      const report = await runAzoraIntegrationTests({
        url: client.url,
        token: client.headers["authorization"]?.slice("Bearer ".length) ?? "",
        gateway: `http://127.0.0.1:${settings.AZORA_PORT}`,
        signal: interrupted.signal,
        ...(guest ? { broker: guest.broker as unknown as NonNullable<IntegrationTestOptions["broker"]> } : {}),
        ...(options["only"] === undefined ? {} : { only: String(options["only"]).split(",") }),
        onResult: (result) => {
          if (!json) out(line(result));
        },
      });
      if (json) out(JSON.stringify(report));
      else out(paint("dim", `${summary(report.results)} in ${(report.ms / 1000).toFixed(1)} s; ${report.run}`));
      return report.ok && !interrupted.signal.aborted ? 0 : 1;
    } catch (error) {
      if (!(error instanceof IntegrationTestError)) throw error;
      if (error.code === "VALIDATION_ERROR") throw new UsageError(error.message);
      throw new CommandError(`${error.message} (${error.code})`);
    } finally {
      await guest?.leave();
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, interrupt);
    }
  },
};

/** Where users come through the gateway, the tests do too; a foreign project's organism is asked on its bus. */
async function guestWithoutGateway(client: ApiClient, join: () => Promise<Guest>): Promise<Guest | undefined> {
  const known = await client.get<{ metadata: { name: string } }[]>("/orchestrator/services");
  if (known.some(({ metadata }) => metadata.name === "azora-api-gateway")) return undefined;
  const guest = await join();
  await guest.broker.start();
  if (known.some(({ metadata }) => metadata.name === "self-test"))
    await guest.broker.waitForServices(["self-test"], WAIT_MS).catch(() => {});
  return guest;
}

function line({ name, status, ms, detail }: IntegrationTestResult): string {
  const [sign, style] = SIGNS[status];
  const time = paint("dim", `${Math.round(ms)} ms`.padStart(8));
  return `${paint(style, `${sign} ${status.padEnd(7)}`)}  ${name.padEnd(9)} ${time}  ${detail}`;
}

function listed({ name, about }: { name: string; about: string }): string {
  return `${name.padEnd(9)}  ${paint("dim", about)}`;
}

/** `8 passed, 1 skipped` */
function summary(results: readonly IntegrationTestResult[]): string {
  return (["passed", "failed", "skipped"] as const)
    .map((status) => ({ status, count: results.filter((result) => result.status === status).length }))
    .filter(({ count, status }) => count > 0 || status === "passed")
    .map(({ status, count }) => `${count} ${status}`)
    .join(", ");
}
