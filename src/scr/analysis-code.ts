/**
 * A program as values (IR), and which of them the sequencer can know: those that follow from the packet as it arrived,
 * its length and the clock alone. What follows from maps besides is for the cores to compute.
 */
import { encodingFault } from '../code/index.js';
import {
  argumentsOf,
  type Block,
  buildFunction,
  callEffects,
  constantData,
  type FunctionCode,
  isPlace,
  liveBlocks,
  mapOf,
  onesOf,
  opTable,
  orderOfCode,
  type Piece,
  successors,
  type Value,
  type World,
  worldOf,
} from '../ir/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { defaultSettings, optimize, type Settings } from '../opt/index.js';
import { changesAny, helperRow } from '../platform/index.js';
import { Verdicts } from '../verifier/index.js';
import { type StateMap, stateMaps } from './analysis-state.js';

/** Passes that leave look-ups and branches what they are in bytecode, so that code can be made of the result again. */
const settings: Settings = {
  params: { ...defaultSettings.params, aligned: 1 },
  enabled: new Set(
    [...defaultSettings.enabled].filter((name) => !['helpers', 'licm', 'if-convert', 'combine-stores'].includes(name)),
  ),
};

/** Who can know a value. */
export type Knower =
  /** Everybody: constants, places of maps and frames, and what is computed of them. */
  | 'all'
  /** The sequencer: it follows from the packet and the clock. */
  | 'sequencer'
  /** A core alone: it follows from state, too. */
  | 'core';

/**
 * A load of the packet whose place is a choice (phi) that only a core can make, among places that the sequencer knows:
 * the sequencer reads at all of them, and the core chooses among what was read.
 */
export interface LoadChoice {
  /** Block of the choice; its predecessors are in the order of `loads`. */
  readonly block: number;
  /** A load for each way. They stand in no block. */
  readonly loads: readonly Value[];
}

/** Bytes of the packet that a helper reads. */
export interface PacketBytes {
  readonly pieces: readonly Piece[];
  /** A load for each piece. They stand in no block. */
  readonly loads: readonly Value[];
}

/** A program, its maps, and who knows what of it. */
export class ScrCode {
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  readonly world: World;
  readonly code: FunctionCode;
  readonly maps: readonly StateMap[];
  /** Changes of state, in no particular order: what a replay has to repeat. */
  readonly roots: ReadonlySet<Value>;
  /** Block of pinned values and phis. */
  readonly home: ReadonlyMap<Value, number>;
  /** Packet loads at a place that state chooses among places that the sequencer knows: see {@link LoadChoice}. */
  readonly choices: ReadonlyMap<Value, LoadChoice>;
  /** Look-ups and calls that read bytes of the packet through an argument: by argument, loads of these bytes. */
  readonly packetArguments: ReadonlyMap<Value, ReadonlyMap<number, PacketBytes>>;
  private readonly firstRead = new Map<Value, Value>();
  private readonly reads = new Map<string, Value[]>();
  private readonly knowers = new Map<Value, Knower>();
  private readonly argsOf: (value: Value) => readonly Value[];

  /** Throws RejectedError for a program that Linux would not load, `Unsupported` for what has no IR. */
  constructor(object: ObjectSpec, program: ProgramSpec) {
    const verdicts = Verdicts.of(object, { facts: true });
    verdicts.require(object, program);
    this.object = object;
    this.program = program;
    this.world = worldOf(object);
    const index = object.programs.indexOf(program);
    const options = { trust: 'verified', fault: encodingFault, facts: verdicts.factsOf(program) } as const;
    this.code = optimize(buildFunction(this.world, { index, spec: program }, options), this.world, { settings });
    this.maps = stateMaps(object, program);
    this.argsOf = argumentsOf(this.code);
    const home = new Map<Value, number>();
    const roots = new Set<Value>();
    for (const { id, phis, pinned } of liveBlocks(this.code)) {
      for (const { value } of phis) home.set(value, id);
      for (const value of pinned) {
        home.set(value, id);
        if (this.changesState(value)) roots.add(value);
      }
    }
    this.home = home;
    this.roots = roots;
    const clean = this.classify();
    this.choices = this.findChoices(clean);
    this.packetArguments = this.findPacketArguments(clean);
    for (const value of this.code.graph.code) this.noteRead(value);
  }

  /** What a value is computed from; of a phi the arguments. */
  args(value: Value): readonly Value[] {
    return this.argsOf(value);
  }

  /** Block through which every way to block `id` leads. */
  dominator(id: number): number {
    return orderOfCode(this.code).idom[id] as number;
  }

  /** The first of all reads of the packet that yield the same as this one; another value itself. */
  same(value: Value): Value {
    return this.firstRead.get(value) ?? value;
  }

