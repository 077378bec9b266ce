/**
 * What one program may do to maps: a forward data-flow over its bytecode of what each register and each stack slot
 * may point to ({@link Pointees}). Functions are looked at once, with all that their callers give them. For programs
 * that the verifier accepts: there a pointer stays inside of what it points to, is spilled and filled as a whole, and
 * a number is never one.
 */

import {
  accessSize,
  type Insn,
  insnClass,
  isCall,
  isConditionalJump,
  isExit,
  isLddw,
  isUnconditionalJump,
  jumpTarget,
  op,
} from '../isa/index.js';
import type { MapSpec, ProgramSpec } from '../object/index.js';
import { type ArgClass, argAccess, changesAny, type HelperName, type HelperRow, stackSize } from '../platform/index.js';
import { type Additions, findAdditions } from './additions.js';
import { calledHelper } from './calls.js';
import { jumpTargets } from './leaders.js';
import { PointeeSets, type Pointees } from './pointees.js';

const registers = 11;
const slotSize = 8;
const slots = stackSize / slotSize;

/** Registers, then the stack slots of the function's own frame, lowest first. */
type State = Pointees[];

/** Helpers that change elements of the map in r1. */
/** May the helper change what lies behind an argument? The kernel's objects, locks and timers, lie in maps, too. */
// By the helper's prototype: an argument that is not read only may be written through.
const writes = (arg: ArgClass): boolean => {
  const access = argAccess(arg);
  return access === 'write' || access === 'object';
};

/** Bits of the maps; that behind the last map: those that `maps` does not name. */
export interface MapUses {
  /** Their elements may be written, inserted or deleted. */
  readonly written: bigint;
  /** Elements may be put in or taken out. */
  readonly inserted: bigint;
  /** So may they otherwise than by additions of which nobody sees the result (additions.ts, or atomic ones). */
  readonly stored: bigint;
  /** The bytes of values may be read. */
  readonly read: bigint;
  /** By such additions, of four bytes, and of eight. */
  readonly added: { readonly 4: bigint; readonly 8: bigint };
}

/** What the program may do to each map. Who asks only what is written can do without `additions`. */
export function mapUses(
  program: ProgramSpec,
  maps: readonly MapSpec[],
  additions: Additions = findAdditions(program.insns),
): MapUses {
  return new UsesOfMaps(program, maps, additions).run();
}

/**
 * The data-flow over one program. `before` has the state at the head of each block; `own` what a function itself
 * stored in its frame, `foreign` what others stored there through pointers.
 */
class UsesOfMaps {
  private readonly program: ProgramSpec;
  private readonly maps: readonly MapSpec[];
  private readonly additions: Additions;
  private readonly sets = new PointeeSets();
  private readonly none = this.sets.none;
  private readonly other = this.sets.of({ isOther: true });
  private readonly everyMap: bigint;
  /** Where a jump or a call may arrive: there states join. */
  private readonly heads: ReadonlySet<number>;
  private readonly before = new Map<number, State>();
  /**
   * Heads to follow, 1 each, and where the first of them may be: in the order of the code most states are complete
   * before they are followed.
   */
  private readonly pending: Uint8Array;
  private firstPending = 0;
  /** What functions return, by their first slot. */
  private readonly results = new Map<number, Pointees>();
  /**
   * What a frame's slots may hold at any time, by its own function's hand and by that of the functions that it calls.
   */
  private readonly own = new Map<number, Pointees[]>();
  private readonly foreign = new Map<number, Pointees[]>();
  /** There are functions that may be given pointers to another's frame. */
  private readonly isShared: boolean;
  /** Something has changed that is no state: whoever depends on it is not known, so all is looked at again. */
  private isStale = false;
  /** The last round: nothing changes any more, and what is written is noted. */
  private isSettled = false;
  private written = 0n;
  private inserted = 0n;
  private stored = 0n;
  private read = 0n;
  private readonly added = { 4: 0n, 8: 0n };

  constructor(program: ProgramSpec, maps: readonly MapSpec[], additions: Additions) {
    this.program = program;
    this.maps = maps;
    this.additions = additions;
    this.pending = new Uint8Array(program.insns.length);
    this.isShared = program.functions.length > 1;
    this.everyMap = (1n << BigInt(maps.length + 1)) - 1n;
    this.heads = new Set([...jumpTargets(program.insns), ...program.functions.map(({ start }) => start)]);
  }

  /** The last sweep collects the bits, when no set grows any more. */
  run(): MapUses {
    this.enter(0, [this.sets.of({ isContext: true })]);
    this.settle();
    // What nothing is seen to call may be called in a way that is not known here.
    for (const { start } of this.program.functions) if (!this.before.has(start)) this.enterUnknown(start);
    this.settle();
    this.isSettled = true;
    for (const head of this.before.keys()) this.follow(head);
    const { written, inserted, stored, read, added } = this;
    return { written, inserted, stored, read, added };
  }

