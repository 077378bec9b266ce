/**
 * The determinism check: what of a program would differ from core to core, with the line where it does. A replay sees
 * the packet's item and the state, and nothing else; so whatever else a change of state follows from is named here.
 */
import { type Block, liveBlocks, mapOf, type Value } from '../ir/index.js';
import { changesAny, type HelperRow, helperRow } from '../platform/index.js';
import type { ScrCode } from './analysis-code.js';
import type { Slice } from './analysis-slice.js';
import { lineOf } from './metadata.js';

/** A finding. */
export interface Finding {
  /** Stable word for scripts. */
  readonly code: FindingCode;
  /** `refusal`: the program is not replicated. `note`: it can be, and this is to be known. */
  readonly weight: 'refusal' | 'note';
  readonly what: string;
  /** Source line, where the object has them. */
  readonly file: string | undefined;
  readonly line: number | undefined;
  /** Slot of the program; -1 where it is none in particular. */
  readonly insn: number;
}

/** What can be found. */
export type FindingCode =
  | 'clock-defect'
  | 'random'
  | 'cpu'
  | 'host'
  | 'other-clock'
  | 'per-cpu-across'
  | 'other-writers'
  | 'unknown-map'
  | 'later-call'
  | 'tail-call'
  | 'packet-read'
  | 'outside-read'
  | 'queue-or-interface'
  | 'verdict-differs';

