import type { Model } from "./model.ts";

/** What the healer has learnt, as its learner saves it. There is one document. */
export interface HealingLessons {
  state: object;
}

export const healingLessonsModel: Model<HealingLessons> = {
  name: "healing_lessons",
  fields: { state: { type: "object" } },
};
