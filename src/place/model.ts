/**
 * What is placed, and where it may go. A *piece* is code that stays together; packets come to it from the wire or from
 * other pieces. An *element* runs pieces: a card, a hook of the kernel, a process. All costs are nanoseconds of one
 * core, per packet that arrives at the application, unless it says otherwise.
 */

import type { CardDescription } from '../nic/index.js';

/** Where an element stands on a packet's way: packets go down these tiers and never back. */
export const tiers = ['card', 'xdp', 'tc', 'user'] as const;

/** One of {@link tiers}. */
export type Tier = (typeof tiers)[number];

/** Something that runs pieces. */
export interface Element {
  readonly name: string;
  readonly tier: Tier;
  /** Of user space: how packets get there. */
  readonly channel?: 'socket' | 'af_xdp' | 'ring' | undefined;
  /** Of a card: what it is. */
  readonly card?: CardDescription | undefined;
  /** Cores (or what works like one) that share its packets. */
  readonly cores: number;
  /** Bytes that maps may take; infinite on a host. */
  readonly memory: number;
  /** Watts of a core that is busy: for the objective `energy`. */
  readonly watts: number;
}

/** Code that stays together. */
export interface Piece {
  readonly name: string;
  /** Program of the application that it is a part of. */
  readonly program: string;
  /** How often it runs for a packet that arrives, on average. */
  readonly share: number;
  /** By element: nanoseconds of a run; a text says why it cannot run there. */
  readonly cost: readonly (number | string)[];
}

/** Packets that go from piece to piece; `from` -1: from the wire. */
export interface Flow {
  readonly from: number;
  readonly to: number;
  /** Packets that go this way, for each that arrives. */
  readonly share: number;
  /** Bytes that go with the packet where the two lie on different elements. */
  readonly bytes: number;
}

/** A map. */
export interface State {
  readonly name: string;
  readonly bytes: number;
  /** By piece: reads and writes for each packet that arrives. */
  readonly uses: readonly { readonly piece: number; readonly reads: number; readonly writes: number }[];
}

/** What the application wants to stand somewhere. */
export interface Pin {
  readonly what: 'program' | 'map';
  readonly name: string;
  readonly element: number;
}

/** What is asked for. */
export type Objective =
  | { readonly kind: 'throughput' }
  /** Mean latency at this many packets a second. */
  | { readonly kind: 'latency'; readonly rate: number }
  /** Cores of the host at this many packets a second. */
  | { readonly kind: 'host-cores'; readonly rate: number }
  /** Joules a packet at this many packets a second. */
  | { readonly kind: 'energy'; readonly rate: number };

/** An application with its costs. */
export interface Problem {
  readonly elements: readonly Element[];
  readonly pieces: readonly Piece[];
  readonly flows: readonly Flow[];
  readonly states: readonly State[];
  readonly pins: readonly Pin[];
  readonly objective: Objective;
}

/** By piece: the element that it is on. */
export type Placement = readonly number[];
