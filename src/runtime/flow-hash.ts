/**
 * Spreads flows over CPUs as receive-side scaling does: a hash (FNV-1a) over the addresses and ports of a packet at
 * `offset` of `bytes`.
 */
export function flowHash(bytes: Uint8Array, offset: number, length: number): number {
  const isV6 = length > 13 && bytes[offset + 12] === 0x86 && bytes[offset + 13] === 0xdd;
  const from = isV6 ? 22 : 26;
  const to = Math.min(isV6 ? 58 : 38, length);
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[offset + i] as number), 0x01000193);
  return hash >>> 0;
}
