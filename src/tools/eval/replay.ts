/**
 * A program's own packets under another law of popularity. Generated headers find little in a program that serves
 * certain addresses, so the conversations of its capture are what is chosen from: all alike, by a Zipf law, or as
 * flows that end, with sizes of a published table.
 */
import { generateBatches, Prng, type TrafficOptions } from '../../packet/index.js';
import type { Arrival } from '../../runtime/index.js';

/** Nanoseconds between two packets: a million a second. */
const gap = 1000n;

/** Packets of a capture by conversation: both directions together, each in order. */
export function conversationsOf(packets: readonly Arrival[]): Arrival[][] {
  const byKey = new Map<string, Arrival[]>();
  for (const packet of packets) {
    const key = conversationKey(packet.data);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, [packet]);
    else known.push(packet);
  }
  return [...byKey.values()];
}

/**
 * `packets` packets of these conversations. Which flow is next is told by generated traffic with the same options: its
 * flows are numbered by their source address and ports, and each takes one conversation (picked at random) and sends
 * the packets of it one by one, from the start again when it is through.
 */
export function replay(
  conversations: readonly Arrival[][],
  options: TrafficOptions,
  packets: number,
  seed: number,
): Arrival[] {
  const random = new Prng(seed);
  const flows = new Map<string, { readonly conversation: readonly Arrival[]; at: number }>();
  const made: Arrival[] = [];
  // Plain flows: only who comes when is of interest.
  const law: TrafficOptions = { ...options, ...plain, packets, seed };
  for (const { count, bytes, offset, length } of generateBatches(law)) {
    for (let i = 0; i < count; i++) {
      const start = offset[i] ?? 0;
      const key = conversationKey(bytes.subarray(start, start + (length[i] ?? 0)));
      let flow = flows.get(key);
      if (flow === undefined) {
        flow = { conversation: random.pick(conversations), at: 0 };
        flows.set(key, flow);
      }
      const { data } = flow.conversation[flow.at++ % flow.conversation.length] as Arrival;
      made.push({ data, time: BigInt(made.length) * gap });
    }
  }
  return made;
}

/** Nothing but UDP over IPv4: of the generated packets only the flow's key is looked at. */
const plain: TrafficOptions = {
  ipv6: 0,
  vlan: 0,
  qinq: 0,
  malformed: 0,
  replies: 0,
  protocols: { udp: 1 },
};

/** The same for both directions: type, addresses and ports, the smaller end first. */
function conversationKey(data: Uint8Array): string {
  let at = 12;
  // VLAN tags (0x8100, 0x88a8) do not tell conversations apart.
  while (
    at + 4 <= data.length &&
    ((data[at] === 0x81 && data[at + 1] === 0) || (data[at] === 0x88 && data[at + 1] === 0xa8))
  )
    at += 4;
  const isV4 = data[at] === 0x08 && data[at + 1] === 0;
  const isV6 = data[at] === 0x86 && data[at + 1] === 0xdd;
  const type = hex(data, at, at + 2);
  const ip = at + 2;
  if (isV4) {
    // The header's length in words stands in the low half of its first byte.
    const ports = ip + 4 * ((data[ip] ?? 0) & 15);
    return `${type} ${data[ip + 9]} ${ends(data, ip + 12, 4, ports)}`;
  }
  if (isV6) return `${type} ${data[ip + 6]} ${ends(data, ip + 8, 16, ip + 40)}`;
  return `${type} ${hex(data, 0, 12)}`;
}

/** Both ends as text, in one order whichever of them sent: replies belong to the conversation. */
function ends(data: Uint8Array, addresses: number, size: number, ports: number): string {
  const source = `${hex(data, addresses, addresses + size)}:${hex(data, ports, ports + 2)}`;
  const destination = `${hex(data, addresses + size, addresses + 2 * size)}:${hex(data, ports + 2, ports + 4)}`;
  return source < destination ? `${source} ${destination}` : `${destination} ${source}`;
}

function hex(data: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += (data[i] ?? 0).toString(16).padStart(2, '0');
  return text;
}
