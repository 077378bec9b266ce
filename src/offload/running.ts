/**
 * Programs of records as they run: a machine made of a program, of those that its program arrays lead to and of their
 * maps, and the reference interpreter. What it decides is what the card's code decides (`nic/manycore` is held against
 * it); how long that takes, the timed cards say.
 *
 * Maps live twice, in records and in the machine. Records are the truth: whatever another program or the control plane
 * put there is brought in before the next packet ({@link Running.hear}), and what packets did is put there by
 * {@link Running.keep}, in the transaction that also counts the packets. So a log that has counted a packet has what
 * the packet did to maps, and one that has not has none of it.
 */

import { Interpreter } from '../interp/index.js';
import { decodeInsns, isLddw, op } from '../isa/index.js';
import { mapSpec, objectSpec, type ProgramSpec, programSpec, rawFunctions } from '../object/index.js';
import { type VerdictName, verdictName } from '../platform/index.js';
import {
  type BpfMap,
  keyOfCell,
  type LoadedProgram,
  Machine,
  MapLog,
  type MapOp,
  type PacketInput,
} from '../vm/index.js';
import type { DeviceMapOps } from './driver.js';
import { keptTypes } from './elements.js';
import { fromHex, toHex, u32At, u32Bytes } from './hex.js';
import { withMaps } from './load.js';
import type { MapRecord, Model, ProgRecord } from './model.js';
import type { Change } from './records.js';
import { OffloadRefusal } from './refusal.js';

/** A record that a program left with bpf_perf_event_output. */
export interface CardEvent {
  /** Number of the map. */
  readonly map: number;
  /** Slot of the map; with the flag for the current CPU, that one. */
  readonly index: number;
  readonly data: Uint8Array;
}

/** What became of a packet. */
export interface Passed {
  readonly verdict: VerdictName;
  readonly data: Uint8Array;
  /** What lies in front of the packet for the next program. */
  readonly meta: Uint8Array;
  readonly events: readonly CardEvent[];
}

/** How maps are read and written, by their records: a card's driver has a say in it. */
export type MapAccess = (map: MapRecord) => DeviceMapOps;

/** One program, ready to take packets. */
export class Running {
  /** Numbers of the maps, by their index in the machine. */
  private readonly maps: readonly number[];
  private readonly machine: Machine;
  private readonly engine: Interpreter;
  private readonly entry: LoadedProgram;
  private readonly log: MapLog;
  private readonly access: MapAccess;
  private readonly model: Model;
  /** Keys in hexadecimal by index of the map: what is newer in the records, and what is newer in the machine. */
  private readonly newer: Keys = new Map();
  private readonly touched: Keys = new Map();
  /** Maps in which more may have changed than was heard: the least recently used elements go by themselves. */
  private readonly whole = new Set<number>();

  /** Throws OffloadRefusal for a program that needs what records do not have. */
  constructor(model: Model, access: MapAccess, prog: ProgRecord) {
    this.model = model;
    this.access = access;
    const programs = behind(model, prog);
    this.maps = [...new Set(programs.flatMap(({ mapIds }) => mapIds))];
    const records = this.maps.map((id) => model.get('map', id, 'run program'));
    const specs = records.map((map) => mapSpec({ ...map, name: `map${map.id}` }));
    const object = objectSpec(
      prog.name,
      programs.map((each) => specOf(each, this.maps)),
      specs,
    );
    this.machine = new Machine(object);
    this.engine = new Interpreter(this.machine);
    for (const program of this.machine.programs) this.machine.admit(program);
    this.entry = this.machine.programs[0] as LoadedProgram; // `behind` begins with it
    for (const [index, map] of records.entries()) this.fill(index, map, programs);
    this.log = MapLog.open(this.machine);
  }

  /** Everything that the records have of a map; what they do not have is as a new map has it. */
  private fill(index: number, map: MapRecord, programs: readonly ProgRecord[]): void {
    const keys = this.model.records.keys(`elem/${map.id}/`).map((key) => key.slice(key.lastIndexOf('/') + 1));
    if (map.type !== 'prog_array') {
      if (keptTypes.has(map.type)) this.newer.set(index, new Set(keys));
      return;
    }
    const ops = this.access(map);
    for (const key of keys) {
      const value = ops.lookup(fromHex(key));
      const at = programs.findIndex(({ id }) => value !== undefined && id === u32At(value));
      if (at >= 0) this.machine.maps[index]?.updateElem(fromHex(key), u32Bytes(at + 1));
    }
  }

  /** Records that changed elsewhere. False: the program is no more what it was, and has to be made anew. */
  hear(changes: readonly Change[]): boolean {
    for (const { key } of changes) {
      const [kind, id, element] = key.split('/');
      const index = this.maps.indexOf(Number(id));
      if (kind === 'map' && index >= 0) return false;
      if (kind !== 'elem' || index < 0) continue;
      if (this.machine.object.maps[index]?.type === 'prog_array') return false;
      add(this.newer, index, element ?? '');
    }
    return true;
  }

