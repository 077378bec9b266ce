/** What the commands of bpf(2) take and give, as bpf.ts has them. */

/** BPF_MAP_CREATE; what is left out is 0. */
export interface MapCreateOptions {
  readonly type: number;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes. */
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags?: number;
  /** First 15 characters count; characters that the kernel refuses become `_`. */
  readonly name?: string;
  /** Template of the inner maps of a map of maps. */
  readonly innerFd?: number;
  readonly btf?: { readonly fd: number; readonly keyId: number; readonly valueId: number };
  readonly extra?: bigint;
}

/** Fields of BPF_PROG_LOAD. */
export interface ProgLoadOptions {
  /** Encoded instructions with map file descriptors filled in. */
  readonly insns: Uint8Array;
  readonly license: string;
  readonly name?: string;
  /** enum bpf_prog_type; default XDP. */
  readonly type?: number;
  /** enum bpf_attach_type; default 0, or XDP's for an XDP program. */
  readonly expectedAttachType?: number;
  readonly flags?: number;
  /** The network device that it is for. */
  readonly ifindex?: number | undefined;
  readonly kernelVersion?: number;
  /** 0 none, 1 log, 2 more, 4 statistics. Default 0; a refused program is loaded again for its log. */
  readonly logLevel?: number;
  /** False: a refused program is not loaded again for its log. Default true. */
  readonly refusalLog?: boolean;
  readonly btf?: {
    readonly fd: number;
    readonly funcInfo: Uint8Array;
    readonly funcInfoSize: number;
    readonly lineInfo: Uint8Array;
    readonly lineInfoSize: number;
  };
}

/** The kernel refused a program. `log` is the verifier's text as the kernel worded it. */
export interface LoadRefusal {
  readonly errno: number;
  readonly log: string;
}

/** A program that the kernel took. */
export interface LoadedFd {
  readonly fd: number;
  readonly log: string;
}

/** Fields of BPF_PROG_TEST_RUN. */
export interface TestRunOptions {
  /** At least 14 bytes. */
  readonly data: Uint8Array;
  /**
   * `struct xdp_md` as the kernel wants it: data 0 or the metadata's length in front of the packet (which `data` then
   * includes).
   */
  readonly ctx?: Uint8Array | undefined;
  readonly repeat?: number;
  /** BPF_F_TEST_XDP_LIVE_FRAMES is 2. */
  readonly flags?: number;
}

/** Views into reused buffers: copy what must outlive the next call. */
export interface TestRunResult {
  /** 0, or the negated errno of the call. */
  readonly status: number;
  readonly retval: number;
  readonly data: Uint8Array;
  readonly ctx: Uint8Array;
  /** Nanoseconds a run, averaged over `repeat`. */
  readonly duration: number;
}

/** Elements of a map: `count` keys and as many values, each of a fixed size. */
export interface MapBatch {
  readonly count: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
}

/** What BPF_OBJ_GET_INFO_BY_FD says of a program. */
export interface ProgInfo {
  readonly id: number;
  /** SHA-1 of the instructions, its first 8 bytes in hex, as `bpftool prog` prints it. */
  readonly tag: string;
  readonly name: string;
  /** Instructions after the verifier rewrote them; empty without privileges. */
  readonly xlated: Uint8Array;
  /** Machine code; empty where the JIT is off. */
  readonly jited: Uint8Array;
  /** Nanoseconds and runs; counted only while BPF statistics are on. */
  readonly runTime: bigint;
  readonly runCount: bigint;
  readonly verifiedInsns: number;
}
