export type { Btf } from './btf.js';
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
