import { WebSocket } from "ws";
import type { ApiClient } from "./api-client.ts";

export interface StreamMessage {
  type: string;
  at: string;
  seq: number;
  data: Record<string, unknown>;
}

const RETRY_MS = 100;

/** Listens to the organism, through deaths of the orchestrator too. Returns what ends it. */
export function followStream(client: ApiClient, onMessage: (message: StreamMessage) => void): () => void {
  let socket: WebSocket | undefined;
  let ended = false;
  const open = () => {
    if (ended) return;
    socket = new WebSocket(`${client.url.replace("http", "ws")}/orchestrator/stream`, { headers: client.headers });
    socket.on("message", (text) => onMessage(JSON.parse(String(text))));
    socket.on("error", () => {});
    socket.on("close", () => setTimeout(open, RETRY_MS));
  };
  open();
  return () => {
    ended = true;
    socket?.terminate();
  };
}
