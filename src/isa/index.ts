export {
  type AssembledCode,
  type AssemblerNames,
  assembleInsns,
  assembleLines,
  packInsn,
  type SymbolReference,
} from './assemble.js';
export { checkInsn } from './check.js';
export { Cursor, type TextPlace } from './cursor.js';
export { formatInsn, type InsnNames, type TextStyle } from './format.js';
export {
  accessSize,
  decodeInsns,
  encodeInsns,
  type Insn,
  insnClass,
  insnSize,
  isCall,
  isConditionalJump,
  isExit,
  isJump,
  isLddw,
  isMayGoto,
  isUnconditionalJump,
  jumpTarget,
  lddwImm,
  loadsMap,
} from './insn.js';
export {
  type ConformanceGroup,
  describe,
  type ImmField,
  type InsnForm,
  type IsaVersion,
  instructions,
  type LddwKind,
  type OffField,
  type Operation,
  type RegField,
} from './instructions.js';
export * as op from './opcode.js';
export { type AluName, type AtomicName, aluKinds, type JumpName, jumpKinds } from './operators.js';
export { buildInsn, type ParsedInsn, parseInsn, type Reference } from './parse-insn.js';
export { escapeText, type SourceLine, splitSource, symbolText, unescapeText } from './source-line.js';
export { assembleRaw, assembleUbpf, callRegister } from './ubpf.js';
