import { type MapTypeName, mapTypeNumber } from '../platform/index.js';
import type { MapSpec } from './spec.js';

/** Shape of a map: sizes in bytes. */
export type MapShape = Pick<MapSpec, 'name' | 'keySize' | 'valueSize' | 'maxEntries'> & { readonly type: MapTypeName };

/** A map that no file declares: made by a harness, a tool or a test. */
export function mapSpec(shape: MapShape & Partial<MapSpec>): MapSpec {
  return {
    typeNumber: mapTypeNumber(shape.type),
    flags: 0,
    extra: 0n,
    pinning: false,
    section: '.maps',
    btfKeyId: 0,
    btfValueId: 0,
    ...shape,
  };
}
