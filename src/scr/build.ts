/**
 * A program on many cores: the object that takes the sequencer's frames (layout.ts).
 *
 * Each core (*lane*) has a program of its own, which differs from the others' in nothing but the maps that it names:
 * state maps are copied lane by lane, whatever their type, so all copies see the same changes in the same order and
 * hash, LRU and array behave as the one map of the sequential run does. The kernel's per-CPU hashes would not do:
 * their keys are one set for all CPUs, so the first core that inserts makes the key exist for the others, which have
 * not come so far. An entry program reads the lane from the dummy header and tail-calls its program, so it does not
 * matter which CPU a lane runs on, as long as it is one at a time.
 *
 *     entry:  check the header -> tail call lanes[lane]
 *     lane:   check the length -> replay each present item -> take the history off -> the program, unchanged but for
 *             its clock, which is the sequencer's
 */
import { InputError } from '../base/index.js';
import { calledHelper, rewriteProgram } from '../code/index.js';
import { type Insn, jumpTarget, loadsMap, op } from '../isa/index.js';
import { type MapSpec, mapSpec, type ObjectSpec, type ProgramSpec, programSpec } from '../object/index.js';
import { helperId } from '../platform/index.js';
import { addedBytes, coresThatFit, itemOffset, maxXdpFrame, ordinaryPacket, type ScrLayout } from './layout.js';
import { layoutFor, type Metadata } from './metadata.js';
import { compileReplay } from './replay-code.js';

/** How an object is built. */
export interface BuildOptions {
  readonly cores: number;
  /** Frame bytes that fit, Ethernet header included; default {@link maxXdpFrame}. */
  readonly frameBytes?: number | undefined;
  /** Bytes of the largest packet; default {@link ordinaryPacket}. */
  readonly packetBytes?: number | undefined;
}

/** What was built. */
export interface BuiltScr {
  /** The entry program stands first, then the lanes'. */
  readonly object: ObjectSpec;
  readonly layout: ScrLayout;
  /** By lane and state map of the program (index in its object): index in `object.maps`. */
  readonly copies: readonly ReadonlyMap<number, number>[];
  /** In front of each packet. */
  readonly addedBytes: number;
  /** Slots of the replay of one item. */
  readonly replayInsns: number;
}

/** Of the map that holds the lanes' programs. */
const lanesMap = 'scr_lanes';
/** Where the lanes' clocks are. */
const clockSection = '.data.scr_clock';
/** Bytes from one lane's clock to the next: a cache line. */
const clockStride = 64;

const insn = (code: number, over: Partial<Insn> = {}): Insn => ({ code, dst: 0, src: 0, off: 0, imm: 0, ...over });
const move = (dst: number, src: number): Insn => insn(op.ALU64 | op.MOV | op.X, { dst, src });
const set = (dst: number, imm: number): Insn => insn(op.ALU64 | op.MOV, { dst, imm });
const add = (dst: number, imm: number): Insn => insn(op.ALU64 | op.ADD, { dst, imm });
const load = (size: number, dst: number, src: number, off: number): Insn =>
  insn(op.LDX | op.MODE_MEM | size, { dst, src, off });
const exit = insn(op.EXIT_OP);

/**
 * The object for so many cores. Throws InputError where frames would not fit, with the number of cores that do, and
 * where the replay has no code, with why.
 */
