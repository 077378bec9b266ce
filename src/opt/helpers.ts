/**
 * Calls whose helper is known become what they do: time and CPU are inputs, a look-up in an array is arithmetic and a
 * bounds check, and bpf_csum_diff of constant sizes is a sum of words.
 */
import {
  type Detail,
  type FunctionCode,
  type Graph,
  isConst,
  liveBlocks,
  lookupDetail,
  low32,
  mapOf,
  mask32,
  type Value,
} from '../ir/index.js';
import { helperId, helperRow, isArrayMap } from '../platform/index.js';
import type { PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';

/** The pass; programs without calls are not walked. */
export function helpers(code: FunctionCode, context: PassContext): FunctionCode {
  const calls = liveBlocks(code).some(({ pinned }) => pinned.some(({ op }) => op === 'call' || op === 'lookup'));
  if (!calls) return code;
  const rewriter = new Rewriter(code, context.modes);
  const inliner = new Inliner(rewriter, context);
  return rewriter.run({ pinned: (value) => inliner.inline(value) });
}

/** Replaces one call after another, as the rewriter comes by. */
class Inliner {
  private readonly graph: Graph;
  private readonly rewriter: Rewriter;
  private readonly context: PassContext;

  constructor(rewriter: Rewriter, context: PassContext) {
    this.rewriter = rewriter;
    this.graph = rewriter.graph;
    this.context = context;
  }

  /** What the call becomes; undefined: it stays a call. */
  inline(value: Value): Value | undefined {
    const { detail } = value;
    if (detail?.kind === 'lookup') return this.lookup(value, detail.map, value.args[0] as Value);
    if (detail?.kind !== 'call') return undefined;
    const row = helperRow(detail.helper);
    switch (row?.sameAs ?? row?.name) {
      case 'ktime_get_ns':
        return this.graph.environment(helperId.ktime_get_ns);
      case 'get_smp_processor_id':
        return this.cpu();
      case 'map_lookup_elem': {
        const map = mapOf(this.context.world, value.args[0]);
        if (map === undefined) return undefined;
        const key = value.args[1] as Value;
        const lookup = this.graph.effect('lookup', [key], value.imm, lookupDetail(map.index, map.spec), mask32);
        return this.lookup(lookup, map.index, key) ?? this.rewriter.emit(lookup);
      }
      case 'csum_diff':
        return this.csumDiff(value.args);
      default:
        return row?.isZero === true ? this.graph.constant(0n) : undefined;
    }
  }

  private cpu(): Value {
    return low32(this.graph, this.graph.environment(helperId.get_smp_processor_id));
  }

  /** A look-up in an array. */
  private lookup(lookup: Value, map: number, key: Value): Value | undefined {
    const spec = this.context.world.maps[map]?.spec;
    if (spec === undefined || !isArrayMap(spec.type)) return undefined;
    if (lookup.detail?.kind === 'lookup' && lookup.detail.pieces.length > 0) return undefined;
    const index = this.load(key, 0);
    const inside = this.graph.make('ult', index, this.graph.constant(BigInt(spec.maxEntries)));
    return this.graph.select(inside, this.graph.element(map, index), this.graph.constant(0n));
  }

  /** A word of memory that the helper would have read; the verifier has checked the buffer at the call. */
  private load(base: Value, offset: number): Value {
    const detail: Detail = { kind: 'memory', space: 'other', size: 4, map: -1, checked: false };
    return this.rewriter.emit(this.graph.effect('load', [base], BigInt(offset), detail, mask32));
  }

  /**
   * (from, bytes, to, bytes, seed): the difference of two Internet checksums; see checksum-helpers.ts. Ones'
   * complement sums may be folded late.
   */
  private csumDiff(args: readonly Value[]): Value | undefined {
    const [from, fromSize, to, toSize, seed] = args as [Value, Value, Value, Value, Value];
    if (!isConst(fromSize) || !isConst(toSize)) return undefined;
    const [m, n] = [Number(fromSize.imm & mask32), Number(toSize.imm & mask32)];
    if (m % 4 !== 0 || n % 4 !== 0 || m + n > this.context.params.csum) return undefined;
    const { graph } = this;
    const start = low32(graph, seed);
    let sum = start;
    if (n > 0) {
      sum = this.words(to, n, start);
      if (m > 0) sum = graph.add(sum, this.complement(this.fold32(this.words(from, m, graph.constant(0n)))));
    } else if (m > 0) {
      sum = this.complement(this.fold32(this.words(from, m, this.complement(start))));
    }
    return this.fold16(this.fold16(this.fold32(sum)));
  }

  /** The sum of a buffer's words, in 64 bits: a few hundred words cannot overflow it. */
  private words(base: Value, size: number, start: Value): Value {
    let sum = start;
    for (let offset = 0; offset < size; offset += 4) sum = this.graph.add(sum, this.load(base, offset));
    return sum;
  }

  private complement(value: Value): Value {
    return this.graph.make('xor', value, this.graph.constant(mask32));
  }

  /** A sum below 2^48 to 32 bits. */
  private fold32(value: Value): Value {
    return this.carry(this.carry(value, mask32, 32n), mask32, 32n);
  }

  private fold16(value: Value): Value {
    return this.carry(value, 0xffffn, 16n);
  }

  /** Folds what stands above the mask back into the sum: one's complement addition (RFC 1071). */
  private carry(value: Value, mask: bigint, by: bigint): Value {
    const { graph } = this;
    return graph.add(graph.and(value, graph.constant(mask)), graph.make('shr', value, graph.constant(by)));
  }
}
