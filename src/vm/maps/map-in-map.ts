/**
 * ARRAY_OF_MAPS and HASH_OF_MAPS (kernel/bpf/map_in_map.c). On the syscall side a value is a map's id; inside it is
 * the map's handle, which is what a look-up gives the program.
 *
 *     ARRAY_OF_MAPS: slots, as in slots.ts          HASH_OF_MAPS: as in hash.ts, with a value of u32 handle, u32 0
 */

import type { MapSpec } from '../../object/spec.js';
import { errno, mapFlags } from '../../platform/index.js';
import { type GuestAddress, nowhere } from '../guest-address.js';
import type { MapLayout } from '../map-layout.js';
import type { GuestMemory } from '../memory.js';
import type { MapContext } from './context.js';
import { HashMap } from './hash.js';
import { u32, u32Bytes } from './index-key.js';
import { SlotMap } from './slots.js';

/** May `map` be put where maps like `template` go (map_meta_equal of its type)? */
function fits(template: MapSpec, map: MapSpec): boolean {
  const same =
    template.typeNumber === map.typeNumber &&
    template.keySize === map.keySize &&
    template.valueSize === map.valueSize &&
    template.flags === map.flags;
  if (!same) return false;
  // Only code that is generated for an array depends on its length.
  const anyLength = template.type === 'array' ? (template.flags & mapFlags.innerMap) !== 0 : template.type !== 'xskmap';
  return anyLength || template.maxEntries === map.maxEntries;
}

/** Handle of the map with this id, or a negated error number. */
function resolveInner(outer: MapSpec, context: MapContext, id: number): number {
  const map = context.mapById?.(id);
  if (map === undefined) return -errno.EBADF;
  return outer.inner !== undefined && fits(outer.inner, map.spec) ? map.handle : -errno.EINVAL;
}

/** Ids by handle of all maps that were ever put in: handles never change, so this is no state. */
type Ids = Map<number, number>;

function noteId(ids: Ids, id: number, handle: number): number {
  if (handle > 0) ids.set(handle, id);
  return handle;
}

/** Inner maps by index. */
export class ArrayOfMapsMap extends SlotMap {
  private readonly context: MapContext;
  private readonly ids: Ids = new Map();

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    super(spec, index, memory);
    this.context = context;
  }

  /** The inner map's handle, or 0. */
  override lookup(key: number): GuestAddress {
    return this.slot(this.memory.load32(key)) as GuestAddress;
  }

  override layout(): MapLayout {
    return { kind: 'maps', slots: this.slots };
  }

  protected resolve(value: number): number {
    return noteId(this.ids, value, resolveInner(this.spec, this.context, value));
  }

  protected show(content: number): Uint8Array {
    return u32Bytes(this.ids.get(content) ?? 0);
  }
}

/** Inner maps by key. */
export class HashOfMapsMap extends HashMap {
  private readonly context: MapContext;
  private readonly ids: Ids = new Map();

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    super(spec, index, memory, context);
    this.context = context;
  }

  /** The inner map's handle, or 0. */
  override lookup(key: number): GuestAddress {
    const element = this.find(key);
    return element < 0 ? nowhere : (this.memory.load32(this.valueAddress(element)) as GuestAddress);
  }

  override layout(): MapLayout {
    return { ...this.layoutOf(this.values, 1, undefined), holdsMaps: true };
  }

  override update(): number {
    return -errno.EINVAL;
  }

  override delete(): number {
    return -errno.EINVAL;
  }

  protected override readValue(element: number): Uint8Array {
    return u32Bytes(this.ids.get(this.memory.load32(this.valueAddress(element))) ?? 0);
  }

  protected override sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint, cpu: number): number {
    const id = u32(value);
    const handle = noteId(this.ids, id, resolveInner(this.spec, this.context, id));
    return handle < 0 ? handle : this.put(this.stage(key), u32Bytes(handle), flags, cpu);
  }

  protected override sysDelete(key: Uint8Array): number {
    return super.delete(this.stage(key));
  }

  protected override sysTake(): number {
    return -errno.ENOTSUPP;
  }
}
