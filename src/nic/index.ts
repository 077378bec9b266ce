// What a card is (port.ts), and the kinds there are. The software card is the first.
export { areaOf, type CardArea } from './area.js';
export { shippedCard, shippedCards } from './cards/index.js';
export {
  type CardDescription,
  memoriesOf,
  numberOf,
  type Parameter,
  type ParameterTree,
  type ParameterValue,
  readCard,
  wordOf,
} from './description.js';
export {
  compileManycore,
  formatManycore,
  imageOf,
  type ManycoreCompilation,
  ManycoreEngine,
  type ManycoreOptimization,
  type ManycoreOptimizationRow,
  type ManycoreOptions,
  type ManycoreProgram,
  manycoreOptimizationNames,
  manycoreOptimizations,
  mapLatencies,
  type PacketCycles,
  type PartRate,
  type Placed,
  packetCycles,
  partRates,
  placedByCounts,
  placedFar,
  type Stream,
  Work,
} from './manycore/index.js';
export {
  type Basis,
  bases,
  type CardKind,
  cardKinds,
  hazardStrategies,
  type ParameterRow,
  parameterRow,
  parameterRows,
} from './parameters.js';
export {
  ElementKeys,
  HazardClock,
  type HazardStrategy,
  lowerTrace,
  PipelineCard,
  PipelineMachine,
} from './pipeline/index.js';
export {
  type ArenaOffer,
  type ArenaOwner,
  type CardPort,
  type InstalledTrace,
  type Offer,
  type Parent,
  SideExit,
} from './port.js';
export {
  type CardOptions,
  CompiledCard,
  cachedLookups,
  isDoneByCard,
  type PassPolicy,
  reserveKeys,
  TraceTree,
} from './software/index.js';
export {
  type Compilation,
  type CompiledProgram,
  type CompileOptions,
  compileProgram,
  formatRows,
  insnRefusal,
  type OptimizationName,
  type OptimizationRow,
  optimizationNames,
  optimizations,
  publishedOptimizations,
  VliwEngine,
} from './vliw/index.js';
