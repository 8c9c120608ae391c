import { AzoraError } from "../../../../runtime/errors.ts";
import { parseLeaf } from "../../../../tlog/entry.ts";
import { INCIDENT_FORMAT, type IncidentFile, storyLine } from "../../../../tlog/incident/incident-file.ts";
import { formatProof } from "../../../../tlog/proof-bundle.ts";
import { inclusionProof } from "../../../../tlog/proofs.ts";
import type { Chain } from "../chain.ts";
import { vkeys } from "./export-page.ts";

/** @param made ISO 8601. @throws AzoraError NOT_FOUND where no entry carries the request */
export async function incidentFile(chain: Chain, requestId: string, made: string): Promise<IncidentFile> {
  await chain.catchUp();
  const parts = await chain.index.incident(requestId);
  if (parts.length === 0)
    throw new AzoraError("NOT_FOUND", `no entry of the log carries the request ${requestId}`, { requestId });
  // From here on nothing waits, so that all proofs are about one tree.
  const { reader, checkpoint } = chain.log;
  const told = parts.map(({ index, because }) => {
    const extra = reader.leaf(index);
    const proof = inclusionProof(index, reader.size, reader.node);
    return { line: storyLine(parseLeaf(extra), because), bundle: formatProof({ index, proof, checkpoint, extra }) };
  });
  return {
    format: INCIDENT_FORMAT,
    requestId,
    origin: chain.keys.origin,
    made,
    checkpoint,
    keys: vkeys(chain),
    story: told.map(({ line }) => line),
    proofs: told.map(({ bundle }) => bundle),
  };
}
