import { errno } from '../../platform/index.js';
import { BpfMap } from '../map.js';

export class ProgArrayMap extends BpfMap {
  /** Index of the program in slot `index` plus 1, or 0: empty, or no such slot. `index` is unsigned 32-bit. */
  programAt(_index: number): number {
    return 0;
  }
  lookup(): number { return 0; }
  update(): number { return -errno.EOPNOTSUPP; }
  delete(): number { return -errno.EOPNOTSUPP; }
  protected sysLookup(): number { return -errno.ENOENT; }
  protected sysUpdate(): number { return -errno.EINVAL; }
  protected sysDelete(): number { return -errno.ENOENT; }
  protected sysNextKey(): number { return -errno.ENOENT; }
}
