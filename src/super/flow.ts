/**
 * What every register and known place of memory holds, by name (values.ts), before each instruction: one pass over
 * the blocks in reverse postorder. Where paths meet and disagree, a register gets a name of its own; where a loop
 * comes back, so does each register that something from there on writes, and memory is forgotten. So no name from an
 * earlier round can be taken for this round's.
 */
import { accessSize, type Insn, insnClass, isCall, isLddw, op } from '../isa/index.js';
import { changesAny, helperNames, helperRow } from '../platform/index.js';
import { aluValue, zext } from './alu-values.js';
import {
  accessOf,
  callerSaved,
  isAlu,
  isAtomic,
  isLoad,
  isPacketLoad,
  isStore,
  reads,
  usesSource,
  writes,
} from './effects.js';
import {
  type Block,
  blockOrder,
  type FunctionCode,
  followers,
  type Op,
  predecessors,
  type Region,
} from './function-code.js';
import { commonFacts, decidedBy, factsAlong, noFacts, type Operands, type PathFacts } from './path-facts.js';
import { constantOf, u32, u64, type Value, Values } from './values.js';

/** A place in memory: a base by name, and bytes from there. */
export interface Place {
  readonly region: Region;
  /** The address without its constant. */
  readonly base: string;
  /** Signed. */
  readonly off: number;
  readonly size: number;
}

/** What a place holds. */
export interface Known extends Place {
  readonly value: Value;
}

/** What names of stack addresses begin with where paths with different ones met. */
const stackMark = 'fp~';

/** A name that is the frame pointer's or was made of it. */
function isStackName(name: string): boolean {
  return name === 'fp' || name.startsWith(stackMark);
}

/** Before one instruction. */
export interface State {
  readonly regs: Value[];
  /** By {@link placeKey}. Written through {@link ownMemory} only. */
  mem: Map<string, Known>;
  /** Another state has the same `mem`: who writes makes a copy first. */
  isShared: boolean;
  /** What branches have shown of values. */
  path: PathFacts;
}

/** Helpers that write neither the stack nor the packet, nor move it. */
const quiet: ReadonlySet<string> = new Set([
  'map_lookup_elem',
  'map_update_elem',
  'map_delete_elem',
  'ktime_get_ns',
  'get_prandom_u32',
  'get_smp_processor_id',
  'trace_printk',
  'csum_diff',
  'redirect',
  'redirect_map',
  'perf_event_output',
  'ringbuf_output',
  'tail_call',
]);

/** Does the call write neither the stack nor the packet? */
export function isQuiet(insn: Insn): boolean {
  const name = insn.src === op.CALL_HELPER ? helperNames[insn.imm] : undefined;
  return name !== undefined && quiet.has(name);
}

/** May the fields of an XDP program's context be others behind the call? */
export function movesPacket(insn: Insn): boolean {
  const row = insn.src === op.CALL_HELPER ? helperRow(insn.imm) : undefined;
  return row === undefined || row.moves !== undefined || changesAny(row, 'program');
}

/** The name of a place in {@link State.mem}. */
export function placeKey({ base, off, size }: Place): string {
  return `${base}|${off}|${size}`;
}

/** May the two share a byte? `escaped`: a stack address lies in memory somewhere. */
export function mayMeet(a: Place, b: Place, escaped: boolean): boolean {
  if (a.region !== b.region) {
    if (a.region !== 'any' && b.region !== 'any') return false;
    const isStack = a.region === 'stack' || b.region === 'stack';
    return !isStack || escaped;
  }
  if (a.base !== b.base) return true;
  return a.off < b.off + b.size && b.off < a.off + a.size;
}

function isSameMemory(a: Place, b: Place): boolean {
  return a.region === b.region && a.base === b.base;
}

/** Does the first place have all bytes of the second? */
export function covers(whole: Place, part: Place): boolean {
  return isSameMemory(whole, part) && whole.off <= part.off && part.off + part.size <= whole.off + whole.size;
}