  /** All that {@link same} makes this one. */
  allOf(value: Value): readonly Value[] {
    return this.reads.get(readKey(value)) ?? [value];
  }

  private noteRead(value: Value): void {
    const { op, detail } = value;
    if (op !== 'load' || detail?.kind !== 'memory' || detail.space !== 'packet') return;
    if (this.knower(value) !== 'sequencer') return;
    const list = this.reads.get(readKey(value)) ?? [];
    list.push(value);
    this.reads.set(readKey(value), list);
    this.firstRead.set(value, list[0] as Value);
  }

  knower(value: Value): Knower {
    return this.knowers.get(value) ?? this.knowerOf(value);
  }

  /** The sequencer's reading of the clock. */
  isClock({ detail }: Value): boolean {
    return detail?.kind === 'call' && helperRow(detail.helper)?.name === 'ktime_get_ns';
  }

  /** The map whose bytes an access touches, -1 where it is none or not known. */
  mapOfAccess({ detail }: Value): number {
    return detail?.kind === 'memory' || detail?.kind === 'atomic' || detail?.kind === 'lookup' ? detail.map : -1;
  }

  /** Is the map state? */
  isState(map: number): boolean {
    return this.maps.some(({ index, role }) => index === map && role === 'state');
  }

  private changesState(value: Value): boolean {
    const { detail, op } = value;
    if ((op === 'store' || op === 'atomic') && (detail?.kind === 'memory' || detail?.kind === 'atomic'))
      return detail.space === 'map' && (detail.map < 0 || this.isState(detail.map));
    if (op === 'lookup' && detail?.kind === 'lookup') return detail.marks && this.isState(detail.map);
    if (detail?.kind !== 'call') return false;
    const row = helperRow(detail.helper);
    if (row === undefined) return true;
    const map = mapOf(this.world, value.args[0]);
    if (row.name === 'map_lookup_elem' && map !== undefined)
      return map.spec.type.startsWith('lru_') && this.isState(map.index);
    return changesAny(row, 'elements') && (map === undefined || this.isState(map.index));
  }

  /** In reverse postorder, so that a value comes after what it is computed from; phis of loops are the cores'. */
  private classify(): ReadonlySet<Value> {
    const { code, knowers } = this;
    const clean = new Set<Value>();
    const order = orderOfCode(code);
    const dirty = this.dirtyBlocks(order.rpo);
    for (const id of order.rpo) {
      const block = code.blocks[id] as Block;
      for (const { value, args } of block.phis) {
        const known = args.every((arg) => this.knower(arg) !== 'core' && !this.isAddress(arg));
        const isLoop = order.headers.has(id) || order.irreducible;
        knowers.set(value, !isLoop && known && this.choiceIsKnown(id, order.idom[id] as number) ? 'sequencer' : 'core');
      }
      let isDirty = dirty.has(id);
      for (const value of block.pinned) {
        if (!isDirty) clean.add(value);
        knowers.set(value, this.knowerOfPinned(value, isDirty));
        isDirty ||= this.touchesPacket(value);
      }
    }
    return clean;
  }

  /** `clean`: what happens while the packet is as it arrived. */
  private findChoices(clean: ReadonlySet<Value>): ReadonlyMap<Value, LoadChoice> {
    const { graph } = this.code;
    const { headers } = orderOfCode(this.code);
    const choices = new Map<Value, LoadChoice>();
    for (const value of clean) {
      const { op, detail, args, imm, ones } = value;
      const offset = args[0]?.op === 'ptr' ? args[0].args[0] : undefined;
      if (op !== 'load' || detail?.kind !== 'memory' || detail.space !== 'packet' || offset?.op !== 'phi') continue;
      const block = this.home.get(offset);
      const places = this.args(offset);
      if (block === undefined || headers.has(block) || this.knower(offset) !== 'core') continue;
      if (places.some((place) => this.knower(place) === 'core')) continue;
      graph.origin = value.origin;
      const loads = places.map((place) => graph.effect('load', [graph.pointer(place)], imm, detail, ones));
      for (const load of loads) this.knowers.set(load, 'sequencer');
      choices.set(value, { block, loads });
    }
    return choices;
  }

