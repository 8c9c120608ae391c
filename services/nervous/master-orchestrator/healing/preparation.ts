import type { Rung } from "../../../../models/healing.ts";
import { sleep } from "../../../../runtime/clock.ts";
import type { KeeperContext } from "../keeper-context.ts";
import type { InstanceState, ServiceState } from "../organism-state.ts";
import { dependenciesOf, downDependency, isUp } from "./upstream.ts";

const CHECK_EVERY_MS = 100;
/** How long dependencies are waited for before an attempt, ms. */
const PATIENCE_MS = 30_000;
/** A dependency counts as stable when it was up for this long, ms. */
const STABLE_MS = 2000;

/**
 * Does what a rung asks for before the service itself is restarted. Resolves with the dependency that is still down, for
 * which the service has to wait; with nothing when the way is free.
 * @param revive restarts an instance of a dependency that has failed
 */
export async function prepare(
  context: KeeperContext,
  service: ServiceState,
  rung: Rung,
  revive: (dependency: ServiceState, instance: InstanceState) => Promise<unknown>,
): Promise<ServiceState | undefined> {
  const { state, clock, config } = context;
  if (rung === "restart-in-place") return undefined;
  if (rung === "dependency-restart") {
    for (const dependency of dependenciesOf(state, service)) {
      if (isUp(state, dependency) || dependency.stopped) continue;
      const failed = [...dependency.instances.values()].filter(({ status }) => status === "unhealthy");
      await Promise.all(failed.map((instance) => revive(dependency, instance)));
    }
  }
  const stable = (rung === "dependency-restart" ? STABLE_MS : 0) * config.healingTimeScale;
  const end = clock.now() + PATIENCE_MS * config.healingTimeScale;
  let since = clock.now();
  for (;;) {
    const down = downDependency(state, service);
    if (down) since = clock.now() + CHECK_EVERY_MS;
    else if (clock.now() - since >= stable) return undefined;
    if (clock.now() > end) return down;
    await sleep(clock, CHECK_EVERY_MS);
  }
}
