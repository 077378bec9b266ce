export { checkVector, parseHex, parseVector, type Vector, type VectorVerdict } from './conformance.js';
export { type BareEngine, type BareResult, bareEngine, bareEngineNames, bareObject } from './engines.js';
