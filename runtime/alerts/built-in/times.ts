/** ms */
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
/** Mends itself in less where it can: the healer's first remedies take some hundred ms. */
export const HEALED = 10 * SECOND;
/** So long most alerts must be seen to have ended. */
export const KEEP = 30 * SECOND;
