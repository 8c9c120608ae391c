import type { AlertDefinition } from "../definition.ts";
import { KEEP, MINUTE, SECOND } from "./times.ts";

/** Nodes, and what they can run out of. */
export const NODE_ALERTS: readonly AlertDefinition[] = [
  {
    id: "node-down",
    measures: "1 where a node is up, 0 where it is down or hung",
    range: { min: 0, max: 1 },
    bad: "below",
    levels: [{ severity: "critical", bound: 0, for: 15 * SECOND }],
    keepFor: KEEP,
    duringLaunch: false,
    query: "azora_node_up",
    summary: "{{ $labels.node }} is down",
    advice: "azora status",
  },
  {
    id: "places-exhausted",
    measures: "places of a node's pool in use while others wait for one, 0 to 1",
    range: { min: 0, max: 1 },
    bad: "above",
    levels: [{ severity: "warning", bound: 1, for: 30 * SECOND }],
    keepFor: KEEP,
    duringLaunch: false,
    query: '(azora_pool_in_use{kind!~"bus|memory"} / (azora_pool_max > 0) * (azora_pool_waiting > bool 0))',
    summary: "all places of {{ $labels.pool }} on {{ $labels.node }} are taken, and others wait",
    advice: "azora optimizer pools",
  },
  {
    id: "memory-exhausted",
    measures: "heap in use of what it may grow to, 0 to 1",
    range: { min: 0, max: 1 },
    bad: "above",
    levels: [
      { severity: "warning", bound: 0.85, clear: 0.8, for: MINUTE },
      { severity: "critical", bound: 0.95, clear: 0.9, for: 15 * SECOND },
    ],
    keepFor: KEEP,
    duringLaunch: true,
    query: "(azora_node_heap_used_bytes / azora_heap_limit_bytes)",
    summary: "{{ $labels.node }} uses {{ $value | humanizePercentage }} of its heap",
    advice: "azora optimizer memory",
  },
  {
    id: "files-exhausted",
    measures: "file descriptors open of those that may be, 0 to 1",
    range: { min: 0, max: 1 },
    bad: "above",
    levels: [
      { severity: "warning", bound: 0.8, clear: 0.75, for: 30 * SECOND },
      { severity: "critical", bound: 0.95, clear: 0.9, for: 10 * SECOND },
    ],
    keepFor: KEEP,
    duringLaunch: true,
    query: "(azora_open_files / (azora_open_files_limit > 0))",
    summary: "{{ $labels.node }} has {{ $value | humanizePercentage }} of its file descriptors open",
    advice: "a higher limit (ulimit -n), or a service that closes what it opens",
  },
  {
    id: "disk-exhausted",
    measures: "what is free of the disk of the data folder, 0 to 1",
    range: { min: 0, max: 1 },
    bad: "below",
    levels: [
      { severity: "warning", bound: 0.1, clear: 0.12, for: MINUTE },
      { severity: "critical", bound: 0.03, clear: 0.05, for: 10 * SECOND },
    ],
    keepFor: KEEP,
    duringLaunch: true,
    // Nodes of one machine have one disk: `heart-1` is of this one, `heart-1@other` of another.
    query:
      'min by (host) (label_replace(azora_disk_free_bytes / (azora_disk_total_bytes > 0), "host", "$1", "node", ".*@(.*)"))',
    summary:
      "{{ $value | humanizePercentage }} of the data folder's disk is free{{ with $labels.host }} on {{ . }}{{ end }}",
    advice: "make room: logs, old backups, data/profiles",
  },
];
