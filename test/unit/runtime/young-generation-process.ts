/** Prints the size of the space for new objects, MB: after a start, after a release, and after a load. */
import { getHeapSpaceStatistics } from "node:v8";
import { letYoungGenerationGrow } from "../../../runtime/young-generation.ts";

const size = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")!.space_size / 2 ** 20;

/** Allocates much of which a part stays alive for a while. */
function work(): void {
  let kept: object[] = [];
  for (let i = 0; i < 2_000_000; i++) {
    if (kept.length > 20_000) kept = [];
    kept.push({ i });
  }
}

work();
const started = size();
letYoungGenerationGrow();
const released = size();
work();
console.log(JSON.stringify({ started, released, loaded: size() }));
