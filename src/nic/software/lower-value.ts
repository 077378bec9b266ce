/**
 * Values of traces in the graph of their tree's function. Both graphs hold the same operations; what differs are
 * reads: packet loads get an address, look-ups the key in words of four bytes, or, in arrays, become arithmetic.
 */
import { type Detail, type Graph, mask32, mask64, splitOffset, type Value } from '../../ir/index.js';
import { staticIn } from '../../jit/index.js';
import { helperId, helperRow } from '../../platform/index.js';
import type { Machine } from '../../vm/index.js';
import { type BlockBuilder, onesOf } from './block-builder.js';

/** A trace has something that is not compiled; it stays with the JavaScript executor. */
export class NotCompiled extends Error {}

/** What lowering a value needs to know of its surroundings. */
export interface LowerContext {
  readonly machine: Machine;
  readonly builder: BlockBuilder;
  /** A verifier accepted the program: no access leaves its object. */
  readonly verified: boolean;
}

/** Where the packet begins and ends at some point of a trace: offsets from where it began at arrival. */
export interface Geometry {
  data: bigint;
  /** Undefined: where the packet came with it. */
  meta: bigint | undefined;
  end: Value;
}

/** Guest address of the metadata. */
export function metaPointer(graph: Graph, { meta }: Geometry): Value {
  const offset = meta === undefined ? graph.sub(graph.constant(0n), graph.metaLength) : graph.constant(meta);
  return graph.pointer(offset);
}

/**
 * What a lowering of values does when an access turns out to be outside of the packet: ends the open block, and goes
 * on in a new one.
 */
export type Require = (condition: Value, expect: boolean) => void;

/** Maps values of one trace to those of the function's graph; each is made once. */
export class ValueLowering {
  readonly context: LowerContext;
  private readonly known = new Map<Value, Value>();
  private readonly geometry: Geometry;
  private readonly require: Require;

  constructor(context: LowerContext, geometry: Geometry, require: Require) {
    this.context = context;
    this.geometry = geometry;
    this.require = require;
  }

  private get graph(): Graph {
    return this.context.builder.graph;
  }

  /** Gives a value of the trace its counterpart. */
  define(value: Value, lowered: Value): void {
    this.known.set(value, lowered);
  }

  isKnown(value: Value): boolean {
    return this.known.has(value);
  }

  /** The value in the function's graph. */
  lower(value: Value): Value {
    let lowered = this.known.get(value);
    if (lowered === undefined) {
      lowered = this.make(value);
      this.known.set(value, lowered);
    }
    return lowered;
  }

  /** By operation: inputs and pure operations as they are, reads as loads. */
  private make(value: Value): Value {
    const { graph } = this;
    const fixed = staticIn(this.context.machine, value);
    if (fixed !== undefined) return graph.constant(fixed);
    switch (value.op) {
      case 'len':
        return graph.length;
      case 'metalen':
        return graph.metaLength;
      case 'ctx':
        return graph.ctxField(Number(value.imm));
      case 'env':
        return this.environment(Number(value.imm));
      case 'ptr':
        return graph.pointer(this.lower(value.args[0] as Value));
      case 'select': {
        const [condition, yes, no] = value.args.map((arg) => this.lower(arg)) as [Value, Value, Value];
        return graph.select(condition, yes, no);
      }
      case 'load':
        return this.load(value);
      case 'lookup':
        return this.lookup(value);
      case 'slot':
        return this.slot(value);
      case 'call':
      case 'atomic':
      case 'store':
      case 'guard':
      case 'ret':
      case 'phi':
      case 'fill':
        throw new NotCompiled(value.op);
      default:
        return graph.make(value.op, ...(value.args.map((arg) => this.lower(arg)) as [Value, Value]));
    }
  }

  /** What a helper without arguments gives; it is the same for the whole packet, so it is read once. */
  private environment(helper: number): Value {
    const { graph } = this;
    const row = helperRow(helper);
    if (row?.isZero === true) return graph.constant(0n);
    const name = row?.sameAs ?? row?.name;
    if (name === 'ktime_get_ns') return graph.environment(helperId.ktime_get_ns);
    if (name === 'get_smp_processor_id') return graph.and(graph.environment(helper), graph.constant(mask32));
    const { builder } = this.context;
    const detail: Detail = { kind: 'call', helper, name: '', pieces: [], visible: false };
    return builder.read(`env ${helper}`, () => builder.pin('call', [], 0n, detail, mask64));
  }

