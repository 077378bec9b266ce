import { UnsupportedError } from '../../base/index.js';
import type { GuestAddress } from '../guest-address.js';
import { BpfMap, type MapEntry } from '../map.js';

/**
 * A map of a type that jitnic does not model: an object may carry it for programs that do not run here. Whatever uses
 * it is refused by name.
 */
export class OpaqueMap extends BpfMap {
  lookup(): GuestAddress {
    return this.refuse();
  }

  update(): number {
    return this.refuse();
  }

  delete(): number {
    return this.refuse();
  }

  override push(): number {
    return this.refuse();
  }

  override pop(): number {
    return this.refuse();
  }

  override peek(): number {
    return this.refuse();
  }

  override *entries(): IterableIterator<MapEntry> {}

  protected sysLookup(): number {
    return this.refuse();
  }

  protected sysUpdate(): number {
    return this.refuse();
  }

  protected sysDelete(): number {
    return this.refuse();
  }

  protected sysNextKey(): number {
    return this.refuse();
  }

  private refuse(): never {
    const { name, type, typeNumber, section } = this.spec;
    const label = type === 'unspec' ? `type ${typeNumber}` : `type ${type}`;
    throw new UnsupportedError(
      `map \`${name}\` is of ${label}`,
      { section },
      'only map types that XDP programs can use are run',
    );
  }
}
