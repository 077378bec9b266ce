export { type Acceptance, acceptances } from './acceptance.js';
export { Bpf } from './bpf.js';
export type {
  LoadedFd,
  LoadRefusal,
  MapBatch,
  MapCreateOptions,
  ProgInfo,
  ProgLoadOptions,
  TestRunOptions,
  TestRunResult,
} from './bpf-types.js';
export {
  type AttachedLink,
  type AttachedMap,
  type AttachedProgram,
  type IdKind,
  KernelIds,
  linkTypes,
} from './by-id.js';
export { possibleCpus } from './cpus.js';
export { hostBtf } from './host-btf.js';
export { hostKernel, kconfigText } from './host-kernel.js';
export {
  type KernelLoadOptions,
  type KernelMap,
  KernelObject,
  type KernelProgram,
  type ProgramLoadOptions,
} from './kernel-object.js';
export { type KernelEntry, type KernelOutcome, type KernelPacket, KernelRunner } from './kernel-runner.js';
export type { NativeBuffer } from './native.js';
export { openSolver, type SolverKind } from './open-solver.js';
export { explainRefusal, lastInsn, lastWords } from './refusal.js';
export { KernelRingBuffer } from './ring-buffer.js';
export { type Interface, Route, xdpModes } from './route.js';
export { fitsTestRun, testRunBytes } from './test-run.js';
export { userValueSize } from './value-size.js';
