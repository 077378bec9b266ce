// A card of many small cores: the compiler of Linux's driver for them, and a machine that runs the instructions.
export {
  compileManycore,
  imageOf,
  type ManycoreCompilation,
  type ManycoreOptions,
  type ManycoreProgram,
} from './compile.js';
export { ManycoreEngine } from './engine.js';
export { formatManycore } from './listing.js';
export {
  type ManycoreOptimization,
  type ManycoreOptimizationRow,
  manycoreOptimizationNames,
  manycoreOptimizations,
} from './optimizations.js';
export { placedByCounts, placedFar } from './placed.js';

export {
  type Bound,
  mapLatencies,
  type PacketCycles,
  type PartRate,
  type Placed,
  packetCycles,
  partRates,
  type Stream,
} from './rates.js';
export { Work } from './work.js';
