/** `jitnic/verifier`: would Linux accept it, why not, and what is known of each register. */
export {
  type Explanation,
  type Failure,
  type InsnFacts,
  type MessageCode,
  type PointerFact,
  type ProgramFacts,
  type RegKind,
  RejectedError,
  type Scalar,
  type SliceStep,
  type SlotFact,
  type ValueFact,
  type Verdict,
  type VerdictOptions,
  Verdicts,
  type VerifyOptions,
  type VerifyResult,
  type VerifyStats,
  verify,
} from '../verifier/index.js';
export type { MessageValues } from '../verifier/messages.js';
export type { Tnum } from '../verifier/tnum.js';