/** Names before each block, and how to go on from there. */
export class Flow {
  readonly values: Values = new Values();
  readonly entry: Map<Block, State> = new Map();
  /** Behind each block's ops, with the names that the blocks behind it know. */
  readonly exit: Map<Block, State> = new Map();
  /** A stack address may lie in memory, or is computed with in a way that is not followed. */
  readonly escaped: boolean;
  readonly framePointer: Value;
  /** Results of look-ups that find something. */
  readonly present: Set<Value> = new Set();
  private readonly arrays: ReadonlySet<string>;
  private readonly isXdp: boolean;
  /** Behind each block: registers that may point to the stack. */
  private readonly onStack: ReadonlyMap<Block, number>;

  constructor(code: FunctionCode) {
    const { values } = this;
    this.framePointer = values.named('fp');
    this.isXdp = code.isXdp;
    this.arrays = code.arrays ?? new Set();
    const onStack = stackPointers(code);
    this.escaped = onStack === undefined;
    this.onStack = onStack ?? new Map();
    const order = blockOrder(code);
    const position = new Map(order.map((block, i) => [block, i]));
    const before = predecessors(code);
    const written = writtenFrom(order);
    const out = new Map<Block, Map<Block, State>>();
    for (const [i, block] of order.entries()) {
      const preds = (before.get(block) ?? []).filter((pred) => position.has(pred));
      const isHeader = preds.some((pred) => (position.get(pred) ?? 0) >= i);
      const states = preds.flatMap((pred) => {
        const state = (position.get(pred) ?? 0) < i ? out.get(pred)?.get(block) : undefined;
        return state === undefined ? [] : [state];
      });
      if (i === 0) states.push(this.start(code));
      const tainted = preds.reduce((set, pred) => set | (this.onStack.get(pred) ?? 0), 0);
      const merged = this.merge(block, states, tainted);
      if (isHeader) {
        for (let r = 0; r < 10; r++) {
          if (((written[i] ?? 0) & (1 << r)) === 0) continue;
          merged.regs[r] = values.named(`${(tainted & (1 << r)) === 0 ? '' : stackMark}loop:${block.id}:${r}`);
        }
        merged.mem = new Map();
        merged.path = noFacts;
      }
      this.entry.set(block, merged);
      const state = copyState(merged);
      for (const each of block.ops) this.step(state, each);
      this.exit.set(block, state);
      out.set(block, this.edges(block, state));
    }
  }

  /** At the function's head: arguments have names of their own, r10 is the frame. */
  private start(code: FunctionCode): State {
    const { values } = this;
    const regs = Array.from({ length: 11 }, (_, r) => values.named(`entry:${r}`));
    if (code.isEntry) regs[1] = values.named('ctx');
    regs[10] = this.framePointer;
    return { regs, mem: new Map(), isShared: false, path: noFacts };
  }

  /** Where paths meet: what all agree on stays. `tainted`: registers
   * that may hold an address of the stack on some path, which their new names say. */
  private merge(block: Block, states: readonly State[], tainted: number): State {
    const [first, ...rest] = states;
    if (first === undefined)
      return {
        regs: Array.from({ length: 11 }, () => this.values.unknown('none')),
        mem: new Map(),
        isShared: false,
        path: noFacts,
      };
    const regs = first.regs.map((value, r) => {
      if (rest.every((state) => state.regs[r] === value)) return value;
      const ones = rest.reduce((all, state) => all | (state.regs[r]?.ones ?? u64), value.ones);
      return this.values.named(`${(tainted & (1 << r)) === 0 ? '' : stackMark}phi:${block.id}:${r}:${ones}`, ones);
    });
    const mem = new Map(
      [...first.mem].filter(([key, { value }]) => rest.every((s) => s.mem.get(key)?.value === value)),
    );
    return { regs, mem, isShared: false, path: commonFacts(states.map(({ path }) => path)) };
  }

