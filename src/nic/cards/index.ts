// The cards that are shipped, and how one is found by name.
import type { CardDescription } from '../description.js';
import { hxdp, hxdpU50 } from './hxdp.js';
import { nfp4000, nfp4000TwoPorts, nfp6000 } from './nfp.js';
import { pipeline, pipelineCoherent } from './pipeline.js';

/** In the order in which they are listed. */
export const shippedCards: readonly CardDescription[] = [
  pipeline,
  pipelineCoherent,
  hxdp,
  hxdpU50,
  nfp4000,
  nfp4000TwoPorts,
  nfp6000,
];

/** The shipped card of that name. */
export function shippedCard(name: string): CardDescription | undefined {
  return shippedCards.find((card) => card.name === name);
}
