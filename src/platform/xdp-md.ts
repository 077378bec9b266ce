/**
 * `struct xdp_md` (include/uapi/linux/bpf.h): six u32. `data`, `data_end` and `data_meta` read as pointers; only they
 * and the three indexes may be read, and an XDP program may write nothing but `rx_queue_index` where the kernel says
 * so (it does not).
 */
export const xdpMdFields = [
  'data',
  'data_end',
  'data_meta',
  'ingress_ifindex',
  'rx_queue_index',
  'egress_ifindex',
] as const;

/** A field's name. */
export type XdpMdField = (typeof xdpMdFields)[number];

/** Byte offset of each field. */
export const xdpMd = {
  data: 0,
  dataEnd: 4,
  dataMeta: 8,
  ingressIfindex: 12,
  rxQueueIndex: 16,
  egressIfindex: 20,
  size: 24,
} as const;