  /** What is known on the ways out of a block whose ops have been stepped over. */
  private edges(block: Block, state: State): Map<Block, State> {
    const result = new Map<Block, State>();
    for (const next of followers(block)) {
      const isBoth = block.taken === block.next;
      const refined =
        block.branch === undefined || isBoth ? state : this.along(block.branch, next === block.taken, state);
      result.set(next, refined);
    }
    return result;
  }

  /** The state on the way from a block, whose ops have been stepped over, to one that follows. */
  onEdge(block: Block, next: Block, state: State): State {
    return this.edges(block, state).get(next) ?? state;
  }

  /** The state on one way of a branch: an equality that was found to hold makes a constant. */
  private along(branch: Op, isTaken: boolean, state: State): State {
    const { insn } = branch;
    const kind = insn.code & 0xf0;
    const left = state.regs[insn.dst];
    const isHalf = insnClass(insn) === op.JMP32 && left !== undefined && left.ones > u32;
    if (isHalf || kind !== (isTaken ? op.JEQ : op.JNE)) {
      const operands = this.operandsOf(state, branch);
      if (operands === undefined) return state;
      const path = factsAlong(state.path, branch, isTaken, operands);
      if (path === state.path) return state;
      state.isShared = true;
      return { ...state, path };
    }
    const right = usesSource(insn) ? constantOf(state.regs[insn.src]) : BigInt(insn.imm);
    if (left === undefined || right === undefined || constantOf(left) !== undefined) return state;
    const isNarrow = insnClass(insn) === op.JMP32;
    const value = this.values.constant(isNarrow ? BigInt.asUintN(32, right) : right);
    const regs = state.regs.map((reg) => (reg === left ? value : reg));
    const mem = new Map(
      [...state.mem].map(([key, known]) => [key, known.value === left ? { ...known, value } : known]),
    );
    return { ...state, regs, mem, isShared: false };
  }

  /** Where the access of `insn` goes, if it has one. */
  placeOf(state: State, each: Op): Place | undefined {
    const access = accessOf(each.insn);
    if (access === undefined) return undefined;
    const base = state.regs[access.base] as Value; // 11 registers
    const region = each.region ?? this.regionOf(base);
    // A field's offset is the same wherever the same is asked for.
    if (each.core !== undefined) return { region, base: `${base.id} ${each.core}`, off: 0, size: access.size };
    const off = Number(BigInt.asIntN(64, base.offset)) + access.off;
    return { region, base: base.base, off, size: access.size };
  }

  /** From the name alone. */
  private regionOf(base: Value): Region {
    const atoms = this.values.atomNames(base);
    if (atoms.some(isStackName)) return 'stack';
    if (atoms.length === 1 && atoms[0] === 'ctx') return 'ctx';
    if (atoms.length === 1 && atoms[0] === 'mapvalue') return 'map';
    return 'any';
  }

  /** Goes on behind an instruction. */
  step(state: State, each: Op): void {
    const { insn } = each;
    const { regs } = state;
    const { values } = this;
    if (isAlu(insn)) {
      regs[insn.dst] = this.alu(state, insn, each.core);
    } else if (isLddw(insn)) {
      regs[insn.dst] = this.wide(each);
    } else if (isLoad(insn)) {
      regs[insn.dst] = this.load(state, each);
    } else if (isStore(insn)) {
      this.store(state, each);
    } else if (isAtomic(insn)) {
      const place = this.placeOf(state, each);
      if (place !== undefined) this.forget(state, place);
      this.clobber(state, writes(insn));
    } else if (isCall(insn)) {
      this.call(state, insn);
    } else if (isPacketLoad(insn)) {
      this.clobber(state, callerSaved);
      const bits = BigInt(8 * accessSize(insn));
      regs[0] = values.unknown('packet', (1n << bits) - 1n);
    }
  }

  private clobber({ regs }: State, set: number): void {
    for (let r = 0; r < 10; r++) if ((set & (1 << r)) !== 0) regs[r] = this.values.unknown('clobbered');
  }

