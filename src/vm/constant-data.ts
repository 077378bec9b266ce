/** Data that no one can change: `.rodata` and what else is frozen and read-only to programs. */
import type { Machine } from './machine.js';

/** The `size` bytes (1 to 8) at a guest address as a little-endian number, if they are such data. */
export function constantAt(machine: Machine, address: number, size: number): bigint | undefined {
  for (const map of machine.maps) {
    if (!map.isConstant) continue;
    const start = map.directValue();
    if (start === 0 || address < start || address + size > start + map.spec.valueSize) continue;
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(machine.memory.load8(address + i));
    return value;
  }
  return undefined;
}