  /** Visits blocks until nothing changes. What callbacks and callees find in frames may make earlier blocks stale. */
  private settle(): void {
    do {
      if (this.isStale) for (const head of this.before.keys()) this.revisit(head);
      this.isStale = false;
      while (this.firstPending < this.pending.length) {
        const head = this.firstPending++;
        if (this.pending[head] === 0) continue;
        this.pending[head] = 0;
        this.follow(head);
      }
    } while (this.isStale);
  }

  private revisit(head: number): void {
    this.pending[head] = 1;
    this.firstPending = Math.min(this.firstPending, head);
  }

  /** A call of the function with r1 and so on as given. */
  private enter(start: number, args: readonly Pointees[]): void {
    const state: State = Array.from({ length: registers + slots }, () => this.none);
    for (const [i, arg] of args.entries()) state[i + 1] = arg;
    state[10] = this.sets.of({ frames: new Map([[start, 0]]) });
    this.flow(start, state);
  }

  /**
   * A call of which nothing is known: any map, any element, and any frame, so that callers' slots are not taken for
   * numbers.
   */
  private enterUnknown(start: number): void {
    const frames = new Map(this.program.functions.map((fn) => [fn.start, undefined]));
    const anything = this.sets.of({ values: this.everyMap, handles: this.everyMap, frames });
    this.enter(
      start,
      [1, 2, 3, 4, 5].map(() => anything),
    );
  }

  /** A state reaches the head of a block, which has to be visited again if that is news. */
  private flow(head: number, state: State): void {
    const known = this.before.get(head);
    if (known === undefined) {
      this.before.set(head, state.slice());
      this.revisit(head);
      return;
    }
    if (this.joinInto(known, state)) this.revisit(head);
  }

  /** Adds to a state in place; true if that changed it. */
  private joinInto(known: Pointees[], more: readonly Pointees[]): boolean {
    let changed = false;
    for (const [i, set] of more.entries()) {
      const old = known[i] as Pointees;
      const joined = this.sets.join(old, set);
      if (joined === old) continue;
      known[i] = joined;
      changed = true;
    }
    return changed;
  }

  /** From a head on to where the path ends, parts or meets another. */
  private follow(head: number): void {
    const { insns } = this.program;
    const state = (this.before.get(head) as State).slice();
    const frame = this.program.functions.find(({ start, end }) => start <= head && head < end)?.start ?? 0;
    for (let pc = head; ; ) {
      const insn = insns[pc];
      if (insn === undefined) return;
      if (isExit(insn)) {
        const result = this.sets.join(this.results.get(frame) ?? this.none, state[0] as Pointees);
        if (result !== (this.results.get(frame) ?? this.none)) this.isStale = true;
        this.results.set(frame, result);
        return;
      }
      let next = pc + 1;
      if (isUnconditionalJump(insn)) next = jumpTarget(insn, pc);
      else if (isConditionalJump(insn)) this.flow(jumpTarget(insn, pc), state);
      else if (isCall(insn)) this.call(insn, pc, state);
      else if (isLddw(insn)) {
        state[insn.dst] = this.address(insn, pc);
        next = pc + 2;
      } else this.step(insn, pc, state, frame);
      if (this.heads.has(next)) {
        this.flow(next, state);
        return;
      }
      pc = next;
    }
  }

  /** What a 64-bit load yields, by its `src`. An unknown kind may be any map. */
  private address(insn: Insn, pc: number): Pointees {
    switch (insn.src) {
      case op.PSEUDO_MAP_FD:
        return this.sets.of({ handles: 1n << BigInt(insn.imm) });
      case op.PSEUDO_MAP_VALUE:
        return this.sets.of({ values: 1n << BigInt(insn.imm) });
      case op.PSEUDO_FUNC:
        return this.sets.of({ functions: new Set([pc + 1 + insn.imm]) });
      case op.PSEUDO_BTF_ID:
        return this.other;
      case 0:
        return this.none;
      default:
        return this.sets.of({ values: this.everyMap, handles: this.everyMap });
    }
  }

