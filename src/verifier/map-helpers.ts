/** Which map types go with which helpers (check_map_func_compatibility in the kernel). */
import type { HelperName, MapTypeName } from '../platform/index.js';

/** Map types that only certain helpers take. */
const byMap: Readonly<Partial<Record<MapTypeName, readonly HelperName[]>>> = {
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
  user_ringbuf: ['user_ringbuf_drain'],
  stack_trace: ['get_stackid'],
  cgroup_array: ['skb_under_cgroup', 'current_task_under_cgroup'],
  cgroup_storage: ['get_local_storage'],
  percpu_cgroup_storage: ['get_local_storage'],
  devmap: ['redirect_map', 'map_lookup_elem'],
  devmap_hash: ['redirect_map', 'map_lookup_elem'],
  cpumap: ['redirect_map'],
  xskmap: ['redirect_map', 'map_lookup_elem'],
  array_of_maps: ['map_lookup_elem'],
  hash_of_maps: ['map_lookup_elem'],
  sockmap: ['map_lookup_elem', 'map_update_elem', 'map_delete_elem'],
  sockhash: ['map_lookup_elem', 'map_update_elem', 'map_delete_elem'],
  reuseport_sockarray: ['sk_select_reuseport'],
  queue: ['map_peek_elem', 'map_pop_elem', 'map_push_elem'],
  stack: ['map_peek_elem', 'map_pop_elem', 'map_push_elem'],
  sk_storage: ['sk_storage_get', 'sk_storage_delete', 'kptr_xchg'],
  inode_storage: ['inode_storage_get', 'inode_storage_delete', 'kptr_xchg'],
  task_storage: ['task_storage_get', 'task_storage_delete', 'kptr_xchg'],
  cgrp_storage: ['cgrp_storage_get', 'cgrp_storage_delete', 'kptr_xchg'],
  bloom_filter: ['map_peek_elem', 'map_push_elem'],
};

const ringbuf: readonly MapTypeName[] = ['ringbuf'];
const queues: readonly MapTypeName[] = ['queue', 'stack', 'bloom_filter'];

/** Helpers that only certain map types go into. */
const byHelper: Readonly<Partial<Record<HelperName, readonly MapTypeName[]>>> = {
  tail_call: ['prog_array'],
  perf_event_read: ['perf_event_array'],
  perf_event_output: ['perf_event_array'],
  perf_event_read_value: ['perf_event_array'],
  ringbuf_output: ringbuf,
  ringbuf_reserve: ringbuf,
  ringbuf_query: ringbuf,
  ringbuf_reserve_dynptr: ringbuf,
  current_task_under_cgroup: ['cgroup_array'],
  redirect_map: ['devmap', 'devmap_hash', 'cpumap', 'xskmap'],
  map_pop_elem: ['queue', 'stack'],
  map_peek_elem: queues,
  map_push_elem: queues,
  map_lookup_percpu_elem: ['percpu_array', 'percpu_hash', 'lru_percpu_hash'],
};

export function mapFitsHelper(map: MapTypeName, helper: HelperName): boolean {
  const helpers = byMap[map];
  if (helpers !== undefined && !helpers.includes(helper)) return false;
  const maps = byHelper[helper];
  return maps === undefined || maps.includes(map);
}

/** Maps that bpf_for_each_map_elem walks. */
export const walkableMaps: readonly MapTypeName[] = [
  'hash',
  'array',
  'percpu_hash',
  'percpu_array',
  'lru_hash',
  'lru_percpu_hash',
];

/** Helpers that change a map's values. */
export const writingHelpers: readonly HelperName[] = [
  'map_update_elem',
  'map_delete_elem',
  'map_push_elem',
  'map_pop_elem',
];
