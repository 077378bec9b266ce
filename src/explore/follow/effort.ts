/**
 * What work counts for, about a fifth of a microsecond each, besides instructions that are followed and the solver's
 * own count. It does not hang on the machine, so that a budget ends a search at the same place everywhere.
 */

/** A start, besides its instructions. */
export const startEffort = 2000;

/** A question, besides the solver's work. */
export const questionEffort = 500;
