/**
 * The columns of the helper table (helper-table.ts): all that any part of jitnic wants to know of a helper without
 * running it. A column is added here when a second place would otherwise keep a list of helpers; what only one engine
 * does for one helper (inline code, a message of its own) stays with that engine, keyed by the helper's name.
 */
import type { HelperName } from './helper-names.js';
import type { MapTypeName } from './map-type.js';

/**
 * Classes of arguments (`enum bpf_arg_type` in include/linux/bpf.h). A `mem` is followed by the `size` that counts its
 * bytes, except for `{ fixed }`. `?` allows null (for a size: zero).
 */
export type ArgClass =
  /** Any number; pointers pass too. */
  | 'any'
  | 'ctx'
  /** A map itself. */
  | 'map'
  /** Key of the map argument: its key_size readable bytes. */
  | 'key'
  /** Value of the map argument: its value_size readable bytes. */
  | 'value'
  /** value_size bytes that the helper fills. */
  | 'value out'
  /** Readable bytes. */
  | 'mem'
  | 'mem?'
  /** Bytes that the helper reads and may write. */
  | 'mem inout'
  /** Bytes that the helper fills. */
  | 'mem out'
  | 'mem out?'
  | 'size'
  | 'size?'
  /** A constant size of memory that the helper hands out. */
  | 'alloc size'
  | 'ringbuf mem release'
  /** A function of the program. */
  | 'func'
  /** What the function is given: a place on the stack, or null. */
  | 'stack?'
  | 'spin_lock'
  | 'timer'
  | 'socket'
  | 'sock_common'
  | 'sock_common release'
  /** A NUL-terminated string in a read-only map. */
  | 'const_str'
  | 'percpu ptr'
  | 'kernel ptr'
  | 'dynptr'
  | 'dynptr local new'
  | 'dynptr ringbuf new'
  | 'dynptr ringbuf release'
  /** A fixed number of bytes. */
  | { readonly fixed: number; readonly mode: 'in' | 'out' | 'inout'; readonly aligned?: true };

/** What r0 is afterwards (`enum bpf_return_type`); `?`: or null. */
export type ReturnClass =
  | 'integer'
  | 'void'
  | 'map_value?'
  | 'sock?'
  | 'sock_common?'
  | 'tcp_sock?'
  | 'ringbuf_mem?'
  | 'dynptr_mem?'
  /** A typed kernel object. */
  | 'ptr'
  | 'ptr?';

/**
 * Whom an answer depends on besides arguments, memory, maps and the packet. A helper that asks no one is
 * deterministic. `clock`, `cpu`, `node` and `task` stay as they are while one packet is handled.
 */
export type Environment =
  | 'clock'
  | 'cpu'
  | 'node'
  /** The task that the softirq interrupted. */
  | 'task'
  /** A generator whose state moves with each call. */
  | 'random'
  /** Routes, devices, sockets, secrets and counters of the host. */
  | 'host';

/** What a call changes besides the bytes behind its own arguments, which their classes tell. */
export type Change =
  /** Which elements the map in its argument has, and their values. */
  | 'elements'
  /** Bytes of maps or records that the program reaches otherwise: behind a dynptr, in a timer. */
  | 'memory'
  /** Bytes of the packet, between its ends. */
  | 'packet'
  /** Ring buffer records that are handed out and given back. */
  | 'records'
  /** Who holds a lock: others may have changed what it guards. */
  | 'lock'
  /** Functions of the program run, or another program does: anything may be different. */
  | 'program'
  /** Where the packet goes. */
  | 'redirect'
  /** What user space is sent. */
  | 'output'
  /** The state of the random generator. */
  | 'generator'
  /** Which sockets are held. */
  | 'references'
  /** Processes of the host. */
  | 'outside';

/** A row as it is written down; its key is the helper's name, from which follows its number. */
export interface HelperSpec {
  readonly args: readonly ArgClass[];
  readonly ret: ReturnClass;
  /** Only for programs with a GPL-compatible licence. */
  readonly gpl?: true;
  /** Takes pointers into the packet where it takes memory. */
  readonly packet?: true;
  /**
   * Moves the packet's ends, so that all packet pointers are lost: `head` the start of data or metadata, `tail` the
   * end, and possibly the start.
   */
  readonly moves?: 'head' | 'tail';
  /** May sleep: never allowed in XDP. */
  readonly sleeps?: true;
  /** The program has to release what r0 points to. */
  readonly acquires?: true;
  /** The only types of maps that its map argument may have; default: all types that are not restricted. */
  readonly maps?: readonly MapTypeName[];
  /** Restricted types (map-type.ts) that it takes besides all others. */
  readonly alsoMaps?: readonly MapTypeName[];
  /**
   * Whether the bytes behind `mem out` are all written: in any case, or where it returns 0 (else they stay as they
   * were). Default: not told.
   */
  readonly fills?: 'always' | 'on success';
  /** Runs the function that it is given: before it returns, or some time later. */
  readonly calls?: 'now' | 'later';
  /**
   * Shows numbers, and what pointers point to, under a format: in the registers behind its arguments (as C's `...`),
   * or in the list of u64 that is its `mem?`.
   */
  readonly prints?: 'registers' | 'list';
  readonly asks?: Environment;
  /** Default: nothing. */
  readonly changes?: readonly Change[];
  /** r0 has at most so many bits; default 64. Guest addresses have 32 in jitnic's machines. */
  readonly bits?: 32;
  /** What Linux's verifier knows of an integer in r0: a CPU's number; or at most the size argument, or -errno. */
  readonly range?: 'cpu' | 'size or errno';
  /** jitnic's machines answer 0: there is one node, and the idle task (process 0 of root) is what was interrupted. */
  readonly isZero?: true;
  /** jitnic's machines answer as that other helper: they never sleep, so time since boot is uptime. */
  readonly sameAs?: HelperName;
  /** A call ends the program in jitnic's machines, which have no memory of kernel or users to read. */
  readonly stops?: true;
  /** Not implemented here: what jitnic's machines do not have. The verifier knows it nevertheless. */
  readonly lacks?: string;
}

/** A row of the table. */
export interface HelperRow extends HelperSpec {
  /** Without `bpf_`. */
  readonly name: HelperName;
  /** What stands in the call's immediate. */
  readonly number: number;
}
