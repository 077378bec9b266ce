export { type AgreementRow, compareVerdicts, isOnPurpose } from './agreement.js';
export { type AgreementCase, generatedObject, objectCases } from './agreement-cases.js';
export { agreementLine, readAgreementLines } from './agreement-lines.js';
export { type CCampaignResult, type CFailure, nameOf, runCCampaign } from './c-fuzz/campaign.js';
export type { CSource } from './c-fuzz/source.js';
export { type BruteForceTally, judgeSmallPrograms } from './conditions/brute-force.js';
export { type ConditionTally, ConditionTrial, newTally, type TrialLimits } from './conditions/trial.js';
export { checkVector, type VectorVerdict } from './conformance.js';
export { type DifferentialRow, differentialObject, type RowStatus } from './differential.js';
export {
  type BareEngine,
  type BareResult,
  bareEngine,
  bareEngineNames,
  bareObject,
  machineEngine,
  machineEngineNames,
} from './engines.js';
export { type CampaignResult, type Failure, runCampaign } from './fuzz/campaign.js';
export { isHermetic } from './hermetic.js';
export { judgeMutants, type MutantResult } from './mutants/campaign.js';
export { faultsOf, type PlantedFault } from './plant.js';
export { checkSoundness, newSoundnessResult, type SoundnessResult, type Violation } from './soundness.js';
export type { Packet, Subject } from './subject.js';
export { checkTestBpfCase, parseTestBpfCase, type TestBpfCase } from './test-bpf.js';
export { parseHex, parseVector, type Vector } from './vector-file.js';