  /** A key may be where it came from: `bpf_map_lookup_elem(&map, &ip->saddr)`. */
  private findPacketArguments(clean: ReadonlySet<Value>): ReadonlyMap<Value, ReadonlyMap<number, PacketBytes>> {
    const { graph } = this.code;
    const found = new Map<Value, ReadonlyMap<number, PacketBytes>>();
    const effectsOf = callEffects(this.world, this.code);
    for (const value of clean) {
      const { op, detail, args } = value;
      const own = new Map<number, PacketBytes>();
      for (const [i, arg] of args.entries()) {
        const [base, offset] = packetAddress(arg);
        if (base === undefined || this.knower(base) === 'core') continue;
        let size: number | undefined;
        if (detail?.kind === 'lookup') size = this.world.maps[detail.map]?.spec.keySize;
        else if (op === 'call') {
          const use = effectsOf(value).args[i];
          size = use?.kind === 'read' ? use.size : undefined;
        }
        if (size === undefined) continue;
        graph.origin = value.origin;
        const pieces = piecesOf(size);
        const loads = pieces.map((piece) => {
          const memory = { kind: 'memory', space: 'packet', size: piece.size, map: -1, checked: false } as const;
          const load = graph.effect('load', [base], offset + BigInt(piece.at), memory, onesOf(piece.size));
          this.knowers.set(load, 'sequencer');
          return load;
        });
        own.set(i, { pieces, loads });
      }
      if (own.size > 0) found.set(value, own);
    }
    return found;
  }

  private knowerOfPinned(value: Value, isDirty: boolean): Knower {
    const { op, detail, args } = value;
    if (this.isClock(value)) return 'sequencer';
    if (op !== 'load' || detail?.kind !== 'memory') return 'core';
    const [base] = args as [Value];
    if (detail.space === 'packet') return !isDirty && this.knower(base) !== 'core' ? 'sequencer' : 'core';
    const isConstant = detail.space === 'map' && this.world.maps[detail.map]?.constant !== undefined;
    return isConstant && this.knower(base) !== 'core' ? this.knower(base) : 'core';
  }

  private knowerOf(value: Value): Knower {
    const { op } = value;
    if (op === 'const' || isPlace(op)) return 'all';
    if (op === 'len') return 'sequencer';
    if (opTable[op].kind !== 'pure') return 'core';
    let result: Knower = op === 'ptr' ? 'sequencer' : 'all';
    for (const arg of value.args) {
      const knower = this.knower(arg);
      if (knower === 'core') return 'core';
      if (knower === 'sequencer') result = 'sequencer';
    }
    this.knowers.set(value, result);
    return result;
  }

  /** An address is no number that could be sent. */
  private isAddress(value: Value): boolean {
    return (
      isPlace(value.op) || value.op === 'ptr' || (value.op === 'add' && value.args.some((arg) => this.isAddress(arg)))
    );
  }

  /** Does the sequencer know by which way block `id` is reached from its dominator? */
  private choiceIsKnown(id: number, idom: number): boolean {
    const seen = new Set<number>();
    const work = [...(this.code.blocks[id] as Block).preds];
    for (let at = work.pop(); at !== undefined; at = work.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      const { end, preds } = this.code.blocks[at] as Block;
      if (end.kind === 'branch' && this.knower(end.condition) === 'core') return false;
      if (end.kind === 'tail call') return false;
      if (at !== idom) work.push(...preds);
    }
    return true;
  }

  private touchesPacket(value: Value): boolean {
    if (value.op === 'call') {
      const { movesPacket, writesPacket } = callEffects(this.world, this.code)(value);
      return movesPacket || writesPacket;
    }
    const { detail } = value;
    return value.op === 'store' && detail?.kind === 'memory' && (detail.space === 'packet' || detail.space === 'other');
  }

  /** Blocks at whose head the packet may not be what arrived. */
  private dirtyBlocks(rpo: readonly number[]): ReadonlySet<number> {
    const dirty = new Set<number>();
    const work = rpo.filter((id) => (this.code.blocks[id] as Block).pinned.some((value) => this.touchesPacket(value)));
    for (let id = work.pop(); id !== undefined; id = work.pop()) {
      for (const to of successors((this.code.blocks[id] as Block).end)) {
        if (dirty.has(to)) continue;
        dirty.add(to);
        work.push(to);
      }
    }
    return dirty;
  }
}

/** Where a load of the packet as it arrived reads. */
function readKey({ args, imm, detail }: Value): string {
  return `${args[0]?.id}:${imm}:${detail?.kind === 'memory' ? detail.size : 0}`;
}

/** A packet pointer and what is added to it. */
function packetAddress(value: Value): readonly [Value | undefined, bigint] {
  if (value.op === 'ptr') return [value, 0n];
  const [a, b] = value.args;
  return value.op === 'add' && a?.op === 'ptr' && b?.op === 'const' ? [a, BigInt.asIntN(64, b.imm)] : [undefined, 0n];
}

/** So many bytes in the fewest accesses. */
function piecesOf(size: number): readonly Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < size; ) {
    const step = [8, 4, 2, 1].find((each) => at + each <= size) as number;
    pieces.push({ at, size: step });
    at += step;
  }
  return pieces;
}

/** Content of constant data at an address of the sequencer's: see metadata-evaluate.ts. */
export function constantAt(world: World, map: number, offset: number, size: number): bigint {
  return constantData(world, map, offset, size) ?? 0n;
}
