/**
 * `jitnic/object`: object files and the text of instructions, read, changed, printed and written. Values throughout:
 * same bytes in, same value out.
 */
export {
  BudgetError,
  type ExitCode,
  InputError,
  InternalError,
  type Place,
  UnsupportedError,
  UsageError,
  UserError,
} from '../base/index.js';
export type { AssemblerNames } from '../isa/assemble.js';
export type { InsnNames, TextStyle } from '../isa/format.js';
export {
  assembleInsns,
  type ConformanceGroup,
  decodeInsns,
  encodeInsns,
  formatInsn,
  type Insn,
  type InsnForm,
  instructions,
} from '../isa/index.js';
export type { ImmField, IsaVersion, LddwKind, OffField, Operation, RegField } from '../isa/instructions.js';
export type { AluName, AtomicName, JumpName } from '../isa/operators.js';
export type { BtfDeclTag, BtfFloat, BtfForward, BtfVoid, Named as BtfNamed } from '../object/btf-type.js';
export type { CoreKind } from '../object/core-spec.js';
export type { CoreImage, ImageOptions } from '../object/image.js';
export {
  assemble,
  Btf,
  type BtfArray,
  type BtfComposite,
  type BtfDatasec,
  type BtfEnum,
  type BtfFunc,
  type BtfFuncProto,
  type BtfInt,
  type BtfKind,
  type BtfLinkage,
  type BtfMember,
  type BtfReference,
  type BtfType,
  type BtfVar,
  bindToDevice,
  type CodeImage,
  type DataImage,
  disassemble,
  type EditedElf,
  type EditedInsn,
  type ExternImage,
  type ExternSpec,
  editElf,
  type FileFunction,
  type FunctionEdit,
  type FunctionImage,
  type FunctionPlace,
  type FunctionSpec,
  fileFunctions,
  findPrograms,
  formatDefinition,
  formatType,
  type LineSpec,
  type MapImage,
  type MapInit,
  type MapSpec,
  type ObjectImage,
  type ObjectSpec,
  objectImage,
  type PrintOptions,
  type ProgramSpec,
  type ProgramTypeName,
  parseImage,
  pickProgram,
  printImage,
  type ReadObjectOptions,
  type ReferenceImage,
  readObject,
  type SectionSpec,
  type UnresolvedSpec,
  writeElf,
  xdpPrograms,
} from '../object/index.js';
export type { Kconfig } from '../object/kconfig.js';
export type { CoreRelocationSpec, KconfigSpec } from '../object/spec.js';
export {
  type ErrnoName,
  errnoName,
  helperName,
  type MapTypeName,
  mapTypeNames,
  type VerdictName,
  verdictName,
  verdictNames,
  XDP_ABORTED,
  XDP_DROP,
  XDP_PASS,
  XDP_REDIRECT,
  XDP_TX,
  xdpMd,
} from '../platform/index.js';
