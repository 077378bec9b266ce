/**
 * What a value points to, by where it came from. Only code that a verifier has accepted may be read so: there a pointer stays in its object however it is
 * moved. Used to tell apart what stores can touch, and to know that an address has 32 bits.
 */
import type { MapSpec } from '../object/index.js';
import { xdpMd } from '../platform/index.js';
import type { Machine } from '../vm/index.js';
import type { StackPlan } from './stack-plan.js';
import { isConst, type Space, type Value } from './value.js';

export interface PointerKind {
  readonly space: Space;
  readonly map: number;
  /** It is a map of this shape that an outer map held. */
  readonly inner?: MapSpec | undefined;
}

export const packetKind: PointerKind = { space: 'packet', map: -1 };
export const stackKind: PointerKind = { space: 'stack', map: -1 };
export const otherKind: PointerKind = { space: 'other', map: -1 };

interface Extent {
  readonly start: number;
  readonly end: number;
  readonly kind: PointerKind;
}

export class PointerKinds {
  private readonly noted = new Map<Value, PointerKind | undefined>();
  private readonly machine: Machine;
  private readonly plan: StackPlan;
  private readonly extents: Extent[] = [];

  constructor(machine: Machine, plan: StackPlan) {
    this.machine = machine;
    this.plan = plan;
    for (const map of machine.maps) {
      const layout = map.layout();
      if (layout?.kind !== 'array') continue;
      const end = layout.base + map.spec.maxEntries * layout.cpus * layout.stride;
      this.extents.push({ start: layout.base, end, kind: { space: 'map', map: map.index } });
    }
  }

  note(value: Value, kind: PointerKind | undefined): void {
    this.noted.set(value, kind);
  }

  of(value: Value): PointerKind | undefined {
    if (isConst(value)) return this.ofConstant(value.imm);
    if (value.op === 'ptr') return packetKind;
    if (this.noted.has(value)) return this.noted.get(value);
    let kind: PointerKind | undefined;
    const [a, b] = value.args;
    if ((value.op === 'add' || value.op === 'sub') && a !== undefined && b !== undefined) {
      const left = isConst(a) ? undefined : this.of(a);
      const right = isConst(b) ? undefined : this.of(b);
      // A constant counts as a pointer only where nothing else does: it may as well be a number.
      if (value.op === 'sub') kind = right === undefined ? left : undefined;
      else if (left === undefined || right === undefined) kind = left ?? right ?? this.of(b);
    }
    this.noted.set(value, kind);
    return kind;
  }

  private ofConstant(imm: bigint): PointerKind | undefined {
    if (imm < 0x10000n || imm > 0xffff_ffffn) return undefined;
    if (this.plan.frameOf(imm) >= 0) return stackKind;
    const at = Number(imm);
    if (at >= this.machine.ctx.start && at < this.machine.ctx.start + xdpMd.size) return otherKind;
    return this.extents.find((extent) => at >= extent.start && at <= extent.end)?.kind;
  }
}

/** What a merge of pointers points to; undefined: it is a number. */
export function mergeKinds(a: PointerKind | undefined, b: PointerKind | undefined): PointerKind | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a === b || (a.space === b.space && a.map === b.map && a.inner === b.inner)) return a;
  return a.space === b.space ? { space: a.space, map: -1 } : otherKind;
}