export function buildScr(metadata: Metadata, options: BuildOptions): BuiltScr {
  const { scr } = metadata.slice;
  const { cores, frameBytes = maxXdpFrame, packetBytes = ordinaryPacket } = options;
  const layout = layoutFor(metadata, cores);
  const fit = coresThatFit(layout, frameBytes, packetBytes);
  if (cores > fit)
    throw new InputError(
      `${cores} cores put ${addedBytes(layout)} B before each packet: with ${packetBytes} B of packet that is more than a frame of ${frameBytes} B`,
      { file: scr.object.name },
      fit === 0 ? 'no number of cores fits' : `--cores ${fit} fits`,
    );
  const replay = compileReplay(metadata);
  if (replay.kind === 'refused')
    throw new InputError(`the replay of \`${scr.program.name}\` has no code: ${replay.why}`, { file: scr.object.name });
  const maps: MapSpec[] = [...scr.object.maps];
  const states = scr.maps.filter(({ role }) => role === 'state');
  const copies = Array.from({ length: cores }, (_, lane): ReadonlyMap<number, number> => {
    if (lane === 0) return new Map(states.map(({ index }) => [index, index]));
    return new Map(states.map(({ index, spec }) => [index, maps.push(copyOf(spec, lane)) - 1]));
  });
  let clock = -1;
  if (asksTime(scr.program)) clock = maps.push(clockMap(cores)) - 1;
  const names = Array.from({ length: cores }, (_, lane) => `${scr.program.name}_lane${lane}`);
  const lanes = maps.push(lanesSpec(names)) - 1;
  const programs = copies.map((copy, lane) =>
    laneProgram({
      metadata,
      layout,
      replay: cores === 1 ? [] : replay.code.insns,
      name: names[lane] as string,
      lane,
      copy,
      clock,
    }),
  );
  const entry = entryProgram(scr.program, lanes, cores);
  const object: ObjectSpec = { ...scr.object, programs: [entry, ...programs], maps };
  return { object, layout, copies, addedBytes: addedBytes(layout), replayInsns: replay.code.insns.length };
}

/** A lane's copy of a map. */
function copyOf(spec: MapSpec, lane: number): MapSpec {
  if (spec.init?.kind !== 'data') return { ...spec, name: `${spec.name}.${lane}`, pinning: false };
  // libbpf makes maps of `.data.*`, and of no `.bss.*`.
  const section = `.data.scr${lane}${spec.section.replace(/^\.(?:bss|data)/, '')}`;
  return { ...spec, name: section, section, btfValueId: 0 };
}

function clockMap(cores: number): MapSpec {
  const bytes = new Uint8Array(cores * clockStride);
  const shape = mapSpec({ name: clockSection, type: 'array', keySize: 4, valueSize: bytes.length, maxEntries: 1 });
  return { ...shape, section: clockSection, init: { kind: 'data', bytes } };
}

function lanesSpec(names: readonly string[]): MapSpec {
  const shape = mapSpec({ name: lanesMap, type: 'prog_array', keySize: 4, valueSize: 4, maxEntries: names.length });
  return { ...shape, section: '.maps', init: { kind: 'programs', slots: new Map(names.entries()) } };
}

/** Does it call the clock? */
function asksTime({ insns }: ProgramSpec): boolean {
  return insns.some((each) => calledHelper(each)?.number === helperId.ktime_get_ns);
}

/** `if data + 14 <= data_end: tail call lanes[header's lane]`; a frame that is none is aborted. */
function entryProgram({ name, section, frags }: ProgramSpec, lanes: number, cores: number): ProgramSpec {
  const insns = [
    load(op.SIZE_W, 2, 1, 0),
    load(op.SIZE_W, 3, 1, 4),
    move(4, 2),
    add(4, 14),
    insn(op.JMP | op.JGT | op.X, { dst: 4, src: 3, off: 5 }),
    load(op.SIZE_B, 3, 2, 1),
    insn(op.JMP | op.JGT, { dst: 3, imm: cores - 1, off: 3 }),
    insn(op.LDDW, { dst: 2, src: op.PSEUDO_MAP_FD, imm: lanes }),
    insn(0),
    insn(op.CALL_OP, { imm: helperId.tail_call }),
    set(0, 0),
    exit,
  ];
  return programSpec(insns, { name: `scr_${name}`, section, frags });
}

interface LaneInput {
  readonly metadata: Metadata;
  readonly layout: ScrLayout;
  readonly replay: readonly Insn[];
  readonly name: string;
  readonly lane: number;
  readonly copy: ReadonlyMap<number, number>;
  readonly clock: number;
}

