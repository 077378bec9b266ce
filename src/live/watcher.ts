/**
 * How a change of a map by user space is noticed before it happens: two programs on the raw tracepoints of system
 * calls look at every bpf(2). Where one is about to change a map that is watched, the *epoch* in the guard's memory
 * goes up before the call does anything, and once more when it is over; versions compare the epoch with the one that
 * they were made for before each decision that rests on a map's contents.
 *
 * Guard memory, one element of an array, 8 bytes each:
 *
 *      0  epoch: goes up at the beginning and at the end of each change
 *      8  changes under way
 *     16  changes of watched maps seen
 *     24  other events that give somebody a way to write: programs loaded that have one, iterators over maps
 *     32  loads of programs under way, which are looked at when they are over: before anybody can run the program
 *     40  changes of maps under way that were not watched when they began
 *
 * So `epoch = E` and nothing under way, before and after reading a map, means: what was read is what the map holds as
 * long as the epoch is E. What cannot be told (an address that is not mapped, a new command) counts as a change.
 * A program that is loaded and has a watched map counts as well, but for those of the process that watches.
 * The programs are pinned: they outlive whoever installed them, so that versions stay guarded after `kill -9`.
 *
 * Not seen: writes through mmap(2) and by other BPF programs. Maps for which there may be any are not specialised
 * (read-only.ts).
 */
import { readFileSync } from 'node:fs';
import { UnsupportedError } from '../base/index.js';
import { assembleInsns, encodeInsns } from '../isa/index.js';
import { type Bpf, hostBtf, type KernelIds } from '../linux/index.js';
import type { Btf } from '../object/index.js';
import { errnoName, helperNumber } from '../platform/index.js';

/** Bytes of the guard's memory. */
export const guardSize = 64;
/** Where in it things are. */
export const guardAt = { epoch: 0, active: 8, changes: 16, events: 24, loads: 32, others: 40 } as const;

/** The guard's memory at one moment. */
export interface GuardState {
  readonly epoch: bigint;
  readonly active: bigint;
  readonly changes: bigint;
  readonly events: bigint;
  readonly others: bigint;
}

/** enum bpf_prog_type: raw tracepoints. */
const rawTracepointType = 17;
/** enum bpf_prog_type: programs that may call bpf(2) themselves. */
const syscallType = 31;
/** enum bpf_attach_type: iterators. */
const iterAttach = 28;
/** The last bpf(2) command of Linux 6.18. */
const lastCommand = 37;
/** enum bpf_map_type: maps of maps. */
const mapsOfMaps = [12, 13] as const;

/** Where the kernel keeps what is looked at, in bytes. */
interface Offsets {
  readonly command: number;
  readonly attribute: number;
  readonly files: number;
  readonly fdtable: number;
  readonly fds: number;
  readonly privateData: number;
  readonly mapId: number;
  readonly mapType: number;
  readonly programType: number;
  readonly leader: number;
  readonly started: number;
  readonly aux: number;
  readonly usedMaps: number;
  readonly usedMapCount: number;
}

/** Most maps that a program may have (MAX_USED_MAPS). */
const mostMaps = 64;

/**
 * Who may load programs without that being an event: this process. A process id comes back some day; together with
 * the time at which the process began (since the machine did, in hundredths of a second) it does not.
 */
interface Owner {
  readonly pid: number;
  readonly started: number;
}

