export { DecisionObserver, type SourceLine } from './deciding-line.js';
export {
  type CaseEngine,
  type CaseOutcome,
  type CaseRunner,
  type MapItem,
  machineEngines,
  type RunnerOptions,
  shortArray,
} from './engine.js';
export { failureLines, junitText, tapText } from './formats.js';
export { sameBytes } from './judge-map.js';
export {
  CaseError,
  type CaseExpectation,
  type CaseInput,
  type CasePacket,
  type CaseSetup,
  type MatcherFunctions,
  type MatcherResult,
  matchers,
  type ProgramMatchers,
  ProgramTest,
  type ProgramTestOptions,
  test,
} from './program-test.js';
export { engineNames, readSuite } from './read-suite.js';
export type { CaseResult, Failure, FailureKind, FileError } from './result.js';
export { type CaseWorld, runCase } from './run-case.js';
export { NodeReader, type SourceField, type SourceNode } from './source-node.js';
export type { Case, Suite } from './suite.js';
