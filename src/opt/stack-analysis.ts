/**
 * Which stack bytes can be values. A frame is cut into double words, a double word into pieces at every boundary at
 * which some access starts or ends. A double word stays memory if an access crosses its edge or comes by an address
 * that is not plain, if a helper writes it, or if its frame's address gets where it cannot be followed.
 *
 * Pointers to the stack are followed through phis and through stack slots that they are spilled to (without regard to
 * order): `targets`.
 */

import {
  type Block,
  callEffects,
  depthOf,
  directAddress,
  type EffectsOf,
  type FunctionCode,
  hasAddress,
  isConst,
  isInFrame,
  opTable,
  orderOfCode,
  signed,
  type Value,
  type World,
} from '../ir/index.js';
import { maxFrames } from '../platform/index.js';

/** Where a value may point to: addresses, and frames (a bit each) in which it may point anywhere. */
interface Targets {
  readonly at: readonly number[];
  readonly wild: number;
}

const maxTargets = 16;
const maxSweeps = 12;

/**
 * Finds, to a fixed point, which double words of the stack stay memory; what is left are the pieces that become
 * values. Sets only grow, so the order of visits does not matter to the result.
 */
export class StackAnalysis {
  /** Double words that are memory. */
  private readonly memory = new Set<number>();
  /** Frames of which every byte is memory, a bit each. */
  private whole = 0;
  /** Boundaries inside each double word that is accessed, as a bit mask of offsets 1 to 7. */
  private readonly cuts = new Map<number, number>();
  /** Pointers that are spilled to a double word. */
  private readonly contents = new Map<number, Targets>();
  private readonly found = new Map<Value, Targets>();
  private memo = new Map<Value, Targets | undefined>();
  private readonly stores = new Map<number, Set<number>>();
  private readonly world: World;
  private readonly effectsOf: EffectsOf;
  private changed = false;

  constructor(code: FunctionCode, world: World) {
    this.world = world;
    this.effectsOf = callEffects(world, code);
    const { rpo } = orderOfCode(code);
    const blocks = rpo.map((id) => code.blocks[id] as Block);
    let sweeps = 0;
    do {
      this.changed = false;
      this.memo = new Map();
      if (++sweeps > maxSweeps) {
        this.whole = (1 << maxFrames) - 1;
        break;
      }
      for (const block of blocks) this.sweep(block);
      for (const [word, targets] of this.contents) if (this.isMemory(word)) this.escape(targets);
    } while (this.changed);
  }

  /** Are pointers to the stack spilled to values-to-be? Then another round may find more. */
  get followsSpills(): boolean {
    return this.contents.size > 0;
  }

  /** Is there anything to promote? */
  get isEmpty(): boolean {
    return ![...this.cuts.keys()].some((word) => !this.isMemory(word));
  }

  isWholeFrame(depth: number): boolean {
    return (this.whole & (1 << depth)) !== 0;
  }

  /** Double words of a frame that are memory, one by one. */
  memoryWords(depth: number): readonly number[] {
    return [...this.memory].filter((word) => depthOf(word) === depth).sort((a, b) => a - b);
  }

  /** Double words that are values, in order. */
  get words(): readonly number[] {
    return [...this.cuts.keys()].filter((word) => !this.isMemory(word)).sort((a, b) => a - b);
  }

  /** Double words that a block writes. */
  storesOf(block: number): ReadonlySet<number> {
    return this.stores.get(block) ?? new Set();
  }

  /** Pieces of [address, address + size), or undefined where that is memory. */
  pieces(address: number, size: number): readonly { readonly at: number; readonly size: number }[] | undefined {
    if (!isInFrame(address, size)) return undefined;
    for (let word = address & ~7; word < address + size; word += 8) {
      if (this.isMemory(word) || !this.cuts.has(word)) return undefined;
    }
    const found: { at: number; size: number }[] = [];
    for (let at = address; at < address + size; ) {
      const mask = this.cuts.get(at & ~7) ?? 0;
      let end = (at & 7) + 1;
      while (end < 8 && (mask & (1 << end)) === 0) end++;
      found.push({ at, size: end - (at & 7) });
      at = (at & ~7) + end;
    }
    return found;
  }

