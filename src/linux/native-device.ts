/** Network devices that programs can be bound to: those whose driver runs XDP. */
import { readdirSync, readFileSync } from 'node:fs';
import { encodeInsns, op } from '../isa/index.js';
import { progFlags } from './attr.js';
import type { Bpf } from './bpf.js';

/**
 * Number of a device of this network namespace that takes programs for itself; undefined where there is none. Drivers
 * without XDP answer EOPNOTSUPP (bpf_dev_offload_check in kernel/bpf/offload.c), the loopback device among them.
 */
export function nativeDevice(bpf: Bpf): number | undefined {
  const insns = encodeInsns([
    { code: op.ALU64 | op.MOV | op.K, dst: 0, src: 0, off: 0, imm: 2 },
    { code: op.EXIT_OP, dst: 0, src: 0, off: 0, imm: 0 },
  ]);
  const flags = progFlags.xdpDevBoundOnly;
  return interfaceNumbers().find((ifindex) => {
    const loaded = bpf.progLoad({ insns, license: 'GPL', flags, ifindex, refusalLog: false });
    if ('fd' in loaded) bpf.close(loaded.fd);
    return 'fd' in loaded;
  });
}

function interfaceNumbers(): number[] {
  try {
    return readdirSync('/sys/class/net').map((name) => Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8')));
  } catch {
    // No sysfs, or a device that went meanwhile.
    return [];
  }
}
