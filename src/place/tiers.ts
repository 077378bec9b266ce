/**
 * What it costs to get a packet somewhere, and to share a map between two places. Figures: "Demystifying performance
 * of eBPF network applications" (CoNEXT 2025; Xeon Silver 4310, 100 Gb/s, Linux 6.8), table of hooks; pcie-bench
 * (SIGCOMM 2018) for the link to a card.
 */
import type { Element } from './model.js';

/** Nanoseconds until a packet from the wire is there, and to make it ready for the program. */
export const hookCosts = {
  card: { reach: 0, prepare: 0 },
  xdp: { reach: 0, prepare: 38 },
  tc: { reach: 273, prepare: 35 },
  sk_skb: { reach: 1072, prepare: 1350 },
  socket: { reach: 5738, prepare: 0 },
  // Redirected at XDP; the rings of AF_XDP cost 14 ns a packet.
  af_xdp: { reach: 38, prepare: 14 },
  ring: { reach: 38, prepare: 10 },
} as const;

/** Round trip of 64 bytes over the link, of a Gen3 x8 card: half of it is one way. */
const linkRoundTrip = 560;

/** Bytes a nanosecond that cross between host elements: 1 KB in 340 ns by a program (the same table). */
const copyRate = 1024 / 340;

/** From user space through the system call, and through memory that is mapped. */
const systemCall = 485;

/** What entering an element costs: of its cores' time, and of waiting that keeps no core busy. */
export interface Entry {
  readonly busy: number;
  readonly wait: number;
}

function hookOf({ tier, channel }: Element): keyof typeof hookCosts {
  return tier === 'user' ? (channel ?? 'af_xdp') : tier;
}

/** A packet comes from the wire (`from` undefined) or another element, with so many bytes beside it. */
export function entryCost(from: Element | undefined, to: Element, bytes: number): Entry {
  if (from === to) return { busy: 0, wait: 0 };
  const { reach, prepare } = hookCosts[hookOf(to)];
  // Whatever is not the card is behind the link; that is so for packets of the wire and of the card alike, and leaves
  // the order of host placements as it is.
  const wait = to.tier === 'card' ? 0 : from === undefined || from.tier === 'card' ? linkRoundTrip / 2 : 0;
  // From XDP on, the way that is left to the later hook is what that one is further.
  const done = from === undefined || from.tier === 'card' ? 0 : hookCosts[hookOf(from)].reach;
  return { busy: Math.max(0, reach - done) + prepare + bytes / copyRate, wait };
}

/** Nanoseconds of an access to a map that lives with another element, and of telling it of a write. */
export function sharingCost(user: Element, home: Element): { readonly access: number; readonly tell: number } {
  if (user === home) return { access: 0, tell: 0 };
  const isKernel = (element: Element): boolean => element.tier === 'xdp' || element.tier === 'tc';
  if (isKernel(user) && isKernel(home)) return { access: 0, tell: 0 };
  if (user.tier === 'card' || home.tier === 'card') return { access: linkRoundTrip, tell: linkRoundTrip / 2 };
  return { access: systemCall, tell: systemCall };
}
