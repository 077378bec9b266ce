export type { Attachment } from './attachment.js';
export { type JournalEntry, readJournal } from './journal.js';
export { type RehearsalResult, rehearse } from './rehearsal.js';
export { type LiveOptions, type LivePlan, LiveSession, planLive, putBack } from './session.js';
export { terminated } from './signals.js';
export { isLookedAfter, LivePlace, type LiveState } from './state.js';
export { takeTags } from './taken-program.js';
