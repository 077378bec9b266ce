/**
 * Kinds of pointers by the kernel's numbers (enum bpf_reg_type of Linux 6.1), which the driver prints. The firmware
 * knows four of them under these numbers (NFP_BPF_SCALAR_VALUE and its like in fw.h). The numbers change from one
 * Linux to the next; they are fixed here, so that texts of refusals can be compared. Gaps are kinds that are not told
 * apart.
 */
import type { RegKind, RegState } from '../../verifier/index.js';

const numbers: Readonly<Record<RegKind, number>> = {
  none: 0,
  scalar: 1,
  ctx: 2,
  map_ptr: 3,
  map_value: 4,
  map_key: 5,
  fp: 6,
  pkt_meta: 7,
  pkt: 8,
  pkt_end: 9,
  sock: 11,
  sock_common: 12,
  tcp_sock: 13,
  xdp_sock: 15,
  ptr: 16,
  mem: 17,
  func: 19,
};

/** PTR_MAYBE_NULL: the lowest flag above the kinds. */
const maybeNull = 1 << 8;

/** 260 for a value of a map that may be null. */
export function regTypeNumber(reg: RegState): number {
  return numbers[reg.kind] | (reg.nullable ? maybeNull : 0);
}

/** Bits that are known, as the driver prints them: `(0x0; 0xff)` (tnum_strn). */
export function bitsText({ value, mask }: { readonly value: bigint; readonly mask: bigint }): string {
  const hex = (number: bigint): string => (number === 0n ? '0' : `0x${number.toString(16)}`);
  return `(${hex(value)}; ${hex(mask)})`;
}
