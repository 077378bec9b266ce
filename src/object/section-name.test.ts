import { describe, expect, it } from 'vitest';
import { sectionMeaning } from './section-name.js';

describe('section names', () => {
  it.each([
    ['xdp', 'xdp', false],
    ['?xdp', 'xdp', false],
    ['xdp/foo', 'xdp', false],
    ['xdp.frags', 'xdp', true],
    ['xdp.frags/foo', 'xdp', true],
    ['xdp_devmap', 'xdp_devmap', false],
    ['xdp_devmap/egress', 'xdp_devmap', false],
    ['xdp/devmap', 'xdp_devmap', false],
    ['xdp.frags/devmap', 'xdp_devmap', true],
    ['xdp.frags_devmap', 'xdp_devmap', true],
    ['xdp_cpumap/x', 'xdp_cpumap', false],
    ['xdp.frags/cpumap', 'xdp_cpumap', true],
    ['xdp1', 'xdp', false],
    ['xdp-drop', 'xdp', false],
    ['xdp_redirect_map_egress', 'xdp', false],
    ['xdp_cpu_map5_lb_hash_ip_pairs', 'xdp', false],
  ])('%s is XDP, meant for %s', (name, attach, frags) => {
    expect(sectionMeaning(name)).toEqual({ type: 'xdp', attach, frags });
  });

  it.each([
    ['tc', 'sched_cls'],
    ['tcx/ingress', 'sched_cls'],
    ['classifier', 'sched_cls'],
    ['classifier_main', 'sched_cls'],
    ['socket1', 'socket_filter'],
    ['kprobe/sys_open', 'kprobe'],
    ['tp_btf/xdp_redirect', 'tracing'],
    ['tracepoint/xdp/xdp_exception', 'tracepoint'],
    ['fentry.s/f', 'tracing'],
    ['cgroup/connect4', 'cgroup_sock_addr'],
    ['sk_skb/stream_verdict', 'sk_skb'],
    ['lsm.s/file_open', 'lsm'],
    ['struct_ops/init', 'struct_ops'],
    ['freplace/f', 'ext'],
  ])('%s is %s', (name, type) => {
    expect(sectionMeaning(name)).toEqual({ type, attach: undefined, frags: false });
  });

  it.each(['prog', 'balancer_ingress', '7/2', 'tcp_filter', '.text', 't'])('%s tells nothing', (name) => {
    expect(sectionMeaning(name).type).toBe('unspec');
  });
});
