/**
 * What one needs to check an audit chain of Azora, and what was handed out of it, without Azora: `import { verifyBundle }
 * from "azora/verifier"`. It imports nothing but Node's own modules, and docs/chain-format.md says how to write another.
 */
export * from "../tlog/block.ts";
export { canonicalize, NotCanonical } from "../tlog/canonical-json.ts";
export * from "../tlog/checkpoint.ts";
export * from "../tlog/entry.ts";
export { ExportCheck, type ExportHead, parseExportHead } from "../tlog/export-file.ts";
export { rootOf } from "../tlog/frontier.ts";
export { leafHash, nodeHash } from "../tlog/hashes.ts";
export {
  type IncidentFile,
  parseIncident,
  type StoryLine,
  type VerifiedIncident,
  verifyIncident,
} from "../tlog/incident/incident-file.ts";
export { ALGORITHMS, type Algorithm, BadSignature, MalformedKey, parseVkey, type Verifier } from "../tlog/keys.ts";
export { LogReader } from "../tlog/log-reader.ts";
export { MalformedLog } from "../tlog/malformed-log.ts";
export { MalformedNote, type Note, parseNote } from "../tlog/note.ts";
export { BadProof, type ProofBundle, parseProof, type VerifiedBundle, verifyBundle } from "../tlog/proof-bundle.ts";
export { verifyConsistency, verifyInclusion } from "../tlog/proofs.ts";
export { type Problem, type Verification, verifyFolder } from "../tlog/verify/verify-folder.ts";
