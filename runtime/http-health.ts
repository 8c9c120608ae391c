import { request } from "node:http";

/** Where programs commonly tell how they are, in the order in which they are tried. */
export const USUAL_HEALTH_PATHS = ["/health", "/api/health", "/status", "/ping"] as const;

export interface HttpAnswer {
  path: string;
  status: number;
  /** ms */
  responseTime: number;
}

/** Asks a program on this machine over HTTP; takes the first path that is no 404. Throws where nobody answers. */
export async function askHttpHealth(port: number, paths: readonly string[], timeout: number): Promise<HttpAnswer> {
  let last: HttpAnswer | undefined;
  for (const path of paths) {
    const start = performance.now();
    const status = await get(port, path, timeout);
    last = { path, status, responseTime: Math.round((performance.now() - start) * 10) / 10 };
    if (status !== 404) return last;
  }
  return last!;
}

function get(port: number, path: string, timeout: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, path, timeout, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on("timeout", () => call.destroy(new Error(`no answer within ${timeout} ms`)));
    call.on("error", reject);
    call.end();
  });
}
