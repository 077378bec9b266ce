export {
  Bpf,
  type LoadedFd,
  type LoadRefusal,
  type MapBatch,
  type MapCreateOptions,
  type ProgInfo,
  type ProgLoadOptions,
  type TestRunOptions,
  type TestRunResult,
} from './bpf.js';
export { possibleCpus } from './cpus.js';
export { hostBtf } from './host-btf.js';
export { type KernelLoadOptions, type KernelMap, KernelObject, type KernelProgram } from './kernel-object.js';
export { type KernelEntry, type KernelOutcome, type KernelPacket, KernelRunner } from './kernel-runner.js';
export { explainRefusal, lastInsn, lastWords } from './refusal.js';
export { KernelRingBuffer } from './ring-buffer.js';