  /** A load that is early may be shared by all traces below; later ones may see what this trace wrote. */
  private load(value: Value): Value {
    const { detail } = value;
    if (detail?.kind !== 'memory') throw new NotCompiled('load');
    const [base, offset] = this.address(value);
    this.checkAccess(detail, base, offset);
    const { builder } = this.context;
    const make = (): Value => builder.pin('load', [base], offset, { ...detail, checked: false }, onesOf(detail.size));
    if (!value.early) return make();
    return builder.read(`load ${detail.size} ${base.id} ${offset}`, make);
  }

  /** Base and constant distance of a load's, store's or atomic operation's address. */
  address(value: Value): readonly [Value, bigint] {
    // What is fixed goes into the access's immediate.
    const [rest = this.graph.constant(0n), fixed] = splitOffset(this.lower(value.args[0] as Value));
    return [rest, fixed + value.imm];
  }

  /** Sees to an access that the guards do not prove to be safe; for a verified program the verifier did. */
  checkAccess(detail: Detail & { readonly kind: 'memory' | 'atomic' }, base: Value, offset: bigint): void {
    if (!detail.checked || this.context.verified) return;
    if (detail.space !== 'packet') throw new NotCompiled('an access that nothing proves to be safe');
    const { graph, geometry } = this;
    const at = graph.add(base, graph.constant(offset));
    this.require(graph.make('ule', metaPointer(graph, geometry), at), true);
    const end = graph.add(at, graph.constant(BigInt(detail.size)));
    this.require(graph.make('ule', end, graph.pointer(geometry.end)), true);
  }

  /** A look-up; in an array it is arithmetic and a bounds check. */
  private lookup(value: Value): Value {
    const { detail } = value;
    if (detail?.kind !== 'lookup') throw new NotCompiled('lookup');
    const { machine, builder } = this.context;
    const map = machine.maps[detail.map];
    if (map === undefined) throw new NotCompiled('map');
    const words = this.words(
      value.args.map((arg, i) => ({ value: this.lower(arg), size: detail.pieces[i]?.size ?? 0 })),
    );
    const layout = map.layout();
    if (layout?.kind === 'array') return this.element(layout, words[0] ?? this.graph.constant(0n));
    const pieces = words.map((_, i) => ({ at: 4 * i, size: Math.min(4, map.spec.keySize - 4 * i) }));
    const lowered: Detail = { kind: 'lookup', map: detail.map, pieces, marks: detail.marks };
    const make = (): Value => builder.pin('lookup', words, 0n, lowered, mask32);
    if (!value.early) return make();
    return builder.read(`lookup ${detail.map} ${words.map((word) => word.id).join(' ')}`, make);
  }

  /** Address of an array's element; a guard has seen to the bounds. */
  private element(layout: { base: number; stride: number; cpus: number }, index: Value): Value {
    const { graph } = this;
    let at = graph.make('mul', index, graph.constant(BigInt(layout.stride * layout.cpus)));
    if (layout.cpus > 1) {
      const cpu = this.environment(helperId.get_smp_processor_id);
      at = graph.add(at, graph.make('mul', cpu, graph.constant(BigInt(layout.stride))));
    }
    return graph.and(graph.add(at, graph.constant(BigInt(layout.base))), graph.constant(mask32));
  }

  /** The program in a slot of a program array, as its number plus 1. */
  private slot(value: Value): Value {
    const { detail } = value;
    if (detail?.kind !== 'slot') throw new NotCompiled('slot');
    const { machine, builder } = this.context;
    const layout = machine.maps[detail.map]?.layout();
    if (layout?.kind !== 'programs') throw new NotCompiled('slot');
    const { graph } = this;
    const base = graph.make('shl', this.lower(value.args[0] as Value), graph.constant(2n));
    return builder.read(`slot ${base.id} ${layout.slots}`, () => builder.loadOwn(base, layout.slots, 4));
  }

  /** The bytes of `pieces`, one after another, as words of 4 bytes and what is left. */
  words(pieces: readonly { readonly value: Value; readonly size: number }[]): Value[] {
    const { graph } = this;
    const words: Value[] = [];
    let at = 0;
    for (const { value, size } of pieces) {
      for (let done = 0; done < size; ) {
        const word = at >> 2;
        const into = at & 3;
        const take = Math.min(size - done, 4 - into);
        const shifted = graph.make('shr', value, graph.constant(BigInt(8 * done)));
        const part = graph.and(shifted, graph.constant((1n << BigInt(8 * take)) - 1n));
        const placed = graph.make('shl', part, graph.constant(BigInt(8 * into)));
        const old = words[word];
        words[word] = old === undefined ? placed : graph.make('or', old, placed);
        done += take;
        at += take;
      }
    }
    return words;
  }
}