  /** The name of what an arithmetic instruction makes. */
  alu({ regs }: State, insn: Insn, core: string | undefined): Value {
    const dst = regs[insn.dst] as Value; // 11 registers
    const src =
      core !== undefined
        ? this.values.named(`core ${core}`)
        : usesSource(insn)
          ? (regs[insn.src] as Value)
          : this.values.constant(BigInt(insn.imm));
    return aluValue(this.values, insn, dst, src);
  }

  /** A 64-bit load: a number, or an address by its symbol. A value of CO-RE may be another one on another kernel. */
  private wide({ insn, high = 0, symbol, pinned }: Op): Value {
    if (pinned) return this.values.unknown('core');
    if (symbol === undefined && insn.src === 0) {
      return this.values.constant((BigInt(high >>> 0) << 32n) | BigInt(insn.imm >>> 0));
    }
    return symbol === undefined
      ? this.values.unknown('address')
      : this.values.named(`&${symbol}:${insn.src}:${insn.imm}:${high}`);
  }

  /** The name of what a place holds, if it is known, or a new one for it. */
  private load(state: State, each: Op): Value {
    const place = this.placeOf(state, each);
    const isSigned = (each.insn.code & 0xe0) === op.MODE_MEMSX;
    if (place === undefined) return this.values.unknown('load');
    const ones = isSigned ? u64 : (1n << BigInt(8 * place.size)) - 1n;
    // The loader may make it another width.
    const width = each.pinned ? u64 : ones;
    if (isSigned) return this.values.unknown('load', width);
    const key = placeKey(place);
    const known = state.mem.get(key);
    // What others may write in the meantime is another value each time.
    const isOurs = this.isOurs(place);
    if (known !== undefined && isOurs) return known.value;
    const constant = isOurs ? this.constantAt(state, place) : undefined;
    if (constant !== undefined && width === ones) return constant;
    const value = this.values.unknown(`load${place.size}`, this.isContextPointer(place) ? u64 : width);
    ownMemory(state).set(key, { ...place, value });
    return value;
  }

  /** Does a place hold what was seen in it until this program changes it? */
  isOurs({ region }: Place): boolean {
    return region === 'stack' || region === 'packet' || (region === 'ctx' && this.isXdp);
  }

  /** The number that a part of a place holds which holds one. */
  constantAt({ mem }: State, place: Place): Value | undefined {
    for (const known of mem.values()) {
      const constant = covers(known, place) ? constantOf(known.value) : undefined;
      if (constant === undefined) continue;
      const from = BigInt(8 * (place.off - known.off));
      return this.values.constant((constant >> from) & ((1n << BigInt(8 * place.size)) - 1n));
    }
    return undefined;
  }

  /** Loads of `data` and its like from the context are pointers, though four bytes are read. */
  private isContextPointer({ region, size }: Place): boolean {
    return size === 4 && (region === 'ctx' || region === 'any');
  }

  /** A store: whatever it may overlap is forgotten, and its own place holds the value. */
  private store(state: State, each: Op): void {
    const place = this.placeOf(state, each);
    if (place === undefined) return;
    const { insn } = each;
    const rest = each.pinned ? [] : this.restOfConstants(state, place);
    this.forget(state, place);
    for (const known of rest) ownMemory(state).set(placeKey(known), known);
    if (each.pinned) return;
    const stored = insnClass(insn) === op.ST ? this.values.constant(BigInt(insn.imm)) : (state.regs[insn.src] as Value);
    const value = place.size === 8 ? stored : this.low(stored, place.size);
    ownMemory(state).set(placeKey(place), { ...place, value });
  }

