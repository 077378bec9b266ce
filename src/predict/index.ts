// What packets cost: contracts by class of packet, exact in instructions and memory, priced by element.
export { type ComparedRow, compareVersions, type VersionRow } from './compare.js';
export {
  type ContractClass,
  helperCost,
  meanNs,
  type PacketCost,
  type Quantity,
  quantities,
  type Range,
} from './contract.js';
export { type CostTable, costTables } from './cost-tables.js';
export { type Linear, linearText } from './linear.js';
export { type NamedVariable, Prediction, type PredictOptions } from './predict.js';
export { acceptedAhead } from './queueing.js';
export { type InsnKind, insnKind } from './weights.js';