  /** What one instruction does to the state of its frame. */
  private step(insn: Insn, pc: number, state: State, frame: number): void {
    const { dst, src } = insn;
    switch (insnClass(insn)) {
      case op.ALU64:
        state[dst] = this.computed(insn, state);
        return;
      case op.LDX:
        state[dst] = this.load(state[src] as Pointees, insn, state, frame, this.additions.loads.has(pc));
        return;
      case op.ST:
        this.store(state[dst] as Pointees, insn, this.none, state, frame);
        return;
      case op.STX:
        if ((insn.code & 0xe0) !== op.MODE_ATOMIC || insn.imm === op.ATOMIC_STORE_REL) {
          this.store(state[dst] as Pointees, insn, state[src] as Pointees, state, frame, this.additions.stores.has(pc));
        } else if (insn.imm === op.ATOMIC_LOAD_ACQ) {
          state[dst] = this.load(state[src] as Pointees, insn, state, frame);
        } else {
          this.store(state[dst] as Pointees, insn, this.none, state, frame, isAddition(insn));
          if (insn.imm === op.ATOMIC_CMPXCHG) state[0] = this.none;
          else if ((insn.imm & op.ATOMIC_FETCH) !== 0) state[src] = this.none;
        }
        return;
      default:
        // Arithmetic of 32 bits, and the old ways to read the packet.
        state[insnClass(insn) === op.ALU ? dst : 0] = this.none;
    }
  }

  /**
   * Moves and sums keep a pointer; what else arithmetic yields may still point to the same objects, anywhere in them.
   */
  private computed(insn: Insn, state: State): Pointees {
    const { sets } = this;
    const kind = insn.code & 0xf0;
    const isRegister = (insn.code & op.X) !== 0 && kind !== op.END && kind !== op.NEG;
    const dst = state[insn.dst] as Pointees;
    const src = isRegister ? (state[insn.src] as Pointees) : this.none;
    if (kind === op.MOV) return src;
    if (kind === op.ADD && !isRegister) return sets.moved(dst, insn.imm);
    if (kind === op.SUB && !isRegister) return sets.moved(dst, -insn.imm);
    return sets.join(sets.moved(dst, undefined), sets.moved(src, undefined));
  }

  /** A pointer comes back only from a slot of eight bytes: narrower loads give numbers. */
  private load(from: Pointees, insn: Insn, state: State, frame: number, isAdded = false): Pointees {
    if (this.isSettled && !isAdded) this.noteRead(from);
    // Of the context's fields, some are pointers into the packet.
    let result = from.isContext ? this.other : this.none;
    if (accessSize(insn) !== slotSize) return result;
    for (const [owner, at] of from.frames) {
      const [first, last] = slotsAt(at, insn.off);
      for (let slot = first; slot <= last; slot++) {
        const held = owner === frame ? state[registers + slot] : this.own.get(owner)?.[slot];
        result = this.sets.join(result, held ?? this.none);
        result = this.sets.join(result, this.foreign.get(owner)?.[slot] ?? this.none);
      }
    }
    return result;
  }

  /** A write through a pointer: noted for maps once all is settled, and remembered where the stack may be meant. */
  private store(to: Pointees, insn: Insn, set: Pointees, state: State, frame: number, isAdded = false): void {
    const { code, off } = insn;
    if (this.isSettled) this.noteWrite(to, isAdded ? accessSize(insn) : undefined);
    const isWhole = (code & 0x18) === op.SIZE_DW;
    for (const [owner, at] of to.frames) {
      const [first, last] = slotsAt(at, off);
      // Surely this slot and nothing else: what it held is gone.
      const isSure = first === last && owner === frame && isOnlyStack(to);
      for (let slot = first; slot <= last; slot++) {
        if (owner === frame) {
          const old = state[registers + slot] as Pointees;
          if (isWhole) state[registers + slot] = isSure ? set : this.sets.join(old, set);
        }
        if (isWhole && this.isShared) this.hold(owner === frame ? this.own : this.foreign, owner, slot, set);
      }
    }
  }

  /** Adds what a slot of a frame may hold. */
  private hold(cells: Map<number, Pointees[]>, frame: number, slot: number, set: Pointees): void {
    let row = cells.get(frame);
    if (row === undefined) {
      row = Array.from({ length: slots }, () => this.none);
      cells.set(frame, row);
    }
    const joined = this.sets.join(row[slot] as Pointees, set);
    if (joined === row[slot]) return;
    row[slot] = joined;
    this.isStale = true;
  }

  /** What is stored through a pointer of which nothing is known may be anywhere. */
  private noteWrite(to: Pointees, added: number | undefined): void {
    const maps = this.mapsBehind(to);
    this.written |= maps;
    if (added === 4 || added === 8) this.added[added] |= maps;
    else this.stored |= maps;
  }

  private noteRead(from: Pointees): void {
    this.read |= this.mapsBehind(from);
  }

  private mapsBehind(pointer: Pointees): bigint {
    return pointer === this.none ? this.everyMap : pointer.values | pointer.handles;
  }

