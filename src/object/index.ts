export type { Btf } from './btf.js';
export { type ReadObjectOptions, readObject } from './read-object.js';
export type {
  ExternSpec,
  FunctionSpec,
  LineSpec,
  MapInit,
  MapSpec,
  ObjectSpec,
  ProgramSpec,
  ProgramTypeName,
  SectionSpec,
  UnresolvedSpec,
} from './spec.js';
