/** What is shown is of the last minute, ms. */
export const WINDOW_MS = 60_000;

/** Slots of seconds for what is set against each other, of ten seconds for what is only looked at by the minute: how many, and ms of one. */
export const SECOND_SLOTS = [61, 1000] as const;
export const TENTH_SLOTS = [7, 10_000] as const;
