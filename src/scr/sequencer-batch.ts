/**
 * The sequencer as a transformer of captures: packets go round the cores one by one, each behind the items of the
 * packets that the others got.
 */
import { dummyHeaderBytes, type ScrLayout, writeFrame } from './layout.js';

/** Who makes items: a program's metadata (metadata-sequence.ts), or {@link headerItems}. */
export interface ItemSource {
  /** The item of a packet that came at `time` (ns); undefined where it says nothing. */
  item(packet: Uint8Array, time: bigint): Uint8Array | undefined;
}

/** A packet and when it comes, ns. */
export interface TimedPacket {
  readonly data: Uint8Array;
  readonly time: bigint;
}

/** A frame and who gets it. */
export interface SequencedFrame {
  readonly core: number;
  readonly frame: Uint8Array;
  /** What the others will learn of the packet; undefined where it says nothing. */
  readonly item: Uint8Array | undefined;
}

/** Puts history in front of packets, in their order. */
export class HistorySequencer {
  readonly layout: ScrLayout;
  private readonly source: ItemSource;
  private readonly history: (Uint8Array | undefined)[];
  /** When the packets of the history came. */
  private readonly times: bigint[] = [];
  private number = 0;
  private staleFrames = 0;

  constructor(layout: ScrLayout, source: ItemSource) {
    this.layout = layout;
    this.source = source;
    this.history = Array.from({ length: layout.cores - 1 }, () => undefined);
  }

  /** Packets so far. */
  get packets(): number {
    return this.number;
  }

  /** Frames with a history that reaches back further than its clock can say: see {@link packetsInReach}. */
  get stale(): number {
    return this.staleFrames;
  }

  /** The frame of the next packet. */
  next(packet: Uint8Array, time: bigint): SequencedFrame {
    const { layout, history } = this;
    const number = this.number++;
    const lane = number % layout.cores;
    const frame = writeFrame(layout, { lane, time, number }, history, packet);
    const item = this.source.item(packet, time);
    if (isBeyond(layout, this.times[0] ?? time, time)) this.staleFrames++;
    this.times.push(time);
    if (this.times.length >= layout.cores) this.times.shift();
    if (layout.cores > 1) {
      history.shift();
      history.push(item);
    }
    return { core: lane, frame, item };
  }
}

/**
 * How many packets come before the first whose history reaches back further than the bits of its clock: a core would
 * take those items for younger ones ({@link ScrLayout.clock}). All of them unless nothing came for so long.
 */
export function packetsInReach(layout: ScrLayout, packets: readonly TimedPacket[]): number {
  const first = packets.findIndex(({ time }, i) => {
    const oldest = packets[Math.max(0, i - layout.cores + 1)] as TimedPacket;
    return isBeyond(layout, oldest.time, time);
  });
  return first < 0 ? packets.length : first;
}

/** Is an item of the time `then` too old, `now`, for the bits of its clock? */
function isBeyond({ clock }: ScrLayout, then: bigint, now: bigint): boolean {
  return clock !== undefined && now - then >= 1n << BigInt(clock.bits);
}

/** Where an item of {@link headerItems} has what: bytes, as a program would read them. */
const headerFields = [
  ['ip.src', 4, 'packet bytes 26 to 29'],
  ['ip.dst', 4, 'packet bytes 30 to 33'],
  ['sport', 2, 'first two bytes behind the IPv4 header'],
  ['dport', 2, 'the two behind them'],
  ['tcp.seq', 4, 'TCP: sequence number'],
  ['tcp.ack', 4, 'TCP: acknowledgement'],
  ['tcp.flags', 1, 'TCP: flags'],
  ['ip.proto', 1, 'packet byte 23'],
  ['time', 8, 'clock of the sequencer, ns'],
] as const;

/** Bytes of an item of {@link headerItems}: as of the published connection tracker. */
export const headerItemBytes = 30;

/** A layout that suits no program in particular: addresses, ports, numbers and flags of IPv4, and the time. */
export function headerLayout(cores: number, hasNumbers: boolean): ScrLayout {
  let bit = 0;
  const fields = headerFields.map(([name, bytes, source]) => {
    const field = { name, bit, bits: 8 * bytes, source };
    bit += 8 * bytes;
    return field;
  });
  return {
    dummyHeaderBytes,
    numberBytes: hasNumbers ? 4 : 0,
    metadataBytes: headerItemBytes,
    cores,
    fields,
    presence: { kind: 'header' },
    clock: undefined,
  };
}

/** Items for {@link headerLayout}: of IPv4 packets, whatever their protocol; others say nothing. */
export const headerItems: ItemSource = {
  item(packet, time) {
    const isIpv4 =
      packet.length >= 34 && packet[12] === 0x08 && packet[13] === 0x00 && (packet[14] as number) >> 4 === 4;
    if (!isIpv4) return undefined;
    const item = new Uint8Array(headerItemBytes);
    const transport = 14 + 4 * ((packet[14] as number) & 15);
    const isTcp = packet[23] === 6;
    item.set(packet.subarray(26, 34), 0);
    item.set(packet.subarray(transport, transport + 4), 8);
    if (isTcp) {
      item.set(packet.subarray(transport + 4, transport + 12), 12);
      item[20] = packet[transport + 13] ?? 0;
    }
    item[21] = packet[23] as number;
    new DataView(item.buffer).setBigUint64(22, BigInt.asUintN(64, time), true);
    return item;
  },
};
