export type { DeviceFunction, DeviceHooks, DeviceProgram, DeviceRefusal, DeviceView } from './device.js';
export type { Explanation, SliceStep } from './explain.js';
export { factText, slotFactText } from './fact-text.js';
export {
  type ConcreteWorld,
  factHolds,
  factJson,
  factOfCaller,
  type InsnFacts,
  type PointerFact,
  type ProgramFacts,
  type SlotFact,
  type ValueFact,
} from './facts.js';
export type { MessageCode } from './messages.js';
export type { RegKind, RegState } from './reg-state.js';
export type { Scalar } from './scalar.js';
export { RejectedError, type Verdict, type VerdictOptions, Verdicts } from './verdicts.js';
export {
  type Failure,
  type VerifyOptions,
  type VerifyResult,
  type VerifyStats,
  verify,
  verifyForDevice,
} from './verify.js';
