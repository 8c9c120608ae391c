/** What the DevTools protocol calls `Profiler.Profile`, as far as it is read here. */
export interface CpuProfile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number };
    hitCount?: number;
    children?: number[];
  }[];
  /** µs, of a clock that begins anywhere. */
  startTime: number;
  endTime: number;
  /** Ids of nodes, and µs before each of them. */
  samples?: number[];
  timeDeltas?: number[];
}

/** Time that a function itself took, without what it called. */
export interface SelfTime {
  /** `(anonymous)` where it has no name; V8's own are in parentheses, such as `(garbage collector)`. */
  function: string;
  /** Path or URL; empty for V8's own. */
  file: string;
  /** From 1; 0 where it is not known. */
  line: number;
  /** ms */
  time: number;
  /** Of the time in which the event loop was not idle, 0 to 1. */
  share: number;
}

export interface SelfTimes {
  /** ms in all, and of it with nothing to do. */
  duration: number;
  idle: number;
  samples: number;
  top: SelfTime[];
}

const IDLE = "(idle)";

/** The functions of a CPU profile that took most time themselves. @param most how many are told. @default 20 */
export function selfTimes(profile: CpuProfile, most = 20): SelfTimes {
  const { nodes, samples = [], timeDeltas = [] } = profile;
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const functions = new Map<string, SelfTime>();
  let idle = 0;
  let sum = 0;
  let at = profile.startTime;
  samples.forEach((id, i) => {
    at += timeDeltas[i] ?? 0;
    // A sample stands for the time until the next one. Clocks may step back a little between two processors.
    const time = Math.max(0, timeDeltas[i + 1] ?? profile.endTime - at) / 1000;
    const frame = byId.get(id);
    if (!frame) return;
    sum += time;
    if (frame.functionName === IDLE) {
      idle += time;
      return;
    }
    const { functionName, url, lineNumber, columnNumber } = frame;
    const key = `${functionName}\n${url}\n${lineNumber}:${columnNumber}`;
    const known = functions.get(key);
    if (known) known.time += time;
    else {
      const name = functionName || "(anonymous)";
      functions.set(key, { function: name, file: pathOf(url), line: lineNumber + 1, time, share: 0 });
    }
  });
  const busy = sum - idle;
  const top = [...functions.values()].sort((a, b) => b.time - a.time).slice(0, most);
  for (const one of top) {
    one.share = busy > 0 ? Math.round((one.time / busy) * 1000) / 1000 : 0;
    one.time = Math.round(one.time * 10) / 10;
  }
  return { duration: Math.round(sum), idle: Math.round(idle), samples: samples.length, top };
}

function pathOf(url: string): string {
  const path = url.replace(/[?#].*$/, "");
  try {
    return path.startsWith("file:") ? decodeURIComponent(new URL(path).pathname) : path;
  } catch {
    return path;
  }
}
