/**
 * `union bpf_attr` (include/uapi/linux/bpf.h): command numbers and, for each command, where its fields stand. Offsets
 * are bytes from the start of the union; the comment gives the width where it is not 32 bits.
 */
import type { ProgramTypeName } from '../object/index.js';

/** enum bpf_cmd, as far as it is used. */
export const command = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  mapNextKey: 4,
  progLoad: 5,
  objPin: 6,
  objGet: 7,
  progTestRun: 10,
  progNextId: 11,
  mapNextId: 12,
  progFdById: 13,
  mapFdById: 14,
  infoByFd: 15,
  rawTracepointOpen: 17,
  btfLoad: 18,
  btfFdById: 19,
  mapLookupAndDelete: 21,
  mapFreeze: 22,
  btfNextId: 23,
  mapLookupBatch: 24,
  mapLookupAndDeleteBatch: 25,
  mapUpdateBatch: 26,
  mapDeleteBatch: 27,
  linkCreate: 28,
  linkUpdate: 29,
  linkFdById: 30,
  linkNextId: 31,
  enableStats: 32,
  progBindMap: 35,
} as const;

/** Bytes passed for every command: more than any of them has; the kernel wants the rest to be zero. */
export const attrSize = 160;

/** BPF_MAP_CREATE. */
export const mapCreate = {
  type: 0,
  keySize: 4,
  valueSize: 8,
  maxEntries: 12,
  flags: 16,
  innerFd: 20,
  name: 28, // char[16]
  btfFd: 48,
  btfKeyId: 52,
  btfValueId: 56,
  extra: 64, // u64
} as const;

/** Commands on one element: look-up, update, delete, next key, look-up and delete. */
export const mapElem = {
  fd: 0,
  key: 8, // u64
  value: 16, // u64; next key of mapNextKey
  flags: 24, // u64
} as const;

/** BPF_MAP_LOOKUP_BATCH and its kin: many elements by one call. */
export const mapBatch = {
  inBatch: 0, // u64
  outBatch: 8, // u64
  keys: 16, // u64
  values: 24, // u64
  count: 32,
  fd: 36,
} as const;

/** BPF_PROG_LOAD. */
export const progLoad = {
  type: 0,
  insnCount: 4,
  insns: 8, // u64
  license: 16, // u64
  logLevel: 24,
  logSize: 28,
  logBuffer: 32, // u64
  kernelVersion: 40,
  flags: 44,
  name: 48, // char[16]
  ifindex: 64,
  expectedAttachType: 68,
  btfFd: 72,
  funcInfoSize: 76,
  funcInfo: 80, // u64
  funcInfoCount: 88,
  lineInfoSize: 92,
  lineInfo: 96, // u64
  lineInfoCount: 104,
} as const;

/** BPF_PROG_TEST_RUN. */
export const testRun = {
  fd: 0,
  retval: 4,
  dataSizeIn: 8,
  dataSizeOut: 12,
  dataIn: 16, // u64
  dataOut: 24, // u64
  repeat: 32,
  duration: 36,
  ctxSizeIn: 40,
  ctxSizeOut: 44,
  ctxIn: 48, // u64
  ctxOut: 56, // u64
  flags: 64,
} as const;

/** BPF_OBJ_PIN and BPF_OBJ_GET. */
export const objPin = {
  path: 0, // u64
  fd: 8,
} as const;

/** BPF_OBJ_GET_INFO_BY_FD. */
export const infoByFd = {
  fd: 0,
  length: 4,
  info: 8, // u64
} as const;

/** BPF_BTF_LOAD. */
export const btfLoad = {
  btf: 0, // u64
  logBuffer: 8, // u64
  size: 16,
  logSize: 20,
  logLevel: 24,
} as const;

/** BPF_LINK_CREATE. */
export const linkCreate = {
  progFd: 0,
  ifindex: 4,
  attachType: 8,
  flags: 12,
} as const;

/** BPF_LINK_UPDATE. */
export const linkUpdate = {
  linkFd: 0,
  programFd: 4,
  flags: 8,
  oldProgramFd: 12,
} as const;
/** BPF_F_REPLACE of BPF_LINK_UPDATE: only if the old program is the one that is named. */
export const replaceFlag = 4;

/** BPF_RAW_TRACEPOINT_OPEN. */
export const rawTracepoint = {
  name: 0, // u64
  programFd: 8,
} as const;

/** `struct bpf_map_info`. */
export const mapInfo = {
  size: 88,
  type: 0,
  id: 4,
  keySize: 8,
  valueSize: 12,
  maxEntries: 16,
  flags: 20,
  name: 24, // char[16]
  btfId: 64,
  btfKeyId: 68,
  btfValueId: 72,
  extra: 80, // u64
} as const;

/** `struct bpf_btf_info`. */
export const btfInfo = {
  size: 32,
  btf: 0, // u64
  length: 8,
} as const;

/** `struct bpf_link_info`, as far as it is the same for all types, and an XDP link's interface. */
export const linkInfo = {
  size: 64,
  type: 0,
  id: 4,
  programId: 8,
  ifindex: 16,
} as const;

/** `struct bpf_prog_info`. */
export const progInfo = {
  size: 232,
  type: 0,
  id: 4,
  tag: 8, // 8 bytes
  jitedLength: 16,
  xlatedLength: 20,
  jited: 24, // u64
  xlated: 32, // u64
  loadTime: 40, // u64
  mapCount: 52,
  mapIds: 56, // u64
  name: 64, // char[16]
  gpl: 84, // bit 0
  btfId: 128,
  funcInfoSize: 132,
  funcInfo: 136, // u64
  funcInfoCount: 144,
  runTime: 192, // u64
  runCount: 200, // u64
  verifiedInsns: 216,
} as const;

/** Numbers of enum bpf_prog_type and enum bpf_attach_type that we use. */
export const progTypeXdp = 6;
/** enum bpf_prog_type by the names of object files, of the types that load without saying what they attach to. */
export const plainProgTypes: Readonly<Partial<Record<ProgramTypeName, number>>> = {
  socket_filter: 1,
  kprobe: 2,
  sched_cls: 3,
  sched_act: 4,
  tracepoint: 5,
  xdp: progTypeXdp,
  unspec: progTypeXdp,
  perf_event: 7,
  lwt_in: 10,
  lwt_out: 11,
  lwt_xmit: 12,
  sock_ops: 13,
  sk_skb: 14,
  cgroup_device: 15,
  sk_msg: 16,
  raw_tracepoint: 17,
  lwt_seg6local: 19,
};
/** enum bpf_attach_type, as far as XDP programs have one. */
export const attachTypes = { xdp: 37, xdp_devmap: 33, xdp_cpumap: 35 } as const;

/** Program flags. */
export const progFlags = { strictAlignment: 1, testStateFreq: 8, xdpHasFrags: 0x20, xdpDevBoundOnly: 0x40 } as const;