  /** What stays of places with a number in them when some of their bytes are written. */
  private restOfConstants({ mem }: State, place: Place): Known[] {
    const rest: Known[] = [];
    const end = place.off + place.size;
    for (const known of mem.values()) {
      const isMet = known.off < end && place.off < known.off + known.size && known.size > place.size;
      const constant = isMet && isSameMemory(known, place) ? constantOf(known.value) : undefined;
      if (constant === undefined) continue;
      for (let off = known.off; off < known.off + known.size; ) {
        // The widest aligned part that the write leaves alone.
        const size = [4, 2, 1].find((bytes) => {
          const isWithin = off % bytes === 0 && off + bytes <= known.off + known.size;
          return isWithin && (off + bytes <= place.off || off >= end);
        });
        if (size !== undefined) {
          const value = (constant >> BigInt(8 * (off - known.off))) & ((1n << BigInt(8 * size)) - 1n);
          rest.push({ ...known, off, size, value: this.values.constant(value) });
        }
        off += size ?? 1;
      }
    }
    return rest;
  }

  /** The low bytes of a value. */
  low(value: Value, size: number): Value {
    if (size === 4) return zext(this.values, value);
    const mask = (1n << BigInt(8 * size)) - 1n;
    const constant = constantOf(value);
    if (constant !== undefined) return this.values.constant(constant & mask);
    if ((value.ones & ~mask & u64) === 0n) return value;
    return this.values.operation('and64', [value, this.values.constant(mask)], value.ones & mask);
  }

  /** Takes out what a write to `place` may change. */
  private forget(state: State, place: Place): void {
    for (const [key, known] of state.mem) if (mayMeet(known, place, this.escaped)) ownMemory(state).delete(key);
  }

  /** A call forgets what the callee may write. Helpers that are known to write nothing leave memory alone. */
  private call(state: State, insn: Insn): void {
    const name = insn.src === op.CALL_HELPER ? helperNames[insn.imm] : undefined;
    const isTame = isQuiet(insn);
    const from = isTame ? 0 : this.stackFrom(state, insn);
    for (const [key, known] of state.mem) {
      const isStack = known.region === 'stack';
      const isLost = isStack
        ? known.off + known.size > from
        : known.region === 'ctx' && this.isXdp
          ? movesPacket(insn)
          : !isTame || known.region === 'map' || known.region === 'any';
      if (isLost || (isStack && this.escaped && !isTame)) ownMemory(state).delete(key);
    }
    const isFound = name === 'map_lookup_elem' && this.findsFirst(state);
    this.clobber(state, callerSaved);
    if (name !== 'map_lookup_elem') return;
    const found = this.values.unknown('mapvalue');
    if (isFound) this.present.add(found);
    state.regs[0] = found;
  }

  /** Is the first element of an array looked for? Arrays have one, whatever size their loader gives them. */
  private findsFirst(state: State): boolean {
    const [map, key] = [state.regs[1] as Value, state.regs[2] as Value]; // 11 registers
    const [name] = this.values.atomNames(map);
    const isArray = name?.startsWith('&') === true && this.arrays.has(name.slice(1, name.indexOf(':')));
    const base = key.base;
    if (!isArray || map.terms.length !== 1 || map.offset !== 0n || base !== this.framePointer.base) return false;
    const number = this.constantAt(state, {
      region: 'stack',
      base,
      off: Number(BigInt.asIntN(64, key.offset)),
      size: 4,
    });
    return constantOf(number) === 0n;
  }

  /**
   * Bytes from the frame pointer on, upwards, that a call may reach through its arguments (but for that in register
   * `without`): 0 for none of them, -infinity for all.
   */
  stackFrom(state: State, insn: Insn, without?: number): number {
    let from = 0;
    const isOwn = insn.src !== op.CALL_HELPER;
    for (let r = 1; r <= 5; r++) {
      if ((reads(insn) & (1 << r)) === 0 || r === without) continue;
      const value = state.regs[r] as Value; // 11 registers
      if (this.values.atomNames(value).some((name) => name.startsWith('&') && name.includes(`:${op.PSEUDO_FUNC}:`)))
        return Number.NEGATIVE_INFINITY;
      if (!this.isOnStack(value)) continue;
      // Code of ours may go down from where it is pointed to.
      if (isOwn || value.base !== this.framePointer.base) return Number.NEGATIVE_INFINITY;
      from = Math.min(from, Number(BigInt.asIntN(64, value.offset)));
    }
    return from;
  }

