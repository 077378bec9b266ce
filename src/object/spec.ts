/**
 * What an object file says, as plain values: same bytes in, same value out, nothing alive. The engines (`vm`), the
 * verifier and the kernel loader (`linux`) all start from an {@link ObjectSpec}.
 *
 * References are symbolic and by index, so that a program can be loaded anywhere:
 *
 * | instruction | `src` | `imm` | second slot's `imm` |
 * |---|---|---|---|
 * | lddw map pointer | PSEUDO_MAP_FD (1) | index in `ObjectSpec.maps` | 0 |
 * | lddw map value | PSEUDO_MAP_VALUE (2) | index in `ObjectSpec.maps` | byte offset in the value |
 * | lddw function | PSEUDO_FUNC (4) | target slot, relative to the next slot after this one's first | 0 |
 * | call of a function | CALL_LOCAL (1) | target slot, relative to the next slot | |
 * | call of a kfunc | CALL_KFUNC (2) | index in `ProgramSpec.kfuncs` | |
 * | lddw ksym | PSEUDO_BTF_ID (3) | index in `ProgramSpec.ksyms` | 0 |
 *
 * Every subprogram that a program reaches is appended to its code (as libbpf does), so a `ProgramSpec` is complete.
 */
import type { Insn } from '../isa/index.js';
import type { MapTypeName } from '../platform/index.js';
import type { Btf } from './btf.js';

/** Initial content of a map that the object file carries. Bytes are in memory order. */
export type MapInit =
  /** The whole value of a data section (`.rodata`, `.data`, `.bss`, `.kconfig`): one element at key 0. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  /** `values` of a map-in-map: slot -> index in `ObjectSpec.maps`. */
  | { readonly kind: 'maps'; readonly slots: ReadonlyMap<number, number> }
  /** `values` of a PROG_ARRAY: slot -> program name. */
  | { readonly kind: 'programs'; readonly slots: ReadonlyMap<number, string> };

/** A map as an object defines it, before it is made. Sizes in bytes. */
export interface MapSpec {
  readonly name: string;
  /** A known type, or `type N`-less number in {@link typeNumber}. */
  readonly type: MapTypeName;
  readonly typeNumber: number;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes. */
  readonly valueSize: number;
  /** 0 for a PERF_EVENT_ARRAY means one for each CPU, as libbpf has it. */
  readonly maxEntries: number;
  /** BPF_F_* of map creation. */
  readonly flags: number;
  /** `map_extra` (bloom filter: number of hash functions). */
  readonly extra: bigint;
  /** Memory node that the elements come from; undefined where the file names none. */
  readonly numaNode?: number | undefined;
  /** LIBBPF_PIN_BY_NAME: loaders share it through the bpf file system. */
  readonly pinning: boolean;
  /** For a map of maps: what its inner maps look like. */
  readonly inner?: MapSpec | undefined;
  readonly init?: MapInit | undefined;
  /** ELF section it comes from: `.maps`, `maps`, `.rodata`, ... */
  readonly section: string;
  /** BTF type ids of key and value in `ObjectSpec.btf`; 0 where unknown. */
  readonly btfKeyId: number;
  readonly btfValueId: number;
}

/** One function inside `ProgramSpec.insns`. */
export interface FunctionSpec {
  readonly name: string;
  /** First slot and one past the last. */
  readonly start: number;
  readonly end: number;
  /** Global functions are verified on their own by signature; static ones in place. */
  readonly global: boolean;
  /** BTF type id of its FUNC in `ObjectSpec.btf`; 0 where there is none. */
  readonly btfId: number;
  /** Where the file has it, if it was read from one: index of its section in the section table, first slot there. */
  readonly origin?: { readonly section: number; readonly slot: number } | undefined;
}

/** BTF.ext line record: holds from `insn` on until the next one. */
export interface LineSpec {
  readonly insn: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The source text of the line, as the compiler stored it. */
  readonly text: string;
  /** Where `file` and `text` are in BTF's string section, for handing the record to the kernel. */
  readonly fileOffset?: number | undefined;
  readonly textOffset?: number | undefined;
}

/**
 * A CO-RE relocation (BTF.ext core_relo): which field, type or enumerator the value in an instruction stands for. It
 * is applied when the object is read; what is kept here lets the object be written again as it was, for any kernel.
 */
export interface CoreRelocationSpec {
  readonly insn: number;
  /** The type in `ObjectSpec.btf` that the access begins at. */
  readonly typeId: number;
  /** `0:1:2`: array index, then member indices; an enumerator's index; `0` for a whole type. */
  readonly access: string;
  /** enum bpf_core_relo_kind. */
  readonly kind: number;
  /** The instruction as it is in the file: two slots for a 64-bit load. */
  readonly before: readonly Insn[];
  /** The same slots once the relocation was applied. Where the program has others there, somebody edited it. */
  readonly after: readonly Insn[];
}