  private isMemory(word: number): boolean {
    return this.memory.has(word) || this.isWholeFrame(depthOf(word));
  }

  /** One visit to a block. */
  private sweep(block: Block): void {
    for (const { value, args } of block.phis)
      this.note(
        value,
        args.map((arg) => this.targets(arg)),
      );
    for (const value of block.pinned) {
      if (hasAddress(value)) this.access(block.id, value);
      else if (value.op === 'call') this.call(value);
      else if (value.op === 'lookup') this.lookup(value);
    }
  }

  /** Notes what a load, store, fill or atomic does to the stack. */
  private access(block: number, value: Value): void {
    const { detail } = value;
    if (detail?.kind !== 'memory' && detail?.kind !== 'atomic') return;
    const { size } = detail;
    const base = value.args[0] as Value;
    const direct = directAddress(base);
    const at = direct === undefined ? undefined : direct + Number(value.imm);
    const isPlain = value.op === 'load' || value.op === 'store';
    if (value.op === 'fill') {
      if (at !== undefined) for (let word = at; word < at + size; word += 8) this.noteStore(block, word);
      return;
    }
    if (at === undefined) this.touch(this.targets(base), Number(value.imm), size);
    else if (!isPlain || (at & ~7) !== ((at + size - 1) & ~7)) this.toMemory(at, size);
    else this.cut(at, size);
    const isWord = isPlain && at !== undefined && size === 8 && at % 8 === 0;
    if (value.op === 'load') {
      if (isWord) this.note(value, [this.contents.get(at)]);
      return;
    }
    if (at !== undefined) for (let word = at & ~7; word < at + size; word += 8) this.noteStore(block, word);
    for (const operand of value.args.slice(1)) {
      const targets = this.targets(operand);
      if (targets === undefined) continue;
      if (isWord) this.spill(at, targets);
      else this.escape(targets);
    }
  }

  /** A helper reads or writes buffers on the stack by its arguments, or keeps a pointer. */
  private call(value: Value): void {
    for (const [i, use] of this.effectsOf(value).args.entries()) {
      const arg = value.args[i] as Value;
      const targets = use.kind === 'value' ? undefined : this.targets(arg);
      if (targets === undefined || use.kind === 'value') continue;
      if (use.kind === 'escapes' || use.size === undefined) this.escape(targets);
      else this.pass(arg, targets, use.size, use.kind === 'read');
    }
  }

  /** The key of a look-up is read, and can be passed as values. */
  private lookup(value: Value): void {
    if (value.detail?.kind !== 'lookup' || value.detail.pieces.length > 0) return;
    const key = value.args[0] as Value;
    const targets = this.targets(key);
    const size = this.world.maps[value.detail.map]?.spec.keySize ?? 0;
    if (targets === undefined) return;
    this.pass(key, targets, size, true);
    // It is passed in words.
    const at = directAddress(key);
    if (at !== undefined) for (let offset = 4; offset < size; offset += 4) this.cut(at + offset, 0);
  }

  /**
   * A buffer that a helper gets: what it only reads can be written for it just before the call; what it writes is
   * memory.
   */
  private pass(arg: Value, targets: Targets, size: number, isRead: boolean): void {
    const direct = directAddress(arg);
    if (direct !== undefined && isRead) this.cut(direct, size);
    else this.touch(targets, 0, size);
  }

  /** Someone reads or writes `size` bytes somewhere at these addresses. */
  private touch(targets: Targets | undefined, offset: number, size: number): void {
    if (targets === undefined) return;
    for (const at of targets.at) this.toMemory(at + offset, size);
    this.makeWhole(targets.wild);
  }

  /** A pointer got away: its frames stay memory altogether. */
  private escape(targets: Targets): void {
    let frames = targets.wild;
    for (const at of targets.at) frames |= 1 << depthOf(at);
    this.makeWhole(frames);
  }

  private makeWhole(frames: number): void {
    if ((this.whole | frames) === this.whole) return;
    this.whole |= frames;
    this.changed = true;
  }

