/**
 * The driver's cache of map elements (nfp_bpf_ctrl_op_cache_get and _put of nfp/bpf/cmsg.c). Who walks a map asks for
 * a key, its value, the next key, ...: each a message to the card and back. So a firmware that can answer with several
 * entries is asked for four, and look-ups and steps of the next 250 us are answered from them. An update or a removal
 * ends that at once. What packets change in between is seen 250 us late, as with the driver.
 *
 * A wait for the card is no time here, but messages are counted.
 */
import type { DeviceMapOps, MapControl } from '../driver.js';
import { toHex } from '../hex.js';

/** Entries of a message, and nanoseconds that they are good for (NFP_BPF_MAP_CACHE_CNT and _TIME_NS). */
const entries = 4;
const validity = 250_000n;

/** What is known of one map. */
export class DumpCache {
  /** Messages to the card since the start. */
  messages = 0;
  private held: { readonly keys: readonly Uint8Array[]; readonly values: readonly Uint8Array[] } | undefined;
  private until = 0n;

  /** The operations as the driver does them; `now`: nanoseconds. */
  over(ops: DeviceMapOps, isMulti: boolean, now: () => bigint): MapControl {
    const asked = <T>(work: () => T): T => {
      this.messages++;
      return work();
    };
    const changed = <T>(work: () => T): T => {
      this.held = undefined;
      return asked(work);
    };
    return {
      lookup: (key) => {
        const at = this.find(key, now());
        return at < 0 ? asked(() => ops.lookup(key)) : this.held?.values[at];
      },
      next: (key) => {
        const at = key === undefined ? -1 : this.find(key, now());
        const known = at < 0 ? undefined : this.held?.keys[at + 1];
        return known ?? asked(() => this.fill(ops, key, isMulti ? entries : 1, now()));
      },
      update: (key, value, flags) => changed(() => ops.update(key, value, flags)),
      delete: (key) => changed(() => ops.delete(key)),
    };
  }

  /** Index of a key that is known, and still good; -1. */
  private find(key: Uint8Array, now: bigint): number {
    if (this.until < now) this.held = undefined;
    return this.held?.keys.findIndex((each) => toHex(each) === toHex(key)) ?? -1;
  }

  /** Asks for entries behind a key; the first of them. */
  private fill(ops: DeviceMapOps, key: Uint8Array | undefined, most: number, now: bigint): Uint8Array | undefined {
    const keys: Uint8Array[] = [];
    for (let next = ops.next(key); next !== undefined && keys.length < most; next = ops.next(next)) keys.push(next);
    if (keys.length === 0) return undefined;
    // An element is there: it was the next one a moment ago, and nothing runs in between.
    this.held = { keys, values: keys.map((each) => ops.lookup(each) as Uint8Array) };
    this.until = now + validity;
    return keys[0];
  }
}