  /** Is the frame pointer among its terms? (Other uses of it count as {@link escaped}.) */
  isOnStack(value: Value): boolean {
    return this.values.atomNames(value).some(isStackName);
  }

  /** Is the branch decided by what is known? */
  decided(state: State, branch: Op): boolean | undefined {
    const { facts } = branch;
    if (facts !== undefined && facts.taken !== facts.fallThrough) return facts.taken;
    const operands = this.operandsOf(state, branch);
    return operands === undefined ? undefined : decidedBy(state.path, branch, operands);
  }

  /** What a branch compares, by name; of a jump on low halves those. */
  private operandsOf(state: State, { insn, pinned }: Op): Operands | undefined {
    const left = state.regs[insn.dst];
    const right = usesSource(insn) ? state.regs[insn.src] : this.values.constant(BigInt(insn.imm));
    if (left === undefined || right === undefined || pinned) return undefined;
    return { left: insnClass(insn) === op.JMP32 ? zext(this.values, left) : left, right };
  }
}

/** A state that can be stepped on without changing the block's own. */
export function copyState(state: State): State {
  const { regs, mem, path } = state;
  state.isShared = true;
  return { regs: [...regs], mem, isShared: true, path };
}

/** What the state knows of memory, to be changed. */
function ownMemory(state: State): Map<string, Known> {
  if (state.isShared) state.mem = new Map(state.mem);
  state.isShared = false;
  return state.mem;
}

/** For each position in the order: registers that something there or later writes. */
function writtenFrom(order: readonly Block[]): number[] {
  const result: number[] = [];
  let set = 0;
  for (let i = order.length - 1; i >= 0; i--) {
    for (const { insn } of order[i]?.ops ?? []) set |= writes(insn);
    result[i] = set;
  }
  return result;
}

/**
 * Behind each block, registers that may point to the stack; undefined if a stack address is stored or computed with
 * other than by adding to it: from then on it may be anywhere.
 */
function stackPointers(code: FunctionCode): ReadonlyMap<Block, number> | undefined {
  const order = blockOrder(code);
  const out = new Map<Block, number>();
  const before = predecessors(code);
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of order) {
      let set = 1 << 10;
      for (const pred of before.get(block) ?? []) set |= out.get(pred) ?? 0;
      for (const { insn } of block.ops) {
        const next = taint(insn, set);
        if (next === undefined) return undefined;
        set = next;
      }
      if (out.get(block) !== set) {
        out.set(block, set);
        changed = true;
      }
    }
  }
  return out;
}

/** Registers that may point to the stack behind an instruction; undefined: one gets away. */
function taint(insn: Insn, set: number): number | undefined {
  const has = (r: number): boolean => (set & (1 << r)) !== 0;
  const put = (r: number, isOn: boolean): number => (isOn ? set | (1 << r) : set & ~(1 << r));
  if (isAlu(insn)) {
    const kind = insn.code & 0xf0;
    const from = usesSource(insn) && kind !== op.END && has(insn.src);
    if (insnClass(insn) === op.ALU64 && kind === op.MOV && insn.off === 0) return put(insn.dst, from);
    if (insnClass(insn) === op.ALU64 && (kind === op.ADD || kind === op.SUB)) {
      return kind === op.SUB && (from || (has(insn.dst) && usesSource(insn)))
        ? undefined
        : put(insn.dst, has(insn.dst) || from);
    }
    if (kind === op.MOV && !from) return put(insn.dst, false);
    return from || has(insn.dst) ? undefined : set;
  }
  if (isStore(insn) || isAtomic(insn)) {
    return insnClass(insn) === op.STX && has(insn.src) ? undefined : set;
  }
  return set & ~writes(insn);
}