  private toMemory(address: number, size: number): void {
    for (let word = address & ~7; word < address + size; word += 8) {
      if (this.memory.has(word)) continue;
      this.memory.add(word);
      this.changed = true;
    }
  }

  /** Makes the ends of a range boundaries of pieces. One bit for each inner byte boundary of a double word. */
  private cut(address: number, size: number): void {
    if (!isInFrame(address, size)) {
      this.makeWhole(1 << Math.min(maxFrames - 1, Math.max(0, depthOf(address))));
      return;
    }
    for (let word = address & ~7; word < address + size; word += 8) if (!this.cuts.has(word)) this.cuts.set(word, 0);
    for (const at of [address, address + size]) {
      const bit = at & 7;
      if (bit !== 0) this.cuts.set(at & ~7, (this.cuts.get(at & ~7) ?? 0) | (1 << bit));
    }
  }

  /** A stack pointer was stored to a double word; a later load from there gives it back. */
  private spill(word: number, targets: Targets): void {
    const joined = join([this.contents.get(word), targets]);
    if (joined === undefined || equal(joined, this.contents.get(word))) return;
    this.contents.set(word, joined);
    this.changed = true;
  }

  private noteStore(block: number, word: number): void {
    let set = this.stores.get(block);
    if (set === undefined) {
      set = new Set();
      this.stores.set(block, set);
    }
    set.add(word);
  }

  /** Where a phi or load may point to. */
  private note(value: Value, parts: readonly (Targets | undefined)[]): void {
    const joined = join([this.found.get(value), ...parts]);
    if (joined === undefined || equal(joined, this.found.get(value))) return;
    this.found.set(value, joined);
    this.changed = true;
  }

  /** Where a value may point to on the stack; undefined: it is no stack pointer. */
  private targets(value: Value): Targets | undefined {
    if (isConst(value)) return undefined;
    const direct = directAddress(value);
    if (direct !== undefined) return { at: [direct], wild: 0 };
    if (value.op === 'phi' || opTable[value.op].kind !== 'pure') return this.found.get(value);
    if (this.memo.has(value)) return this.memo.get(value);
    const targets = this.derive(value);
    this.memo.set(value, targets);
    return targets;
  }

  /** Only sums and choices of pointers are pointers: of all else a verifier makes numbers. */
  private derive(value: Value): Targets | undefined {
    const [a, b, c] = value.args;
    switch (value.op) {
      case 'select':
        return join([this.targets(b as Value), this.targets(c as Value)]);
      case 'add':
      case 'sub': {
        const base = this.targets(a as Value);
        const other = this.targets(b as Value);
        const by = b as Value;
        if (base !== undefined && isConst(by)) {
          const offset = Number(value.op === 'add' ? signed(by.imm) : -signed(by.imm));
          return { at: base.at.map((at) => at + offset), wild: base.wild };
        }
        return anywhere(join([base, value.op === 'add' ? other : undefined]));
      }
      default:
        return undefined;
    }
  }
}

/** All targets of several values; too many are all of their frames. */
function join(parts: readonly (Targets | undefined)[]): Targets | undefined {
  const at = new Set<number>();
  let wild = 0;
  let isAny = false;
  for (const part of parts) {
    if (part === undefined) continue;
    isAny = true;
    wild |= part.wild;
    for (const address of part.at) at.add(address);
  }
  if (!isAny) return undefined;
  const joined = { at: [...at].sort((x, y) => x - y), wild };
  return joined.at.length > maxTargets ? anywhere(joined) : joined;
}

/** The same frames, at any place in them. */
function anywhere(targets: Targets | undefined): Targets | undefined {
  if (targets === undefined) return undefined;
  let { wild } = targets;
  for (const at of targets.at) wild |= 1 << depthOf(at);
  return { at: [], wild };
}

function equal(a: Targets, b: Targets | undefined): boolean {
  return b !== undefined && a.wild === b.wild && a.at.length === b.at.length && a.at.every((at, i) => at === b.at[i]);
}
