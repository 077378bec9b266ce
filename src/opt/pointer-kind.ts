/**
 * What a value points to, by where it came from. Only code that a verifier has accepted may be read so: there a
 * pointer stays in its object however it is moved. Phis are assumed to point to one thing until an argument says
 * otherwise (an optimistic fixed point). What is found of a phi only ever grows, from pending over one kind and any
 * to a number: a sum may well know less when more is known of what it adds.
 */
import {
  type FunctionCode,
  isConst,
  liveBlocks,
  type Phi,
  returnsPointer,
  type Space,
  type Value,
  type World,
} from '../ir/index.js';
import type { MapSpec } from '../object/index.js';
import { xdpMd } from '../platform/index.js';

/** An object class that an address lies in; `map` is -1 where it is no map, or not known which. */
export interface PointerKind {
  readonly space: Space;
  readonly map: number;
  /** It is a map of this shape that an outer map held. */
  readonly inner?: MapSpec | undefined;
}

const packetKind: PointerKind = { space: 'packet', map: -1 };
const stackKind: PointerKind = { space: 'stack', map: -1 };
const contextKind: PointerKind = { space: 'context', map: -1 };
const otherKind: PointerKind = { space: 'other', map: -1 };

/** Undefined: a number. `pending`: a phi that has not said anything yet. */
type Found = PointerKind | undefined | 'pending';

/**
 * Answers for one function. Kinds of phis are found when it is made; those of other values when they are asked for.
 */
export class PointerKinds {
  private readonly world: World;
  private readonly phis = new Map<Value, Found>();
  private memo = new Map<Value, Found>();

  constructor(code: FunctionCode, world: World) {
    this.world = world;
    const phis = liveBlocks(code).flatMap((block) => block.phis);
    for (const { value } of phis) this.phis.set(value, 'pending');
    for (let changed = true; changed; ) {
      changed = false;
      this.memo = new Map();
      for (const phi of phis) {
        const before = this.phis.get(phi.value);
        const after = merge(before, this.mergeOf(phi));
        if (same(before, after)) continue;
        this.phis.set(phi.value, after);
        changed = true;
      }
    }
    this.memo = new Map();
  }

  /** What the value points to; undefined for a number, or where that cannot be said. */
  of(value: Value): PointerKind | undefined {
    const found = this.find(value);
    return found === 'pending' ? undefined : found;
  }

  /** The same, with `pending` for a phi of which nothing is known yet. */
  private find(value: Value): Found {
    if (isConst(value)) return undefined;
    const phi = this.phis.get(value);
    if (phi !== undefined || value.op === 'phi') return phi;
    if (this.memo.has(value)) return this.memo.get(value);
    const kind = this.derive(value);
    this.memo.set(value, kind);
    return kind;
  }

  /**
   * By how the value was made: pointers come from leaves, look-ups and loads of pointers, and pass through sums and
   * choices.
   */
  private derive(value: Value): Found {
    const [a, b, c] = value.args;
    switch (value.op) {
      case 'ptr':
        return packetKind;
      case 'frame':
        return stackKind;
      case 'context':
        return contextKind;
      case 'data':
      case 'element':
        return { space: 'map', map: Number(value.imm) };
      case 'load':
        return isPacketField(value) ? packetKind : undefined;
      case 'lookup':
        return this.ofLookup(value);
      case 'call':
        return value.detail?.kind === 'call' && returnsPointer(value.detail.helper) ? otherKind : undefined;
      case 'select':
        return merge(this.unlessNull(b as Value), this.unlessNull(c as Value));
      case 'add':
      case 'sub':
        return this.ofSum(value, a as Value, b as Value);
      default:
        return undefined;
    }
  }

  /** A pointer and a number is the same pointer; the distance of two pointers is a number. */
  private ofSum(value: Value, a: Value, b: Value): Found {
    const left = this.find(a);
    const right = this.find(b);
    const isPointer = (found: Found): boolean => found !== undefined && found !== 'pending';
    if (value.op === 'sub') return isPointer(right) ? undefined : left;
    if (isPointer(left)) return isPointer(right) ? undefined : left;
    return left === undefined || isPointer(right) ? right : left;
  }

  /** An element of the map, or, of a map of maps, a map of the inner shape. */
  private ofLookup({ detail }: Value): PointerKind | undefined {
    const spec = detail?.kind === 'lookup' ? this.world.maps[detail.map]?.spec : undefined;
    if (spec === undefined || detail?.kind !== 'lookup') return undefined;
    const holdsMaps = spec.type === 'hash_of_maps' || spec.type === 'array_of_maps';
    return holdsMaps ? { ...otherKind, inner: spec.inner } : { space: 'map', map: detail.map };
  }

  private mergeOf({ args }: Phi): Found {
    return args.map((arg) => this.unlessNull(arg)).reduce(merge, 'pending');
  }

  /** Null says nothing about what the other pointers are. */
  private unlessNull(value: Value): Found {
    return isConst(value) && value.imm === 0n ? 'pending' : this.find(value);
  }
}

/** A packet pointer that is read from the context. */
function isPacketField({ args, imm, detail }: Value): boolean {
  return args[0]?.op === 'context' && detail?.kind === 'memory' && detail.size === 4 && imm <= BigInt(xdpMd.dataMeta);
}

/** Equal kinds; what is pending equals nothing but itself. */
function same(a: Found, b: Found): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a === 'pending' || b === 'pending') return false;
  return a.space === b.space && a.map === b.map && a.inner === b.inner;
}

/** What a merge of pointers points to; undefined: it is a number. */
function merge(a: Found, b: Found): Found {
  if (a === 'pending' || same(a, b)) return b;
  if (b === 'pending') return a;
  if (a === undefined || b === undefined) return undefined;
  return a.space === b.space ? { space: a.space, map: -1 } : otherKind;
}
