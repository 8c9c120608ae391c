import type { Probe } from "./world.ts";

/** What is asked of the service `self-test`. */
export const probes = {
  echo: (text: string): Probe => ({
    action: "echo",
    params: { text },
    method: "GET",
    path: `/echo?text=${encodeURIComponent(text)}`,
  }),
  refuse: (): Probe => ({ action: "refuse", params: {}, method: "POST", path: "/refuse", body: {} }),
  write: (run: string, text: string): Probe => ({
    action: "write",
    params: { run, text },
    method: "POST",
    path: "/notes",
    body: { run, text },
  }),
  change: (id: string, version: number, text: string): Probe => ({
    action: "change",
    params: { id, version, text },
    method: "PATCH",
    path: `/notes/${encodeURIComponent(id)}`,
    body: { version, text },
  }),
  read: (id: string): Probe => ({
    action: "read",
    params: { id },
    method: "GET",
    path: `/notes/${encodeURIComponent(id)}`,
  }),
  notes: (run: string): Probe => ({
    action: "notes",
    params: { run },
    method: "GET",
    path: `/notes?run=${encodeURIComponent(run)}`,
  }),
  clear: (run: string): Probe => ({ action: "clear", params: { run }, method: "POST", path: "/clear", body: { run } }),
};

/** A note as it is stored. */
export interface Note {
  _id: string;
  run: string;
  text: string;
  version: number;
}
