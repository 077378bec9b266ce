export { Btf } from './btf.js';
export { BtfBuilder } from './btf-builder.js';
export { formatDefinition, formatType } from './btf-format.js';
export { btfBitField, btfPath, btfScalar } from './btf-path.js';
export {
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
  isComposite,
} from './btf-type.js';
export { connectionLayoutNote } from './connection-layout.js';
export { isConstantSection } from './data-section.js';
export { bindToDevice, needsDevice } from './device-bound.js';
export { type EditedElf, editElf } from './edit/edit-elf.js';
export { type FileFunction, type FunctionPlace, fileFunctions } from './edit/file-functions.js';
export type { EditedInsn, FunctionEdit } from './edit/moved-code.js';
export {
  type CodeImage,
  type DataImage,
  type ExternImage,
  type FunctionImage,
  type MapImage,
  type ObjectImage,
  objectImage,
  type ReferenceImage,
} from './image.js';
export { type Kconfig, parseKconfig, parseKernelVersion } from './kconfig.js';
export { type Location, locationKey, type MapCell, type MapPart } from './location.js';
export { refuseMap } from './map-check.js';
export { type CreationOutcome, creationOf } from './map-creation.js';
export { type MapFacts, mapFacts } from './map-facts.js';
export { type MapShape, mapSpec } from './map-spec.js';
export { assemble, parseImage } from './parse-image.js';
export { pickProgram } from './pick-program.js';
export { disassemble, type PrintOptions, printImage } from './print-image.js';
export { programNames } from './program-names.js';
export { objectSpec, programSpec } from './program-spec.js';
export { rawFunctions, rawImage, rawInsns, rawMapList } from './raw.js';
export { type ReadObjectOptions, readObject } from './read-object.js';
export { type SizedObject, sizeMaps } from './size-maps.js';
export type {
  ExternSpec,
  FunctionSpec,
  KconfigSpec,
  LineSpec,
  MapInit,
  MapSpec,
  ObjectSpec,
  ProgramSpec,
  ProgramTypeName,
  SectionSpec,
  UnresolvedSpec,
} from './spec.js';
export { writeElf } from './write-elf.js';
export { findPrograms, type XdpFitness, xdpCandidates, xdpFitness, xdpPrograms } from './xdp-fitness.js';