/** All findings, refusals first. */
export function checkSlice(slice: Slice): readonly Finding[] {
  const { scr, needed } = slice;
  const findings: Finding[] = [];
  const add = (
    value: Value | undefined,
    code: FindingCode,
    what: string,
    weight: Finding['weight'] = 'refusal',
  ): void => {
    const line = value === undefined ? undefined : lineOf(scr, value);
    const insn = value?.origin.pc ?? -1;
    if (findings.some((each) => each.code === code && each.insn === insn && each.what === what)) return;
    findings.push({ code, weight, what, file: line?.file.replace(/^.*\//, ''), line: line?.line, insn });
  };
  for (const { store, item, map } of clockDefects(scr))
    add(
      store,
      'clock-defect',
      `\`${map}\` has times of two clocks: the packet's (slot ${item.origin.pc}) where history is replayed, and here the core's own for the present packet; copies of the state drift apart`,
    );
  for (const { spec, role, otherWriters } of scr.maps)
    if (role === 'state' && otherWriters.length > 0)
      add(undefined, 'other-writers', `state \`${spec.name}\` is also written by \`${otherWriters.join('`, `')}\``);
  for (const value of needed) checkValue(scr, value, add);
  for (const block of liveBlocks(scr.code)) {
    checkTailCall(scr, block, add);
    for (const value of block.pinned) {
      if (needed.has(value) || value.detail?.kind !== 'call') continue;
      const row = helperRow(value.detail.helper);
      const asks = row === undefined ? undefined : asked(row);
      if (asks === undefined || asks === 'clock') continue;
      add(
        value,
        'verdict-differs',
        `what becomes of the packet may depend on bpf_${row?.name} (${words[asks]})`,
        'note',
      );
    }
  }
  return findings.sort((a, b) => Number(a.weight === 'note') - Number(b.weight === 'note'));
}

type Add = (value: Value | undefined, code: FindingCode, what: string, weight?: Finding['weight']) => void;

const words: Readonly<Record<string, string>> = {
  random: 'a generator of its own on each core',
  cpu: 'the number of the CPU',
  node: 'the memory node of the CPU',
  task: 'what the CPU was doing',
  host: 'tables and counters of the host',
  clock: 'a clock that is not the sequencer’s',
};

function asked(row: HelperRow): string | undefined {
  return row.asks;
}

/** What of the slice a replay cannot know. */
function checkValue(scr: ScrCode, value: Value, add: Add): void {
  const { op, detail } = value;
  if (op === 'ctx')
    add(value, 'queue-or-interface', 'the state follows from a field of the context, such as queue or interface');
  if (op === 'metalen') add(value, 'outside-read', 'the state follows from metadata in front of the packet');
  if (op === 'load' && detail?.kind === 'memory') {
    if (detail.space === 'packet' && !scr.choices.has(value))
      add(
        value,
        'packet-read',
        'the state follows from a byte of the packet that is read behind a change of the packet, or at a place that state chooses',
      );
    if (detail.space === 'other' || detail.space === 'context')
      add(value, 'outside-read', 'the state follows from memory that is neither packet nor map, such as metadata');
  }
  if ((op === 'store' || op === 'atomic') && scr.roots.has(value) && scr.mapOfAccess(value) < 0) {
    // One of several maps of the object is none that cannot be told: each lane names its own.
    const base = value.args[0] as Value;
    if (!pointsToState(scr, base))
      add(value, 'unknown-map', 'a map is written of which it is not known which one it is');
  }
  if (detail?.kind !== 'call') return;
  const row = helperRow(detail.helper);
  if (row === undefined) {
    add(value, 'host', `the state follows from \`${detail.name}\`, of which nothing is known`);
    return;
  }
  const asks = asked(row);
  const name = `bpf_${row.name}`;
  if (asks === 'random') add(value, 'random', `the state follows from ${name}: ${words[asks]}`);
  else if (asks === 'cpu' || asks === 'node') add(value, 'cpu', `the state follows from ${name}: ${words[asks]}`);
  else if (asks === 'clock' && !scr.isClock(value))
    add(value, 'other-clock', `the state follows from ${name}: ${words[asks]}`);
  else if (asks === 'task' || asks === 'host') add(value, 'host', `the state follows from ${name}: ${words[asks]}`);
  if (row.name === 'map_lookup_percpu_elem') add(value, 'per-cpu-across', `${name} reads another CPU's part of a map`);
  if (row.calls === 'later' || changesAny(row, 'program'))
    add(value, 'later-call', `${name} runs a function that no packet starts`);
  const isMapCall = changesAny(row, 'elements');
  if (isMapCall && mapOf(scr.world, value.args[0]) === undefined)
    add(value, 'unknown-map', `${name} changes a map of which it is not known which one it is`);
}

/** Does an address come from look-ups in the object's maps alone? */
function pointsToState(scr: ScrCode, value: Value, seen: Set<Value> = new Set()): boolean {
  if (seen.has(value)) return true;
  seen.add(value);
  if (value.op === 'const' || value.op === 'data') return true;
  if (value.op === 'lookup') return scr.mapOfAccess(value) >= 0 && scr.world.maps[scr.mapOfAccess(value)] !== undefined;
  if (value.op === 'phi' || value.op === 'select' || value.op === 'add')
    return scr.args(value).every((arg) => pointsToState(scr, arg, seen));
  return false;
}

/** A program that is called for good may change state; which one it is, a table says that can be changed. */
function checkTailCall({ object, program }: ScrCode, { end }: Block, add: Add): void {
  if (end.kind !== 'tail call') return;
  const others = object.programs.filter((each) => each !== program).map(({ name }) => `\`${name}\``);
  const at = end.slot.origin.pc === end.pc ? end.slot : { ...end.slot, origin: { program: 0, pc: end.pc } };
  add(
    at,
    'tail-call',
    `goes on in another program (${others.join(', ') || 'of another object'}), whose state is its own: replicate that one`,
  );
}

/** A field of the state that is set from two clocks. */
interface ClockDefect {
  /** Where the core's own clock goes. */
  readonly store: Value;
  /** The time that a packet brought. */
  readonly item: Value;
  readonly map: string;
}

/**
 * Programs that replicate by themselves: one field of the state is set from bytes of the packet as they are (the time
 * in an item of history) at one place, and from bpf_ktime_get_ns at another.
 */
function clockDefects(scr: ScrCode): readonly ClockDefect[] {
  const fields = new Map<string, { clock?: Value; item?: Value; map: number }>();
  const see = (map: number, at: number, value: Value, store: Value): void => {
    const key = `${map}:${at}`;
    const field = fields.get(key) ?? { map };
    fields.set(key, field);
    for (const source of sourcesOf(scr, value)) {
      if (scr.isClock(source)) field.clock ??= store;
      else if (source.detail?.kind === 'memory' && source.detail.space === 'packet' && source.detail.size === 8)
        field.item ??= source;
    }
  };
  for (const { pinned } of liveBlocks(scr.code)) {
    const stack = new Map<number, Value>();
    for (const value of pinned) {
      const { op, detail, imm, args } = value;
      if (op === 'store' && detail?.kind === 'memory') {
        if (detail.space === 'map') see(detail.map, Number(imm), args[1] as Value, value);
        else if (detail.space === 'stack') stack.set(offsetOf(args[0] as Value) + Number(imm), args[1] as Value);
      }
      const map = detail?.kind === 'call' && detail.name === 'map_update_elem' ? mapOf(scr.world, args[0]) : undefined;
      if (map === undefined) continue;
      const start = offsetOf(args[2] as Value);
      for (const [at, stored] of stack)
        if (at >= start && at < start + map.spec.valueSize) see(map.index, at - start, stored, value);
    }
  }
  return [...fields.values()].flatMap(({ clock, item, map }) =>
    clock === undefined || item === undefined
      ? []
      : [{ store: clock, item, map: scr.world.maps[map]?.spec.name ?? '' }],
  );
}

/** What a value is, through choices and whole swaps of bytes. */
function sourcesOf(scr: ScrCode, value: Value, seen: Set<Value> = new Set()): readonly Value[] {
  if (seen.has(value)) return [];
  seen.add(value);
  if (value.op === 'phi' || value.op === 'select' || value.op === 'bswap64')
    return scr.args(value).flatMap((arg) => sourcesOf(scr, arg, seen));
  return [value];
}

/** Offset of a stack address from its frame's top. */
function offsetOf(value: Value): number {
  if (value.op !== 'add') return 0;
  const [a, b] = value.args as [Value, Value];
  return offsetOf(a) + Number(BigInt.asIntN(64, b.op === 'const' ? b.imm : 0n));
}
