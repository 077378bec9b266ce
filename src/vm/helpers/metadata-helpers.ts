/**
 * The kfuncs bpf_xdp_metadata_rx_* on a machine's {@link RxMetadata}. What is answered with an error leaves the
 * program's memory as it was; veth alone writes a VLAN of 0 then.
 */
import { errno } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import type { FrameMetadata, RxFeature } from '../rx-metadata.js';
import { setSigned } from './helper.js';

/** Answers with what the device knows of the frame, in the form in which `write` hands it over. */
function answer(
  machine: Machine,
  registers: Registers,
  feature: RxFeature,
  write: (frame: FrameMetadata) => boolean,
): void {
  machine.contextArgument(registers, 1);
  const { rxMetadata, lane } = machine;
  if (rxMetadata?.features.has(feature) !== true) {
    setSigned(registers, -errno.EOPNOTSUPP);
    return;
  }
  const frame = rxMetadata.frame(lane.number);
  setSigned(registers, frame !== undefined && write(frame) ? 0 : -errno.ENODATA);
}

/** bpf_xdp_metadata_rx_timestamp(ctx, u64 *timestamp) */
export function metadataRxTimestamp(machine: Machine, registers: Registers): void {
  const at = machine.writable(registers, 2, 8);
  answer(machine, registers, 'timestamp', ({ timestamp }) => {
    if (timestamp === undefined) return false;
    machine.memory.store64(at, timestamp === 'arrival' ? machine.lane.now : timestamp);
    return true;
  });
}

/** bpf_xdp_metadata_rx_hash(ctx, u32 *hash, enum xdp_rss_hash_type *rss_type) */
export function metadataRxHash(machine: Machine, registers: Registers): void {
  const at = machine.writable(registers, 2, 4);
  const typeAt = machine.writable(registers, 3, 4);
  answer(machine, registers, 'hash', ({ hash, rssType }) => {
    if (hash === undefined) return false;
    machine.memory.store32(at, hash);
    machine.memory.store32(typeAt, rssType);
    return true;
  });
}

/** bpf_xdp_metadata_rx_vlan_tag(ctx, __be16 *vlan_proto, u16 *vlan_tci) */
export function metadataRxVlanTag(machine: Machine, registers: Registers): void {
  const protocolAt = machine.writable(registers, 2, 2);
  const tciAt = machine.writable(registers, 3, 2);
  answer(machine, registers, 'vlan-tag', ({ vlan }) => {
    if (vlan === undefined) return false;
    machine.memory.store8(protocolAt, vlan.protocol >> 8);
    machine.memory.store8(protocolAt + 1, vlan.protocol & 0xff);
    machine.memory.store16(tciAt, vlan.tci);
    return true;
  });
}
