import type { AlertMessage } from "../../../../models/alerts.ts";

export function alertMessage(more: Partial<AlertMessage> = {}): AlertMessage {
  return {
    id: "msg_0123456789abcdef",
    at: "2026-11-20T12:00:00.000Z",
    organism: "azora",
    group: "heart",
    kind: "firing",
    severity: "critical",
    firing: 1,
    alerts: [
      {
        id: "a1",
        alert: "critical-service-failed",
        subject: "till",
        group: "heart",
        severity: "critical",
        state: "firing",
        summary: "till is unhealthy: no money – für nichts",
        value: 0,
        rule: null,
        startedAt: "2026-11-20T11:59:45.000Z",
        firedAt: "2026-11-20T11:59:55.000Z",
        endedAt: null,
        end: null,
        unknownSince: null,
        times: 1,
        revision: 1,
        advice: null,
        acknowledged: null,
        silenced: null,
      },
    ],
    more: 0,
    ...more,
  };
}
