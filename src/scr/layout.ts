/**
 * The wire format of state-compute replication (Xu et al., NSDI 2025), as it is published:
 *
 *     dummy Ethernet header (14 B) | [packet number, u32 little-endian] | (cores - 1) x metadata, oldest first |
 * packet
 *
 * The dummy header's addresses carry what a core has to know of this one packet; its EtherType is one of the two for
 * local experiments (IEEE 802, table of EtherTypes), so that nothing else takes the frame for its own:
 *
 *     byte 0       0x02: a unicast address, locally administered
 *     byte 1       lane: which core's copy of the state the packet is for, and what steers it there
 *     byte 2, 3    0
 *     byte 4..11   u64 little-endian: with a clock the packet's own time (ns); without, and where presence is told in
 *                  the header, bit i says whether item i (0: the oldest) changes the state; else 0
 *     byte 12, 13  0x88, 0xb5
 *
 * An item is `metadataBytes` long; its fields are runs of bits, bit b being bit `b & 7` of byte `b >> 3`. An item that
 * says nothing (its packet does not touch the state, or there was none yet) is all zeros and not present.
 */

/** One run of bits of an item. */
export interface ScrField {
  /** Plain word of what it is, such as `ip.saddr` or `condition 3`. */
  readonly name: string;
  /** First bit in the item. */
  readonly bit: number;
  /** How many. */
  readonly bits: number;
  /** What the sequencer computes it of, for people: bytes of the packet, its length, the clock, a condition. */
  readonly source: string;
}

/** What packets look like that the sequencer sends to the cores, for one program and number of cores. */
export interface ScrLayout {
  readonly dummyHeaderBytes: 14;
  /** 4 with loss recovery, else 0. */
  readonly numberBytes: 0 | 4;
  /** Of one history item; 0 where the program has no state. */
  readonly metadataBytes: number;
  readonly cores: number;
  readonly fields: readonly ScrField[];
  /** Where it is told that an item counts: in the dummy header, or in this bit of the item. */
  readonly presence: { readonly kind: 'header' } | { readonly kind: 'item'; readonly bit: number };
  /**
   * The packet's time in an item: its low `bits` bits, from bit `bit` on. A core makes the whole number of the present
   * packet's time, which is in the dummy header, so items must not be older than 2^bits ns. Undefined: no time.
   */
  readonly clock: { readonly bit: number; readonly bits: number } | undefined;
}

/** Length of the Ethernet header that frames begin with. */
export const dummyHeaderBytes = 14;

/** EtherType of the dummy header. */
export const dummyEtherType = 0x88b5;

/** Most cores that the dummy header has a presence bit for. */
export const maxCores = 64;

/** Frame bytes of an XDP program without fragments on 4 KiB pages: 4096 - 256 headroom - 320 for the kernel's end. */
export const maxXdpFrame = 3520;

/** Bytes of an ordinary packet: an MTU of 1500 behind an Ethernet header. */
export const ordinaryPacket = 1514;

/** Bytes in front of each packet. */
export function addedBytes({ numberBytes, metadataBytes, cores }: ScrLayout): number {
  return dummyHeaderBytes + numberBytes + (cores - 1) * metadataBytes;
}

/** Offset of history item `index` (0: the oldest, `cores` - 2: the packet before this one) from the frame's start. */
export function itemOffset({ numberBytes, metadataBytes }: ScrLayout, index: number): number {
  return dummyHeaderBytes + numberBytes + index * metadataBytes;
}

/**
 * Most cores for which packets of `packetBytes` fit into frames of `frameBytes`: the wire's or the driver's limit,
 * Ethernet header included. 0 where not even the dummy header does.
 */
export function coresThatFit(
  { numberBytes, metadataBytes }: Pick<ScrLayout, 'numberBytes' | 'metadataBytes'>,
  frameBytes: number = maxXdpFrame,
  packetBytes: number = ordinaryPacket,
): number {
  const room = frameBytes - packetBytes - dummyHeaderBytes - numberBytes;
  if (room < 0) return 0;
  return metadataBytes === 0 ? maxCores : Math.min(maxCores, 1 + Math.floor(room / metadataBytes));
}

/** What goes in front of a packet besides its history. */
export interface FrameHead {
  readonly lane: number;
  /** The packet's own time, ns. */
  readonly time: bigint;
  /** Position of the packet among all, from 0; written modulo 2^32 where the layout has numbers. */
  readonly number: number;
}

/**
 * The frame for one packet. `history`: items oldest first, as the sequencer computed them; undefined where a packet
 * does not touch the state or was not yet there. There are `cores` - 1.
 */
export function writeFrame(
  layout: ScrLayout,
  { lane, time, number }: FrameHead,
  history: readonly (Uint8Array | undefined)[],
  packet: Uint8Array,
): Uint8Array {
  const added = addedBytes(layout);
  const frame = new Uint8Array(added + packet.length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, 2);
  view.setUint8(1, lane);
  view.setUint16(12, dummyEtherType);
  let present = 0n;
  for (const [i, item] of history.entries()) {
    if (item === undefined) continue;
    present |= 1n << BigInt(i);
    frame.set(item, itemOffset(layout, i));
  }
  if (layout.clock !== undefined) view.setBigUint64(4, time, true);
  else if (layout.presence.kind === 'header') view.setBigUint64(4, present, true);
  if (layout.numberBytes === 4) view.setUint32(dummyHeaderBytes, number >>> 0, true);
  frame.set(packet, added);
  return frame;
}