  run(packet: PacketInput): Passed {
    this.bringIn();
    this.machine.setPacket(packet);
    const { verdict, trap } = this.engine.run(this.entry);
    for (const each of this.log.ops) this.note(each);
    this.log.clear();
    const { packet: buffer } = this.machine.lane;
    const events = this.machine.outputs.flatMap((output): CardEvent[] =>
      output.kind === 'perf'
        ? [{ map: Number(output.map.slice(3)), index: output.index, data: output.data.slice() }]
        : [],
    );
    return {
      verdict: trap === undefined ? verdictName(verdict) : 'ABORTED',
      data: buffer.bytes().slice(),
      meta: buffer.metaBytes().slice(),
      events,
    };
  }

  /** Puts what packets did to maps into the records; to be called in a transaction. */
  keep(): void {
    for (const index of this.whole) {
      const map = this.machine.maps[index] as BpfMap; // indices come from the machine
      for (const key of this.model.records.keys(`elem/${this.maps[index]}/`))
        add(this.touched, index, key.slice(key.lastIndexOf('/') + 1));
      for (const { key } of map.entries()) add(this.touched, index, toHex(key));
    }
    for (const [index, keys] of this.touched) {
      const record = this.model.find('map', this.maps[index] ?? 0);
      if (record === undefined || !keptTypes.has(record.type)) continue;
      const ops = this.access(record);
      // Those that are gone first: they make room.
      const values = [...keys].map(
        (key) => [fromHex(key), this.machine.maps[index]?.lookupElem(fromHex(key))] as const,
      );
      for (const [key, value] of values)
        if (!(value instanceof Uint8Array) && ops.lookup(key) !== undefined) ops.delete(key);
      for (const [key, value] of values) if (value instanceof Uint8Array) ops.update(key, value, 0);
    }
    this.log.clear();
    this.touched.clear();
    this.whole.clear();
  }

  /** What is newer in the records. */
  private bringIn(): void {
    if (this.newer.size === 0) return;
    for (const [index, keys] of this.newer) {
      const record = this.model.get('map', this.maps[index] ?? 0, 'run program');
      const ops = this.access(record);
      const map = this.machine.maps[index] as BpfMap; // as above
      const values = [...keys].map((key) => [fromHex(key), ops.lookup(fromHex(key))] as const);
      for (const [key, value] of values) if (value === undefined) map.deleteElem(key);
      for (const [key, value] of values) if (value !== undefined) map.updateElem(key, value);
    }
    this.newer.clear();
    this.log.clear();
  }

  /** Which element an operation was about. */
  private note(each: MapOp): void {
    const map = this.machine.maps[each.map] as BpfMap; // as above
    if (each.kind === 'update' || each.kind === 'delete') {
      add(this.touched, each.map, toHex(each.key));
      if (map.spec.type.startsWith('lru_')) this.whole.add(each.map);
    }
    if (each.kind !== 'write') return;
    const key = keyOfCell(this.machine.memory, map, each.at);
    // Where the key of a written value is not told, the whole map is looked through.
    if (key === undefined) this.whole.add(each.map);
    else add(this.touched, each.map, toHex(key));
  }
}

type Keys = Map<number, Set<string>>;

function add(keys: Keys, index: number, key: string): void {
  const held = keys.get(index);
  if (held === undefined) keys.set(index, new Set([key]));
  else held.add(key);
}

/** The program, and those that tail calls may lead to, each once. */
function behind(model: Model, prog: ProgRecord): ProgRecord[] {
  const found = [prog];
  for (const { mapIds } of found) {
    for (const id of mapIds) {
      if (model.find('map', id)?.type !== 'prog_array') continue;
      for (const key of model.records.keys(`elem/${id}/`)) {
        const { value } = model.records.get(key) as unknown as { readonly value: string };
        const next = model.find('prog', u32At(fromHex(value)));
        if (next !== undefined && !found.includes(next)) found.push(next);
      }
    }
  }
  return found;
}

/** A program of a record, with maps by index. */
function specOf(prog: ProgRecord, maps: readonly number[]): ProgramSpec {
  const insns = withMaps(decodeInsns(fromHex(prog.insns)), (id) => maps.indexOf(id));
  const asksKernel = insns.some(
    (insn) =>
      (insn.code === op.CALL_OP && insn.src === op.CALL_KFUNC) || (isLddw(insn) && insn.src === op.PSEUDO_BTF_ID),
  );
  if (asksKernel)
    throw new OffloadRefusal('run program', 'EOPNOTSUPP', {
      hint: `\`${prog.name}\` calls kernel functions, of which the daemon keeps no names: \`jitnic run\` runs it`,
    });
  return programSpec(insns, { name: `${prog.name}_${prog.id}`, functions: rawFunctions(insns) });
}