/** Field 22 of proc_pid_stat(5); what follows the command's name is counted from field 3. */
function ownIdentity(): Owner {
  const fields = readFileSync('/proc/self/stat', 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return { pid: process.pid, started: Number(fields[19]) };
}

/** Registers of system calls in `struct pt_regs`, and the number of bpf(2). */
const machines = {
  x64: { command: 112, attribute: 104, bpf: [321, 357] },
  arm64: { command: 0, attribute: 8, bpf: [280, 386] },
} as const;

/** The descriptors of an installed watcher. */
export interface Watcher {
  readonly guardFd: number;
  /** Hash of map ids; how often each was changed. */
  readonly watchedFd: number;
  /** Links of both programs. */
  readonly linkFds: readonly number[];
}

/** Installs the watcher; nothing is watched yet. Throws UnsupportedError with what the kernel lacks. */
export function installWatcher(bpf: Bpf, ids: KernelIds): Watcher {
  const { offsets, numbers } = layout();
  const make = (type: number, keySize: number, valueSize: number, maxEntries: number, name: string): number => {
    const fd = bpf.mapCreate({ type, keySize, valueSize, maxEntries, name });
    if (fd < 0) throw new UnsupportedError(`the kernel makes no map for the watcher: ${errnoName(fd)}`);
    return fd;
  };
  const guardFd = make(2, 4, guardSize, 1, 'jitnic_guard');
  const watchedFd = make(1, 4, 4, 1024, 'jitnic_watched');
  const activeFd = make(1, 8, 4, 65_536, 'jitnic_active');
  const map = (name: string): number => ({ guard: guardFd, watched: watchedFd, active: activeFd })[name] ?? -1;
  const attach = (point: string, text: string): number => {
    const insns = encodeInsns(assembleInsns(text, { helper: (name) => helperNumber(name.replace(/^bpf_/, '')), map }));
    const loaded = bpf.progLoad({ insns, license: 'GPL', name: `jitnic_${point}`, type: rawTracepointType });
    if (!('fd' in loaded)) {
      throw new UnsupportedError(
        `the kernel does not take the program that watches bpf(2): ${errnoName(loaded.errno)}`,
        {},
        'it needs CAP_PERFMON and a kernel that is not locked down for confidentiality',
      );
    }
    const link = ids.openRawTracepoint(point, loaded.fd);
    bpf.close(loaded.fd);
    if (link < 0) throw new UnsupportedError(`system calls cannot be watched: ${errnoName(link)}`);
    return link;
  };
  // The end first: a change whose end is not seen would count as under way for ever.
  const linkFds = [
    attach('sys_exit', exitText(offsets)),
    attach('sys_enter', enterText(offsets, numbers, ownIdentity())),
  ];
  bpf.close(activeFd);
  return { guardFd, watchedFd, linkFds };
}

/**
 * Have all changes ended that had begun before a map was watched? What begins later is seen; what is under way is
 * waited for, a few looks long: changes take microseconds. False: not yet.
 */
export function othersEnded(bpf: Bpf, guardFd: number): boolean {
  for (let i = 0; i < 100; i++) if (readGuard(bpf, guardFd).others === 0n) return true;
  return false;
}

/** Reads the guard's memory. */
export function readGuard(bpf: Bpf, guardFd: number): GuardState {
  const bytes = bpf.mapLookup(guardFd, new Uint8Array(4), guardSize);
  if (typeof bytes === 'number') throw new UnsupportedError(`the guard cannot be read: ${errnoName(bytes)}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const at = (offset: number): bigint => view.getBigUint64(offset, true);
  return {
    epoch: at(guardAt.epoch),
    active: at(guardAt.active),
    changes: at(guardAt.changes),
    events: at(guardAt.events),
    others: at(guardAt.others),
  };
}

/** Structures differ from kernel to kernel: the kernel's own types tell where members are. */
function layout(): { readonly offsets: Offsets; readonly numbers: readonly number[] } {
  const btf = hostBtf();
  const machine = (machines as Record<string, (typeof machines)['x64' | 'arm64'] | undefined>)[process.arch];
  if (btf === undefined || machine === undefined) {
    throw new UnsupportedError(
      'changes of maps cannot be noticed here: this needs /sys/kernel/btf/vmlinux on x86-64 or arm64',
    );
  }
  const at = (struct: string, member: string): number => memberOffset(btf, struct, member);
  const offsets = {
    command: machine.command,
    attribute: machine.attribute,
    files: at('task_struct', 'files'),
    fdtable: at('files_struct', 'fdt'),
    fds: at('fdtable', 'fd'),
    privateData: at('file', 'private_data'),
    mapId: at('bpf_map', 'id'),
    mapType: at('bpf_map', 'map_type'),
    programType: at('bpf_prog', 'type'),
    leader: at('task_struct', 'group_leader'),
    started: at('task_struct', 'start_boottime'),
    aux: at('bpf_prog', 'aux'),
    usedMaps: at('bpf_prog_aux', 'used_maps'),
    usedMapCount: at('bpf_prog_aux', 'used_map_cnt'),
  };
  return { offsets, numbers: machine.bpf };
}

/** Byte offset of a member, also of one in a struct or union without a name. */
function memberOffset(btf: Btf, struct: string, member: string): number {
  const within = (id: number): number | undefined => {
    const type = btf.type(id);
    if (type.kind !== 'struct' && type.kind !== 'union') return undefined;
    for (const each of type.members) {
      if (each.name === member) return each.bitOffset / 8;
      const inner = each.name === '' ? within(each.type) : undefined;
      if (inner !== undefined) return each.bitOffset / 8 + inner;
    }
    return undefined;
  };
  const id = btf.named(struct).find((each) => btf.kind(each) === 'struct');
  const offset = id === undefined ? undefined : within(id);
  if (offset === undefined)
    throw new UnsupportedError(`this kernel's \`struct ${struct}\` has no member \`${member}\``);
  return offset;
}

/** Reads `size` bytes of the kernel at a base on the stack plus an offset; what fails counts as a change. */
function read(to: number, size: number, base: string, offset: number | string, failed: string): string {
  return `
    r3 = ${base}
    r3 += ${offset}
    r1 = r10
    r1 += ${to}
    r2 = ${size}
    call bpf_probe_read_kernel
    if r0 != 0 goto ${failed}`;
}

/** The kernel's pointer that is being followed: a slot that each step overwrites. */
const pointer = '*(u64 *)(r10 - 24)';

/** What the thread's descriptor r8 stands for, into the stack at -24; r8 is lost. */
function walk(at: Offsets, failed: string): string {
  return `
    call bpf_get_current_task
    ${read(-24, 8, 'r0', at.files, failed)}
    ${read(-24, 8, pointer, at.fdtable, failed)}
    ${read(-24, 8, pointer, at.fds, failed)}
    r8 <<= 3
    ${read(-24, 8, pointer, 'r8', failed)}
    ${read(-24, 8, pointer, at.privateData, failed)}`;
}

/** To `own` if it is the owner's thread. */
function ifOwner(at: Offsets, owner: Owner, own: string): string {
  return `
    call bpf_get_current_pid_tgid
    r0 >>= 32
    if r0 != ${owner.pid} goto foreign
    call bpf_get_current_task
    ${read(-64, 8, 'r0', at.leader, 'foreign')}
    ${read(-64, 8, '*(u64 *)(r10 - 64)', at.started, 'foreign')}
    r1 = *(u64 *)(r10 - 64)
    r1 /= 10000000
    r2 = ${owner.started} ll
    if r1 == r2 goto ${own}
  foreign:`;
}

/**
 * The beginning of each system call. r6: context, r7: command, r8: descriptor of a map or program.
 *
 *     commands    2, 3 update and delete, 21 look up and delete, 25 to 27 the same by batches: of a map
 *                 5 load of a program, 10 test run, 28 link, 35 binding a map to a program
 *     descriptor  at byte 0 of the attributes; 36 in batches, 4 in bindings; links have their type at 8
 *     stack       -8 command, -16 attributes, -24 pointer that is followed, -32 descriptor or type of a link,
 *                 -40 type, -48 id of a map, -56 thread, -60 what began: 1 change, 2 load, 3 unwatched change
 *
 * The epoch goes up before the call is noted as under way: in between, versions already take the slow way.
 */
function enterText(at: Offsets, [native, compat]: readonly number[], owner: Owner): string {
  return `
    r6 = r1
    r1 = *(u64 *)(r6 + 8)
    if r1 == ${compat} goto change
    if r1 != ${native} goto out
    r9 = *(u64 *)(r6 + 0)
    ${read(-8, 8, 'r9', at.command, 'change')}
    r7 = *(u32 *)(r10 - 8)
    if r7 > ${lastCommand} goto change
    if r7 == 5 goto load
    if r7 == 28 goto attribute
    if r7 == 10 goto attribute
    if r7 == 2 goto attribute
    if r7 == 3 goto attribute
    if r7 == 21 goto attribute
    if r7 == 35 goto attribute
    if r7 < 25 goto out
    if r7 > 27 goto out
  attribute:
    ${read(-16, 8, 'r9', at.attribute, 'change')}
    r3 = *(u64 *)(r10 - 16)
    if r7 != 28 goto notlink
    r3 += 8
    goto user
  notlink:
    if r7 != 35 goto notbind
    r3 += 4
    goto user
  notbind:
    if r7 < 25 goto user
    r3 += 36
  user:
    r1 = r10
    r1 += -32
    r2 = 4
    call bpf_probe_read_user
    if r0 != 0 goto change
    r8 = *(u32 *)(r10 - 32)
    if r7 != 28 goto walk
    if r8 == ${iterAttach} goto event
    goto out
  walk:
    ${walk(at, 'change')}
    if r7 != 10 goto map
    ${read(-40, 4, pointer, at.programType, 'change')}
    r1 = *(u32 *)(r10 - 40)
    if r1 == ${syscallType} goto event
    goto out
  map:
    ${read(-40, 4, pointer, at.mapType, 'change')}
    r1 = *(u32 *)(r10 - 40)
    if r1 == ${mapsOfMaps[0]} goto change
    if r1 == ${mapsOfMaps[1]} goto change
    ${read(-48, 4, pointer, at.mapId, 'change')}
    r1 = watched ll
    r2 = r10
    r2 += -48
    call bpf_map_lookup_elem
    if r0 == 0 goto other
    r2 = 1
    lock *(u32 *)(r0 + 0) += r2
    goto change
  other:
    r1 = guard + 0 ll
    r2 = 1
    lock *(u64 *)(r1 + ${guardAt.others}) += r2
    *(u32 *)(r10 - 60) = 3
    goto note
  load:
    ${ifOwner(at, owner, 'out')}
    r1 = guard + 0 ll
    r2 = 1
    lock *(u64 *)(r1 + ${guardAt.loads}) += r2
    *(u32 *)(r10 - 60) = 2
    goto note
  event:
    r1 = guard + 0 ll
    r2 = 1
    lock *(u64 *)(r1 + ${guardAt.events}) += r2
  change:
    r1 = guard + 0 ll
    r2 = 1
    lock *(u64 *)(r1 + ${guardAt.epoch}) += r2
    lock *(u64 *)(r1 + ${guardAt.active}) += r2
    lock *(u64 *)(r1 + ${guardAt.changes}) += r2
    *(u32 *)(r10 - 60) = 1
  note:
    call bpf_get_current_pid_tgid
    *(u64 *)(r10 - 56) = r0
    r1 = active ll
    r2 = r10
    r2 += -56
    r3 = r10
    r3 += -60
    r4 = 0
    call bpf_map_update_elem
  out:
    r0 = 0
    exit`;
}

/**
 * The end of each system call: of the thread's change, if it began one, or of its load of a program, which counts
 * where the program has a watched map. r6: the guard, r7: context, r8: descriptor of the program, r9: number of a map.
 * Most calls end at the first test: where nothing is under way nothing is looked up.
 *
 *     stack    -8 thread, -24 pointer that is followed, -32 a map, -40 number of maps, -48 id of a map
 */
function exitText(at: Offsets): string {
  return `
    r7 = r1
    r6 = guard + 0 ll
    r1 = *(u64 *)(r6 + ${guardAt.active})
    r2 = *(u64 *)(r6 + ${guardAt.loads})
    r1 |= r2
    r2 = *(u64 *)(r6 + ${guardAt.others})
    r1 |= r2
    if r1 == 0 goto out
    call bpf_get_current_pid_tgid
    *(u64 *)(r10 - 8) = r0
    r1 = active ll
    r2 = r10
    r2 += -8
    call bpf_map_lookup_elem
    if r0 == 0 goto out
    r9 = *(u32 *)(r0 + 0)
    r1 = active ll
    r2 = r10
    r2 += -8
    call bpf_map_delete_elem
    r2 = 1
    r3 = -1
    if r9 == 2 goto load
    if r9 == 3 goto other
    lock *(u64 *)(r6 + ${guardAt.epoch}) += r2
    lock *(u64 *)(r6 + ${guardAt.active}) += r3
    goto out
  other:
    lock *(u64 *)(r6 + ${guardAt.others}) += r3
    goto out
  load:
    lock *(u64 *)(r6 + ${guardAt.loads}) += r3
    r8 = *(u64 *)(r7 + 8)
    if r8 s< 0 goto out
    ${walk(at, 'event')}
    ${read(-24, 8, pointer, at.aux, 'event')}
    ${read(-40, 4, pointer, at.usedMapCount, 'event')}
    ${read(-24, 8, pointer, at.usedMaps, 'event')}
    r9 = 0
  next:
    r1 = *(u32 *)(r10 - 40)
    if r9 >= r1 goto out
    if r9 >= ${mostMaps} goto event
    r8 = r9
    r8 <<= 3
    ${read(-32, 8, pointer, 'r8', 'event')}
    ${read(-48, 4, '*(u64 *)(r10 - 32)', at.mapId, 'event')}
    r9 += 1
    r1 = watched ll
    r2 = r10
    r2 += -48
    call bpf_map_lookup_elem
    if r0 == 0 goto next
  event:
    r2 = 1
    lock *(u64 *)(r6 + ${guardAt.events}) += r2
    lock *(u64 *)(r6 + ${guardAt.epoch}) += r2
  out:
    r0 = 0
    exit`;
}
