export {
  type AssembledCode,
  type AssemblerNames,
  assembleInsns,
  assembleLines,
  packInsn,
  type SymbolReference,
  unpackInsn,
} from './assemble.js';
export { checkInsn, registerCount } from './check.js';
export { Cursor, type TextPlace } from './cursor.js';
export { formatInsn, type InsnNames, signedHex, type TextStyle } from './format.js';
export {
  accessSize,
  decodeInsns,
  encodeInsns,
  type Insn,
  insnClass,
  insnSize,
  isAlu,
  isCall,
  isConditionalJump,
  isExit,
  isJump,
  isLddw,
  isUnconditionalJump,
  jumpTarget,
  lddwImm,
} from './insn.js';
export {
  type ConformanceGroup,
  describe,
  describeLoosely,
  formNamed,
  formsOf,
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
export {
  type AluName,
  type AtomicName,
  aluOperators,
  atomicOperators,
  type JumpName,
  jumpOperators,
  sizes,
} from './operators.js';
export { buildInsn, buildLddw, type ParsedInsn, parseInsn, type Reference } from './parse-insn.js';
export { escapeText, type SourceLine, splitSource, symbolText, unescapeText } from './source-line.js';
export { assembleRaw, assembleUbpf } from './ubpf.js';
