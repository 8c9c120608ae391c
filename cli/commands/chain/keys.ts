import { ApiClient } from "../../api-client.ts";
import { type Command, UsageError } from "../../command.ts";
import { paint } from "../../paint.ts";
import { table } from "../../table.ts";

interface LogKey {
  algorithm: string;
  keyId: string;
  vkey: string;
  /** Entries that say so. */
  addedAt?: number;
  retiredAt?: number;
  revokedAt?: number;
}

const ALGORITHMS = ["ed25519", "rsa-pss-3072", "ml-dsa-44"];

export const keys: Command = {
  name: "keys",
  usage: "",
  summary: "lists the keys that ever signed; give them to those who verify",
  arity: [0, 0],
  async run({ settings, options, out }) {
    const answer = await new ApiClient(settings).get<{ origin: string; keys: LogKey[] }>("/api/chain/keys");
    if (options["json"]) {
      out(JSON.stringify(answer));
      return 0;
    }
    const from = (entry: number | undefined) => (entry === undefined ? "-" : `entry ${entry}`);
    const rows = answer.keys.map((key) => [key.keyId, key.algorithm, stateOf(key), from(key.addedAt), endOf(key)]);
    out(`${paint("bold", answer.origin)}\n`);
    out(
      table(
        [{ title: "key" }, { title: "algorithm" }, { title: "state" }, { title: "since" }, { title: "until" }],
        rows,
      ),
    );
    out(`\n${answer.keys.map(({ vkey }) => vkey).join("\n")}`);
    return 0;
  },
};

export const rotate: Command = {
  name: "rotate",
  usage: "[algorithm]",
  summary: "puts new keys in place of those in use; what the old ones signed stays valid",
  arity: [0, 1],
  async run({ settings, args, options, out }) {
    const [algorithm] = args;
    if (algorithm !== undefined && !ALGORITHMS.includes(algorithm))
      throw new UsageError(`algorithm is "${algorithm}", but must be one of ${ALGORITHMS.join(", ")}`);
    const body = algorithm === undefined ? {} : { algorithm };
    const answer = await new ApiClient(settings).post<{ added: LogKey[]; retired: LogKey[] }>(
      "/api/chain/keys/rotate",
      body,
    );
    if (options["json"]) out(JSON.stringify(answer));
    else {
      for (const { keyId } of answer.retired) out(`key ${keyId} signs no longer`);
      for (const { keyId, vkey } of answer.added) out(`key ${keyId} signs from now on: ${vkey}`);
    }
    return 0;
  },
};

export const revoke: Command = {
  name: "revoke",
  usage: "<key id> <reason>",
  summary: "takes out a key that others may have; it counts for nothing from then on",
  arity: [2, 2],
  async run({ settings, args, options, out }) {
    const [keyId, reason] = args as [string, string];
    if (!/^[0-9a-f]{8}$/.test(keyId))
      throw new UsageError(`key id is "${keyId}", but must be 8 hex digits, as "azora chain keys" lists them`);
    const answer = await new ApiClient(settings).post<{ added: LogKey[]; revoked: LogKey }>("/api/chain/keys/revoke", {
      keyId,
      reason,
    });
    if (options["json"]) out(JSON.stringify(answer));
    else {
      out(`key ${keyId} is revoked`);
      for (const added of answer.added) out(`key ${added.keyId} signs from now on: ${added.vkey}`);
    }
    return 0;
  },
};

function stateOf({ revokedAt, retiredAt }: LogKey): string {
  if (revokedAt !== undefined) return paint("red", "revoked");
  return retiredAt === undefined ? paint("green", "signs") : paint("gray", "retired");
}

function endOf({ revokedAt, retiredAt }: LogKey): string {
  const entry = revokedAt ?? retiredAt;
  return entry === undefined ? "-" : `entry ${entry}`;
}
