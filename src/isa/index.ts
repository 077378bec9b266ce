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
export * as op from './opcode.js';
