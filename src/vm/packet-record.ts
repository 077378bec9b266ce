/**
 * The packet record: 80 bytes of guest memory that say where a packet is and receive what became of it. Whoever runs
 * packets in batches (the compiled packet loop, the compiled card) walks an array of them; `PacketArena` makes them.
 *
 *     0   u32 data, data_end, data_meta            guest addresses; out: after the program moved them
 *     12  u32 ingress_ifindex, rx_queue_index, egress_ifindex       together with the above an xdp_md
 *     24  u64 now                                  nanoseconds since boot
 *     32  u32 r0, low half                         out: the verdict
 *     36  u32 r0, high half                        out; of a card: number of the trace that decided the packet
 *     40  u32 frame start, u32 frame size          of the frame that the packet lies in, see PacketBuffer
 *     48  u32 redirect kind, target, key, flags    out: see privateState; only programs that redirect write it
 *     64  u32 cpu                                  that the program runs on
 *     68  u32 number of the packet                 under which the table of frames' metadata has it; 0: none
 *     72  8 bytes free
 *
 * A bare program (no context) finds r1 at 0 and r2 at 8.
 */
export const record = {
  data: 0,
  dataEnd: 4,
  dataMeta: 8,
  ingressIfindex: 12,
  rxQueueIndex: 16,
  egressIfindex: 20,
  now: 24,
  r0: 32,
  trace: 36,
  frameStart: 40,
  frameSize: 44,
  redirect: 48,
  cpu: 64,
  number: 68,
  size: 80,
} as const;
