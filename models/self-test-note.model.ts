import type { Model } from "./model.ts";

/** What a self-test has written to read it back. It is erased by the same test. */
export interface SelfTestNote {
  /** Of the test's run. */
  run: string;
  text: string;
}

export const selfTestNoteModel: Model<SelfTestNote> = {
  name: "self_test_notes",
  fields: {
    run: { type: "string", min: 1, max: 100 },
    text: { type: "string", max: 10_000 },
  },
  indexes: [{ fields: ["run"] }],
};
