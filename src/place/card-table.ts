/** Prices of a card of many small cores, out of its description; what such a card's driver lets a program do. */
import { type CardDescription, memoriesOf, numberOf } from '../nic/index.js';
import type { MapTypeName } from '../platform/index.js';
import type { CostTable } from '../predict/index.js';

/** Helpers that Linux's driver for Netronome's cards translates (nfp/bpf/jit.c, verifier.c). */
const helpers: readonly string[] = [
  'bpf_map_lookup_elem',
  'bpf_map_update_elem',
  'bpf_map_delete_elem',
  'bpf_get_prandom_u32',
  'bpf_perf_event_output',
  'bpf_xdp_adjust_head',
  'bpf_xdp_adjust_tail',
];
const maps: readonly MapTypeName[] = ['array', 'hash'];

/** Why a call is not for the card; undefined: it is. */
export function cardRefusal(helper: string, map: MapTypeName | undefined): string | undefined {
  if (!helpers.includes(helper)) return `the card has no ${helper}`;
  return map === undefined || maps.includes(map) || helper === 'bpf_perf_event_output'
    ? undefined
    : `the card has no maps of type ${map}`;
}

/** Bytes of the memory that its maps are in. */
export function memoryOf(card: CardDescription): number {
  return memoriesOf(card).reduce((most, name) => Math.max(most, numberOf(card, `memories.${name}.size`)), 0);
}

/** A cycle an instruction; who waits for memory lets another thread go on, so of a wait each thread has a share. */
export function cardTable(card: CardDescription): CostTable {
  const cycle = 1000 / numberOf(card, 'clock');
  const threads = Math.max(1, numberOf(card, 'units.threads'));
  const far = memoriesOf(card).reduce((most, name) => Math.max(most, numberOf(card, `memories.${name}.latency`)), 0);
  const access = (far * cycle) / threads;
  return {
    name: card.name,
    packet:
      (numberOf(card, 'core.enter') + numberOf(card, 'core.leave') + numberOf(card, 'core.waits') / threads) * cycle,
    insns: {
      alu: cycle,
      multiply: 8 * cycle,
      divide: 40 * cycle,
      load: 2 * cycle,
      store: 2 * cycle,
      atomic: access,
      jump: numberOf(card, 'core.branch') * cycle,
      call: numberOf(card, 'core.branch') * cycle,
      helper: cycle,
    },
    helpers: {},
    lookups: { array: access, hash: 2 * access },
    probe: access,
    node: access,
    updates: { array: access, hash: 3 * access },
    otherHelper: 20 * cycle,
    source: `${card.name}: clock, branches, threads and the latency of its farthest memory are the card's; cycles of products, quotients and helpers are assumed`,
  };
}
