/**
 * Stack slots become values. Which can is found by {@link StackAnalysis}; each piece of them is a variable like a
 * register. Helpers that read such bytes get them written just before the call, look-ups get their key as values.
 */

import { loopBodies } from '../code/index.js';
import {
  callEffects,
  type Detail,
  directAddress,
  type EffectsOf,
  type FunctionCode,
  frameStart,
  type Graph,
  hasAddress,
  onesOf,
  type Phi,
  type Piece,
  type Value,
  type VariableHost,
  Variables,
  type World,
} from '../ir/index.js';
import { stackSize } from '../platform/index.js';
import type { Modes, PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';
import { StackAnalysis } from './stack-analysis.js';

/** Spilled pointers to the stack may point to slots that can be values once the pointers are. */
const maxRounds = 4;
/** Keys up to this many bytes are passed as values. */
const maxKey = 64;

/**
 * The pass. Pointers to the stack that were spilled become plain once their slots are values, and then more slots can
 * be; so it goes round as long as the analysis followed such pointers.
 */
export function stack(code: FunctionCode, { world, modes }: PassContext): FunctionCode {
  let result = code;
  for (let round = 0; round < maxRounds; round++) {
    const analysis = new StackAnalysis(result, world);
    if (round > 0 && analysis.isEmpty) break;
    result = new Promotion(result, analysis, world, modes).run();
    if (!analysis.followsSpills) break;
  }
  return result;
}

/**
 * Rewrites one function: stack pieces are variables, read and written as the walk passes (Braun et al., "Simple and
 * efficient construction of static single assignment form", 2013).
 */
class Promotion implements VariableHost {
  readonly graph: Graph;
  private readonly analysis: StackAnalysis;
  private readonly world: World;
  private readonly effectsOf: EffectsOf;
  private readonly rewriter: Rewriter;
  private readonly variables: Variables;
  /** Variable of the piece at an address. */
  private readonly numbers = new Map<number, number>();
  private readonly written = new Map<number, ReadonlySet<number>>();

  constructor(code: FunctionCode, analysis: StackAnalysis, world: World, modes: Modes) {
    this.analysis = analysis;
    this.world = world;
    this.effectsOf = callEffects(world, code);
    this.rewriter = new Rewriter(code, modes);
    this.graph = this.rewriter.graph;
    this.variables = new Variables(this, code.blocks.length);
    for (const word of analysis.words) {
      for (const { at } of analysis.pieces(word, 8) ?? []) this.numbers.set(at, this.numbers.size);
    }
    for (const [head, body] of loopBodies(this.rewriter.order)) {
      const words = new Set<number>();
      for (const block of body) for (const word of analysis.storesOf(block)) words.add(word);
      const numbers = [...this.numbers].filter(([at]) => words.has(at & ~7)).map(([, variable]) => variable);
      this.written.set(head, new Set(numbers));
    }
  }

  run(): FunctionCode {
    return this.rewriter.run({
      pinned: (value) => this.promote(value),
      finish: () => this.variables.finish(),
    });
  }

  before(block: number): readonly number[] {
    return this.rewriter.before(block);
  }

  all(block: number): readonly number[] {
    return this.rewriter.all(block);
  }

  isHead(block: number): boolean {
    return this.rewriter.isHead(block);
  }

  changesInLoop(block: number, variable: number): boolean {
    return this.written.get(block)?.has(variable) === true;
  }

  addPhi(block: number, phi: Phi): void {
    this.rewriter.addPhi(block, phi);
  }

  ones(): undefined {
    return undefined;
  }

  /** An access to pieces becomes reads and writes of variables; what it returned is a value. */
  private promote(value: Value): Value | undefined {
    if (value.op === 'fill') return this.clear(value);
    if (value.op === 'call') {
      this.passBytes(value);
      return undefined;
    }
    if (value.op === 'lookup') return this.passKey(value);
    if (!hasAddress(value) || value.detail?.kind !== 'memory') return undefined;
    const base = directAddress(value.args[0] as Value);
    if (base === undefined) return undefined;
    const at = base + Number(value.imm);
    const { size } = value.detail;
    const pieces = this.analysis.pieces(at, size);
    if (pieces === undefined) return undefined;
    if (value.op === 'load') return this.compose(at, pieces);
    const stored = value.args[1] as Value;
    for (const piece of pieces) this.write(piece.at, extract(this.graph, stored, piece.at - at, piece.size));
    return this.graph.constant(0n);
  }

  private read(at: number): Value {
    return this.variables.read(this.rewriter.block, this.numbers.get(at) ?? -1);
  }

  private write(at: number, value: Value): void {
    this.variables.write(this.rewriter.block, this.numbers.get(at) ?? -1, value);
  }

  /** A frame that is entered is cleared: its pieces become 0, what is left of it in memory is cleared word by word. */
  private clear(fill: Value): Value | undefined {
    const frame = fill.args[0] as Value;
    if (frame.op !== 'frame' || fill.detail?.kind !== 'memory' || fill.detail.size !== stackSize) return undefined;
    const depth = Number(frame.imm);
    const { analysis, graph } = this;
    for (const [at] of this.numbers)
      if (at >= frameStart(depth) && at < frameStart(depth + 1)) this.write(at, graph.constant(0n));
    if (analysis.isWholeFrame(depth)) return undefined;
    for (const word of analysis.memoryWords(depth)) {
      const offset = BigInt(word - frameStart(depth) - stackSize);
      this.rewriter.emit(graph.effect('fill', [frame], offset, { ...fill.detail, size: 8 }));
    }
    return graph.constant(0n);
  }

  /** The value that pieces make together: little-endian, the first one lowest. */
  private compose(at: number, pieces: readonly { readonly at: number }[]): Value {
    const { graph } = this;
    let result: Value | undefined;
    for (const piece of pieces) {
      const shift = BigInt(8 * (piece.at - at));
      const part = shift === 0n ? this.read(piece.at) : graph.make('shl', this.read(piece.at), graph.constant(shift));
      result = result === undefined ? part : graph.make('or', result, part);
    }
    return result ?? graph.constant(0n);
  }

  /** Writes the bytes that a helper reads to memory. */
  private passBytes(call: Value): void {
    for (const [i, use] of this.effectsOf(call).args.entries()) {
      const at = directAddress(call.args[i] as Value);
      if (at === undefined || use.kind !== 'read' || use.size === undefined || use.size === 0) continue;
      this.flush(call.args[i] as Value, at, use.size);
    }
  }

  /** Writes pieces back to memory, in the widest stores that they allow. */
  private flush(base: Value, at: number, size: number): void {
    const { graph } = this;
    for (const piece of this.piecesWithin(at, size)) {
      for (let offset = 0; offset < piece.size; ) {
        const left = piece.size - offset;
        const part = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        const whole = this.read(piece.at);
        const value = offset === 0 ? whole : graph.make('shr', whole, graph.constant(BigInt(8 * offset)));
        const detail: Detail = { kind: 'memory', space: 'stack', size: part, map: -1, checked: false };
        this.rewriter.emit(graph.effect('store', [base, value], BigInt(piece.at + offset - at), detail));
        offset += part;
      }
    }
  }

  /** Pieces of the words of a range that are values; the others are memory already. */
  private piecesWithin(at: number, size: number): { readonly at: number; readonly size: number }[] {
    const found: { at: number; size: number }[] = [];
    for (let from = at; from < at + size; ) {
      const to = Math.min(at + size, (from & ~7) + 8);
      found.push(...(this.analysis.pieces(from, to - from) ?? []));
      from = to;
    }
    return found;
  }

  /** A key that is values, as words of 4 bytes and what is left. */
  private passKey(lookup: Value): Value | undefined {
    const { detail } = lookup;
    if (detail?.kind !== 'lookup' || detail.pieces.length > 0) return undefined;
    const key = lookup.args[0] as Value;
    const at = directAddress(key);
    const size = this.world.maps[detail.map]?.spec.keySize ?? 0;
    if (at === undefined || size === 0) return undefined;
    if (size > maxKey || this.analysis.pieces(at, size) === undefined) {
      this.flush(key, at, size);
      return undefined;
    }
    const values: Value[] = [];
    const pieces: Piece[] = [];
    for (let offset = 0; offset < size; offset += 4) {
      const length = Math.min(4, size - offset);
      values.push(this.compose(at + offset, this.analysis.pieces(at + offset, length) ?? []));
      pieces.push({ at: offset, size: length });
    }
    const known = { ...detail, pieces };
    return this.rewriter.emit(this.graph.effect('lookup', values, lookup.imm, known, lookup.ones));
  }
}

/** Bytes of a value. */
function extract(graph: Graph, value: Value, offset: number, size: number): Value {
  if (offset === 0 && size === 8) return value;
  const shifted = offset === 0 ? value : graph.make('shr', value, graph.constant(BigInt(8 * offset)));
  return graph.and(shifted, graph.constant(onesOf(size)));
}