  /** What a helper may do to the maps that its arguments point into, or are. */
  private noteArguments(proto: HelperRow, args: readonly Pointees[]): void {
    const [first = this.none] = args;
    if (changesAny(proto, 'elements')) {
      this.change(first.handles);
      this.inserted |= first.handles;
    }
    for (const [i, arg] of proto.args.entries()) {
      const { values } = args[i] as Pointees;
      this.read |= values;
      if (writes(arg)) this.change(values);
    }
    // A look-up reads nothing yet; what else is done to a map may answer with something of it.
    if (proto.ret !== 'map_value?') this.read |= first.handles;
  }

  private change(maps: bigint): void {
    this.written |= maps;
    this.stored |= maps;
  }

  /** A call gives the callee its arguments, and r0 what the callee may return; r1 to r5 are lost. */
  private call(insn: Insn, pc: number, state: State): void {
    const args = state.slice(1, 6);
    for (let r = 1; r <= 5; r++) state[r] = this.none;
    if (insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL) {
      const start = pc + 1 + insn.imm;
      this.enter(start, args);
      state[0] = this.results.get(start) ?? this.none;
      return;
    }
    const proto = calledHelper(insn);
    if (proto === undefined) {
      state[0] = this.unknownCall(args);
      return;
    }
    this.callBacks(proto.name, args);
    if (this.isSettled) this.noteArguments(proto, args);
    if (proto.ret === 'map_value?') state[0] = this.elementOf((args[0] as Pointees).handles);
    else state[0] = proto.ret === 'integer' || proto.ret === 'void' ? this.none : this.other;
  }

  /** It may write through all that it is given, hand it back, and call the functions among it with anything. */
  private unknownCall(args: readonly Pointees[]): Pointees {
    let result = this.other;
    for (const arg of args) {
      if (this.isSettled) {
        this.change(arg.values | arg.handles);
        this.inserted |= arg.handles;
        this.read |= arg.values | arg.handles;
      }
      result = this.sets.join(result, this.sets.moved(arg, undefined));
      for (const start of arg.functions) this.enterUnknown(start);
    }
    return result;
  }

  /**
   * Functions that a helper calls, with what it passes them (bpf_loop: index and context; bpf_for_each_map_elem: map,
   * key, element and context). One that is not known here may pass anything.
   */
  private callBacks(name: HelperName, args: readonly Pointees[]): void {
    const [first = this.none, , third = this.none] = args;
    for (const arg of args) {
      for (const start of arg.functions) {
        if (name === 'loop') this.enter(start, [this.none, third]);
        else if (name === 'for_each_map_elem') {
          this.enter(start, [first, this.other, this.elementOf(first.handles), third]);
        } else this.enterUnknown(start);
      }
    }
  }

  /** What a look-up in one of the maps gives. */
  private elementOf(handles: bigint): Pointees {
    let values = handles;
    let inner = 0n;
    for (const [index, spec] of this.maps.entries()) {
      const bit = 1n << BigInt(index);
      if ((handles & bit) === 0n || (spec.type !== 'array_of_maps' && spec.type !== 'hash_of_maps')) continue;
      values &= ~bit;
      inner |= this.innerMaps(spec);
    }
    return this.sets.of({ values, handles: inner });
  }

  /** Maps that may lie in a map of maps: those of the template's shape, and such as the object does not name. */
  private innerMaps({ inner }: MapSpec): bigint {
    let bits = 1n << BigInt(this.maps.length);
    for (const [index, { type, keySize, valueSize }] of this.maps.entries()) {
      const fits = type === inner?.type && keySize === inner.keySize && valueSize === inner.valueSize;
      if (inner === undefined || fits) bits |= 1n << BigInt(index);
    }
    return bits;
  }
}

/** `lock *(p) += r`, of which nobody sees the result. */
function isAddition({ code, imm }: Insn): boolean {
  return (code & 0x07) === op.STX && (code & 0xe0) === op.MODE_ATOMIC && imm === op.ATOMIC_ADD;
}

/** A pointer that can be nothing but one frame's. */
function isOnlyStack({ values, handles, frames, functions, isContext, isOther }: Pointees): boolean {
  return frames.size === 1 && (values | handles) === 0n && functions.size === 0 && !isContext && !isOther;
}

/**
 * First and last stack slot that an access touches which begins `at + off` bytes from r10; all of them where `at` is
 * not known.
 */
function slotsAt(at: number | undefined, off: number): readonly [number, number] {
  if (at === undefined) return [0, slots - 1];
  const slot = Math.floor((at + off + stackSize) / slotSize);
  return slot >= 0 && slot < slots ? [slot, slot] : [0, slots - 1];
}
