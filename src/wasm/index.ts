export { ByteWriter } from './byte-writer.js';
export { type BlockType, CodeBuilder } from './code-builder.js';
export { FunctionTooLarge } from './limits.js';
export { ModuleBuilder } from './module-builder.js';
export { type MemoryOp, type PlainOp, plainOpcodes, type ValueType, type VectorOp } from './opcodes.js';
export { vectorSupport } from './vector-support.js';