/** An extern that the kernel provides. */
export interface ExternSpec {
  readonly name: string;
  readonly weak: boolean;
  /** BTF type id of its FUNC or VAR; 0 where there is none. */
  readonly btfId: number;
}

/** A program with all that it calls, its references by index. */
export interface ProgramSpec {
  /** The ELF symbol. */
  readonly name: string;
  /** The ELF section, e.g. `xdp.frags/foo`. */
  readonly section: string;
  /** From the section's name as libbpf reads it; `unspec` where it tells nothing. */
  readonly type: ProgramTypeName;
  /** Program flag BPF_F_XDP_HAS_FRAGS. */
  readonly frags: boolean;
  /** Program flag BPF_F_XDP_DEV_BOUND_ONLY: it is loaded for one network device, and runs on the host. */
  readonly devBound?: boolean | undefined;
  /** Where an XDP program is meant to run. */
  readonly attach: 'xdp' | 'xdp_devmap' | 'xdp_cpumap' | undefined;
  /** A slot for each eight bytes; a 64-bit load has two. */
  readonly insns: readonly Insn[];
  /** In code order; the first is the program itself. */
  readonly functions: readonly FunctionSpec[];
  /** In slot order; empty without BTF.ext. */
  readonly lines: readonly LineSpec[];
  /** Kernel functions, by the index that calls have in `imm`. */
  readonly kfuncs: readonly ExternSpec[];
  /** Kernel variables, by the index that address loads have in `imm`. */
  readonly ksyms: readonly ExternSpec[];
  /** In slot order. Only programs that were read from a file have any. */
  readonly core?: readonly CoreRelocationSpec[] | undefined;
  /**
   * What a loader has to refuse when the slot is reached or loaded: an unresolved relocation, symbol or CO-RE access.
   */
  readonly unresolved: readonly UnresolvedSpec[];
}

/** A `__kconfig` variable: a symbol whose value lies in the map `.kconfig`. */
export interface KconfigSpec {
  readonly name: string;
  readonly weak: boolean;
  /** Of its first byte in the map's value. */
  readonly offset: number;
}

/** One instruction that means nothing, or not what it should. */
export interface UnresolvedSpec {
  /** Slot in the program. */
  readonly insn: number;
  /** Complete sentence naming the symbol or access, its section and its source line. */
  readonly what: string;
  /**
   * True where the instruction was replaced by a call of the helper 195896080, which no kernel has: the program loads
   * if that is dead code, and it matters only when it is reached. Otherwise the program cannot be loaded.
   */
  readonly poisoned?: boolean | undefined;
  /** The symbol that the instruction refers to, where what is wrong is that nothing defines it or gives it a value. */
  readonly symbol?: { readonly name: string; readonly weak: boolean } | undefined;
}

/** Program types as libbpf's section names tell them (`bpftool` spelling). Only `xdp` runs here. */
export type ProgramTypeName =
  | 'unspec'
  | 'socket_filter'
  | 'kprobe'
  | 'sched_cls'
  | 'sched_act'
  | 'tracepoint'
  | 'xdp'
  | 'perf_event'
  | 'cgroup_skb'
  | 'cgroup_sock'
  | 'lwt_in'
  | 'lwt_out'
  | 'lwt_xmit'
  | 'sock_ops'
  | 'sk_skb'
  | 'cgroup_device'
  | 'sk_msg'
  | 'raw_tracepoint'
  | 'cgroup_sock_addr'
  | 'lwt_seg6local'
  | 'lirc_mode2'
  | 'sk_reuseport'
  | 'flow_dissector'
  | 'cgroup_sysctl'
  | 'raw_tracepoint_writable'
  | 'cgroup_sockopt'
  | 'tracing'
  | 'struct_ops'
  | 'ext'
  | 'lsm'
  | 'sk_lookup'
  | 'syscall'
  | 'netfilter';

/** A section of the file, for listings. */
export interface SectionSpec {
  readonly name: string;
  /** ELF sh_type and sh_flags. */
  readonly type: number;
  readonly flags: number;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** A whole file. */
export interface ObjectSpec {
  /** File name as given, for messages. */
  readonly name: string;
  /** Content of section `license`; the empty string where there is none, which is not GPL-compatible. */
  readonly license: string;
  /** Content of section `version` (LINUX_VERSION_CODE); kernels before 5.0 compared it. */
  readonly version: number;
  /** In the order of the file, of all program types. */
  readonly programs: readonly ProgramSpec[];
  /** Declared maps first, then those that data sections become (`.rodata`, `.bss`, `.kconfig`). */
  readonly maps: readonly MapSpec[];
  /** Variables of the map `.kconfig`, in the order of their offsets; undefined where there is no such map. */
  readonly kconfig?: readonly KconfigSpec[] | undefined;
  readonly sections: readonly SectionSpec[];
  /** The program's own types; undefined where the file has none. */
  readonly btf: Btf | undefined;
  /** The kernel's types, where a program sees them (bpf_rdonly_cast, connection tracking) and they are known. */
  readonly kernelBtf?: Btf | undefined;
}
