/** Fields of `struct bpf_sock`, `bpf_tcp_sock` and `bpf_xdp_sock` that a program may read (net/core/filter.c). */
import type { Env } from './env.js';
import type { RegState } from './reg-state.js';
import { typeText } from './reg-text.js';

const sockSize = 80;
const sockTypeAt = 8;
const sockSrcIp4At = 24;
const sockDstPortAt = 48;
const sockDstIp4At = 52;
/** type, protocol, mark and priority: absent from sockets that are not full ones. */
const fullOnly = { from: sockTypeAt, to: sockSrcIp4At };
/** mark and bound_dev_if, priority: whole words only. */
const wholeWords: readonly number[] = [0, 16, 20];

const tcpSockSize = 116;
/** bytes_received and bytes_acked. */
const tcpWide: readonly number[] = [100, 108];

/**
 * A load from a socket must be of a field that programs may see, at its width or a part of it
 * (bpf_sock_is_valid_access and its kin); sockets are never written.
 */
export function checkSockAccess(env: Env, regno: number, pointer: RegState, off: number, size: number): void {
  const fixed = pointer.range.isConst && pointer.range.value === 0n;
  if (pointer.range.smin < 0n) env.reject('negative-offset', { reg: regno });
  if (fixed && admits(pointer, off, size)) return;
  env.reject('sock-access', { reg: regno, type: typeText(pointer), off, size });
}

function admits(pointer: RegState, off: number, size: number): boolean {
  switch (pointer.kind) {
    case 'sock':
      return admitsSock(off, size);
    case 'sock_common':
      return !(off >= fullOnly.from && off < fullOnly.to) && admitsSock(off, size);
    case 'tcp_sock':
      if (off < 0 || off >= tcpSockSize || off % size !== 0) return false;
      return size === (tcpWide.includes(off) ? 8 : 4);
    default:
      return off === 0 && size === 4;
  }
}

function admitsSock(off: number, size: number): boolean {
  if (off < 0 || off >= sockSize || off % size !== 0 || size > 4) return false;
  if (off >= sockDstPortAt && off < sockDstIp4At)
    return (off === sockDstPortAt && size === 4) || (off < sockDstPortAt + 2 && size <= 2);
  const word = off & ~3;
  return wholeWords.includes(word) ? size === 4 : true;
}
