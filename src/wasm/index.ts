export { ByteWriter } from './byte-writer.js';
export { type BlockType, CodeBuilder } from './code-builder.js';
export { ModuleBuilder } from './module-builder.js';
export { type MemoryOp, type PlainOp, plainOpcodes, type ValueType } from './opcodes.js';
