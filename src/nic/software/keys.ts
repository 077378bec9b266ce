/** Guest memory of the software card. */
import type { Machine, Region } from '../../vm/index.js';

/** Bytes kept for putting keys together; keys are no longer than 512 in Linux. */
const keyBytes = 4096;

/**
 * Guest memory where traces put keys together, closed. A machine that is to have the same addresses without a card
 * reserves it, too.
 */
export function reserveKeys(machine: Machine): Region {
  const keys = machine.memory.allocate('scratch', 'keys of the card', keyBytes);
  keys.hi = keys.lo;
  return keys;
}