/** A lane's program: history, then the program itself. */
function laneProgram({ metadata, layout, replay, name, lane, copy, clock }: LaneInput): ProgramSpec {
  const { program, object } = metadata.slice.scr;
  const main = program.functions[0];
  if (main === undefined || program.insns.some((each, pc) => jumpsToStart(each, pc)))
    throw new InputError(`\`${program.name}\` jumps to its own beginning`, { file: object.name });
  const redirect = (each: Insn): Insn => {
    const to = loadsMap(each) ? copy.get(each.imm) : undefined;
    return to === undefined ? each : { ...each, imm: to };
  };
  const head = headOf(layout, lane, clock);
  // A slot in front of the program, whose place the head takes.
  const shifted: ProgramSpec = {
    ...program,
    insns: [insn(op.JA_OP), ...program.insns.map(redirect)],
    functions: program.functions.map((fn, i) => ({ ...fn, start: i === 0 ? 0 : fn.start + 1, end: fn.end + 1 })),
    lines: program.lines.map((line) => ({ ...line, insn: line.insn + 1 })),
    unresolved: program.unresolved.map((each) => ({ ...each, insn: each.insn + 1 })),
  };
  const edits = new Map<number, readonly Insn[]>([[0, head]]);
  for (const [pc, each] of shifted.insns.entries())
    if (clock >= 0 && calledHelper(each)?.number === helperId.ktime_get_ns) edits.set(pc, readClock(lane, clock));
  const edited = rewriteProgram(shifted, edits);
  if (edited === undefined)
    throw new InputError(`\`${program.name}\` is too long for its jumps`, { file: object.name });
  const start = edited.insns.length;
  const insns = [...edited.insns, ...replay.map(redirect)];
  for (let pc = 0; pc < head.length; pc++) {
    const each = insns[pc] as Insn;
    if (each.code === op.CALL_OP && each.src === op.CALL_LOCAL) insns[pc] = { ...each, imm: start - pc - 1 };
  }
  const own = { name: 'scr_replay', start, end: insns.length, global: false, btfId: 0 };
  const functions = edited.functions.map((fn, i) => (i === 0 ? { ...fn, name } : fn));
  return { ...edited, name, insns, functions: replay.length === 0 ? functions : [...functions, own] };
}

function jumpsToStart(each: Insn, pc: number): boolean {
  const cls = each.code & 7;
  if ((cls !== op.JMP && cls !== op.JMP32) || each.code === op.CALL_OP || each.code === op.EXIT_OP) return false;
  return jumpTarget(each, pc) === 0;
}

/** r0 = the lane's clock: what stands in place of a call of bpf_ktime_get_ns. */
function readClock(lane: number, clock: number): Insn[] {
  return [
    insn(op.LDDW, { dst: 0, src: op.PSEUDO_MAP_VALUE, imm: clock }),
    insn(0, { imm: lane * clockStride }),
    load(op.SIZE_DW, 0, 0, 0),
  ];
}

/** Replays the history and takes it off; r1 is the context again behind it. */
function headOf(layout: ScrLayout, lane: number, clock: number): Insn[] {
  const added = addedBytes(layout);
  const aborted = [set(0, 0), exit];
  const code: Insn[] = [
    move(6, 1),
    load(op.SIZE_W, 7, 1, 0),
    load(op.SIZE_W, 8, 1, 4),
    move(1, 7),
    add(1, added),
    insn(op.JMP | op.JLE | op.X, { dst: 1, src: 8, off: aborted.length }),
    ...aborted,
    load(op.SIZE_DW, 9, 7, 4),
  ];
  if (clock >= 0)
    code.push(
      insn(op.LDDW, { dst: 1, src: op.PSEUDO_MAP_VALUE, imm: clock }),
      insn(0, { imm: lane * clockStride }),
      insn(op.STX | op.MODE_MEM | op.SIZE_DW, { dst: 1, src: 9, off: 0 }),
    );
  const items = layout.metadataBytes === 0 ? 0 : layout.cores - 1;
  for (let i = 0; i < items; i++) {
    const at = itemOffset(layout, i);
    const call = [move(1, 7), add(1, at), move(2, 9), insn(op.CALL_OP, { src: op.CALL_LOCAL })];
    const { presence } = layout;
    const test =
      presence.kind === 'item'
        ? [
            load(op.SIZE_B, 1, 7, at + (presence.bit >> 3)),
            insn(op.ALU64 | op.AND, { dst: 1, imm: 1 << (presence.bit & 7) }),
          ]
        : [move(1, 9), insn(op.ALU64 | op.RSH, { dst: 1, imm: i }), insn(op.ALU64 | op.AND, { dst: 1, imm: 1 })];
    code.push(...test, insn(op.JMP | op.JEQ, { dst: 1, imm: 0, off: call.length }), ...call);
  }
  code.push(
    move(1, 6),
    set(2, added),
    insn(op.CALL_OP, { imm: helperId.xdp_adjust_head }),
    insn(op.JMP | op.JEQ, { dst: 0, imm: 0, off: aborted.length }),
    ...aborted,
    move(1, 6),
  );
  return code;
}
