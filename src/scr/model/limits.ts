/**
 * What lies between the sequencer and the cores: the wire and the bus, which carry each packet with the bytes that
 * were put in front of it. That is the technique's true limit: at 14 cores a packet of 64 bytes grows two to seven
 * times.
 */
import { type CardDescription, numberOf } from '../../nic/index.js';
import { linkTime, packetBytes, wireBytes } from '../../sim/index.js';

/** Millions of packets a second that wire and bus carry. */
export interface CarriedRates {
  /** Bytes of a packet as cores get it, Ethernet header included. */
  readonly bytes: number;
  readonly wire: number;
  readonly pcie: number;
}

/** The rates of a card for packets of `length` bytes (a mean) with so many in front of each. */
export function carriedRates(card: CardDescription, length: number, added: number): CarriedRates {
  const bytes = length + added;
  return {
    bytes,
    wire: (numberOf(card, 'mac.rate') * 1000) / (8 * wireBytes(bytes)),
    pcie: 1e6 / linkTime(card, packetBytes(bytes)),
  };
}
