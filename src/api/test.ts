/** `jitnic/test`: test cases for XDP programs from TypeScript, for vitest, jest, `node:test` and others. */
export type {
  CaseExpectation,
  CaseInput,
  CasePacket,
  CaseResult,
  CaseSetup,
  Failure,
  FailureKind,
  MatcherFunctions,
  MatcherResult,
  ProgramMatchers,
  ProgramTestOptions,
  SourceLine,
} from '../cases/index.js';
export { CaseError, matchers, ProgramTest, test } from '../cases/index.js';
export type { FieldDifference } from '../packet/index.js';
