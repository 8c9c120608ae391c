/** Checkpoints: signed statements of a whole tree. */
import { type Checkpoint, parseCheckpoint } from "./checkpoint-text.ts";
import { type SignedBy, type Verifier, verifySignatures } from "./keys.ts";
import { type Note, parseNote } from "./note.ts";

export { type Checkpoint, formatCheckpoint, parseCheckpoint } from "./checkpoint-text.ts";

export interface OpenedCheckpoint {
  checkpoint: Checkpoint;
  note: Note;
  /** Whose signatures are there and hold; those of unknown keys are left out. */
  signedBy: SignedBy[];
}

/**
 * Reads a checkpoint and its signatures. Which of the keys must be among `signedBy` is for the caller to say.
 * @throws MalformedNote, MalformedLog, BadSignature (also where no known key has signed)
 */
export function openCheckpoint(text: string, verifiers: readonly Verifier[]): OpenedCheckpoint {
  const note = parseNote(text);
  return { checkpoint: parseCheckpoint(note.text), note, signedBy: verifySignatures(note, verifiers) };
}
