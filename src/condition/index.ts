// What a trace's guards say about a packet: facts bit by bit, normal form, words and rows. Knows no recorder and no
// machine.
export { type Bit, BitSources, indexOf, isInverted, type Source, sourceOf } from './bits.js';
export type { Compare } from './comparison.js';
export { type Atom, type AtomKind, type PathCondition, pathCondition, type TernaryByte } from './condition.js';
export { type Conjunct, holdsAt, isLengthBound } from './conjuncts.js';
export { newNaming, type TraceNames } from './describe.js';
export { Facts } from './facts.js';
export { minimise } from './minimise.js';
export { traceNames } from './object-names.js';
export { type Rule, ruleTable } from './rule-table.js';
export { lengthText, type RuleField, ruleFields } from './rule-words.js';
export { type MapKeys, steered } from './steer.js';
export { packetSupport, type Support } from './support.js';
export { type RowBits, rowCells, ternaryRows } from './ternary-rows.js';
