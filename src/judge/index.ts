export { type AgreementRow, compareVerdicts, isOnPurpose } from './agreement.js';
export { type AgreementCase, generatedObject, objectCases } from './agreement-cases.js';
export { agreementLine, readAgreementLines } from './agreement-lines.js';
export { comparePackets, type Difference } from './compare.js';
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
export { KernelRefusal, KernelSubject } from './kernel-subject.js';
export { loopback, MachineMaps } from './machine-maps.js';
export { MachineSubject } from './machine-subject.js';
export { judgeMutants, type MutantResult } from './mutants/campaign.js';
export { compareObjects, type ObjectDifferenceOptions, type ObjectDifferenceRow } from './object-difference.js';
export { faultsOf, type PlantedFault } from './plant.js';
export { judgeByProof, judgeByRun } from './rewrites/judge.js';
export { rewriteRows } from './rewrites/rows.js';
export { type RoundTripRow, roundTrips } from './round-trip.js';
export { seedMaps } from './seed-maps.js';
export { checkSoundness, newSoundnessResult, type SoundnessResult, type Violation } from './soundness.js';
export { type Contents, isReadable, type Observation, type Packet, type Subject } from './subject.js';
export { checkTestBpfCase, parseTestBpfCase, type TestBpfCase } from './test-bpf.js';
export { parseHex, parseVector, type Vector } from './vector-file.js';
export { differingLines, type VerifierLogs, verifierLogs } from './verifier-logs.js';
