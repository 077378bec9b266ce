/**
 * State of the machine besides maps that a program changes through helpers: one region that no program can reach.
 * Offsets in bytes:
 *
 *     0   u32[2]  generator of bpf_get_prandom_u32
 *     8   u32     kind of redirect (0 none, 1 interface, 2 map)
 *     12  u32     interface, or index of the map
 *     16  u32     key in the map
 *     20  u32     flags of a broadcast
 *     24  u32     address of the bpf_spin_lock that is held, or 0
 *     28  u32     things held that have to be released: sockets, connections
 *     32  ...     packet geometry (PacketBuffer)
 */
export const privateState = {
  random: 0,
  redirectKind: 8,
  redirectTarget: 12,
  redirectKey: 16,
  redirectFlags: 20,
  lock: 24,
  references: 28,
  packet: 32,
} as const;
