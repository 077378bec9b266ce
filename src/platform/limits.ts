/**
 * Limits that Linux sets to programs, and sizes of the frames it hands them. One place for all engines, so that the
 * interpreter traps where the verifier refuses and compiled code counts as both do. Each names the kernel's constant.
 */

/** Frames of one call chain: MAX_CALL_FRAMES (include/linux/bpf_verifier.h). */
export const maxFrames = 8;

/** Bytes below r10 in a frame, and in all frames of a call chain together: MAX_BPF_STACK (include/linux/filter.h). */
export const stackSize = 512;

/** Bytes that the frames above a tail call may use (check_max_stack_depth_subprog in kernel/bpf/verifier.c). */
export const stackBeforeTailCall = 256;

/** Tail calls of one run: MAX_TAIL_CALL_CNT (include/linux/bpf.h). One more goes on after the call. */
export const maxTailCalls = 33;

/**
 * Frames that a run can have open: a tail call in a function leaves its callers waiting below the program that takes
 * over, which may do the same again. Linux counts frames in each program.
 */
export const maxOpenFrames: number = maxTailCalls * (maxFrames - 1) + maxFrames;

/** Iterations of bpf_loop, and rounds of `may_goto`: BPF_MAX_LOOPS (include/linux/bpf.h). */
export const maxLoops: number = 8 << 20;

/**
 * Slots of a program, and instructions that the verifier follows over all paths, for a loader with CAP_BPF:
 * BPF_COMPLEXITY_LIMIT_INSNS (include/linux/bpf.h).
 */
export const maxInsns = 1_000_000;

/** Functions of a program, the main one included: BPF_MAX_SUBPROGS (include/linux/bpf_verifier.h). */
export const maxSubprogs = 256;

/** Paths that may wait in the verifier: BPF_COMPLEXITY_LIMIT_JMP_SEQ (kernel/bpf/verifier.c). */
export const maxPendingPaths = 8192;

/** Offsets into memory and sizes of it stay below: BPF_MAX_VAR_OFF, BPF_MAX_VAR_SIZ (include/linux/bpf_verifier.h). */
export const maxVarOffset: number = 1 << 29;

/** NR_CPUS, a constant of the kernel's configuration: what distributions set for x86-64. */
export const maxCpus = 8192;

/** Errors are results from -4095 to -1: MAX_ERRNO (include/linux/err.h). */
export const maxErrno = 4095;

/** Bytes in front of a packet that its start may move into: XDP_PACKET_HEADROOM (include/uapi/linux/bpf.h). */
export const headroom = 256;

/** Bytes of a frame: of native drivers and of BPF_PROG_TEST_RUN, a page. */
export const pageFrame = 4096;

/** sizeof(struct skb_shared_info), rounded up to a cache line: what a frame keeps behind the packet. */
export const tailReserve = 320;

/** sizeof(struct xdp_frame): what a redirect later needs at the hard start, in front of data and metadata. */
export const xdpFrameSize = 40;

/** Bytes of metadata that a packet arrives with at most: the frame's own description lies before it. */
export const mostMetadata: number = headroom - xdpFrameSize;

/** Longest metadata in bytes (`meta_len` of skb_shared_info is one byte, and it counts words). */
export const maxMeta = 252;

/** Offsets and lengths of accesses to the packet through the kernel stay within these (bpf_xdp_pointer). */
export const maxPacketOffset = 0xffff;

/** Shortest packet that a program may leave: ETH_HLEN. */
export const ethHeader = 14;

/** Longest linear packet of a page-sized frame, in bytes. */
export const maxLinear: number = pageFrame - headroom - tailReserve;

/** Fragments behind the linear part: MAX_SKB_FRAGS. */
export const maxFragments = 17;
