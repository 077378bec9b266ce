/**
 * The packet record: 64 bytes of guest memory that say where a packet is and receive what became of it. The compiled packet loop walks an array of them.
 *
 *     0   u32 data, data_end, data_meta            guest addresses; out: after the program moved them
 *     12  u32 ingress_ifindex, rx_queue_index, egress_ifindex       together with the above an xdp_md
 *     24  u64 now                                  nanoseconds since boot
 *     32  u64 r0                                   out
 *     40  u32 frame start, u32 frame size          of the frame that the packet lies in, see PacketBuffer
 *     48  u32 redirect kind, target, key, flags    out: see privateState; only programs that redirect write it
 *
 * A bare program (no context) finds r1 at 0 and r2 at 8.
 */
export const record = {
  data: 0,
  dataEnd: 4,
  dataMeta: 8,
  now: 24,
  r0: 32,
  frameStart: 40,
  frameSize: 44,
  redirect: 48,
  size: 64,
} as const;

/**
 * Guest memory that compiled code and its JavaScript side share.
 *
 *     0   u64 r0 to r5: arguments and result of a helper call
 *     48  u32 cpu
 */
export const exchange = { registers: 0, cpu: 88, size: 96 } as const;
