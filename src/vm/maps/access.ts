/**
 * Which helper takes which map (check_map_func_compatibility of kernel/bpf/verifier.c), for the types that XDP programs can use.
 */
import type { HelperName, MapTypeName } from '../../platform/index.js';

const redirect: readonly HelperName[] = ['redirect_map', 'map_lookup_elem'];
const queue: readonly HelperName[] = ['map_peek_elem', 'map_pop_elem', 'map_push_elem'];

/** Types that only these helpers take. */
const byType: { readonly [type in MapTypeName]?: readonly HelperName[] } = {
  prog_array: ['tail_call'],
  perf_event_array: ['perf_event_read', 'perf_event_output', 'skb_output', 'perf_event_read_value', 'xdp_output'],
  ringbuf: [
    'ringbuf_output',
    'ringbuf_reserve',
    'ringbuf_query',
    'ringbuf_reserve_dynptr',
    'ringbuf_submit_dynptr',
    'ringbuf_discard_dynptr',
  ],
  devmap: redirect,
  devmap_hash: redirect,
  cpumap: ['redirect_map'],
  xskmap: redirect,
  array_of_maps: ['map_lookup_elem'],
  hash_of_maps: ['map_lookup_elem'],
  queue,
  stack: queue,
  bloom_filter: ['map_peek_elem', 'map_push_elem'],
};

const percpu: readonly MapTypeName[] = ['percpu_array', 'percpu_hash', 'lru_percpu_hash'];
const iterable: readonly MapTypeName[] = ['array', 'hash', 'lru_hash', ...percpu];

/** Helpers that take only these types. */
const byHelper: { readonly [helper in HelperName]?: readonly MapTypeName[] } = {
  tail_call: ['prog_array'],
  perf_event_output: ['perf_event_array'],
  ringbuf_output: ['ringbuf'],
  ringbuf_reserve: ['ringbuf'],
  ringbuf_query: ['ringbuf'],
  ringbuf_reserve_dynptr: ['ringbuf'],
  redirect_map: ['devmap', 'devmap_hash', 'cpumap', 'xskmap'],
  map_pop_elem: ['queue', 'stack'],
  map_peek_elem: ['queue', 'stack', 'bloom_filter'],
  map_push_elem: ['queue', 'stack', 'bloom_filter'],
  map_lookup_percpu_elem: percpu,
  for_each_map_elem: iterable,
};

/** May an XDP program call `helper` with a map of this type? Else Linux says `cannot pass map_type N into func ...`. */
export function helperAccepts(helper: HelperName, type: MapTypeName): boolean {
  return (byType[type]?.includes(helper) ?? true) && (byHelper[helper]?.includes(type) ?? true);
}
