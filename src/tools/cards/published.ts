/** hXDP's evaluation (OSDI 2020): programs, and rows by lanes as read off its figure (± 0.7). */

/** One of the programs. */
export interface PublishedProgram {
  readonly name: string;
  /** What its file may be called, and the program in it. */
  readonly files: RegExp;
  readonly programs: RegExp;
  /** Slots of the authors' object. */
  readonly slots: number;
  /** Rows at 4 lanes (slots by instructions a row). */
  readonly rows: number;
  /** Rows at 1, 2, 3, 4 and 8 lanes. */
  readonly byLanes: readonly number[];
}

/** The programs whose rows are published. */
export const hxdpPrograms: readonly PublishedProgram[] = [
  { name: 'xdp1', files: /^(xdp1|xdp_drop)/, programs: /./, slots: 61, rows: 36, byLanes: [48, 37, 36, 36, 36] },
  { name: 'xdp2', files: /^xdp2(?!skb)/, programs: /./, slots: 78, rows: 43, byLanes: [64, 46, 43, 43, 41] },
  { name: 'adjust_tail', files: /adjust_tail/, programs: /./, slots: 117, rows: 43, byLanes: [83, 52, 46, 45, 43] },
  {
    name: 'router',
    files: /router_ipv4/,
    programs: /^xdp_router_ipv4/,
    slots: 119,
    rows: 50,
    byLanes: [92, 61, 55, 51, 51],
  },
  { name: 'rxq_info', files: /rxq_info/, programs: /./, slots: 81, rows: 46, byLanes: [73, 51, 48, 46, 45] },
  { name: 'tunnel', files: /tx_iptunnel/, programs: /./, slots: 283, rows: 100, byLanes: [221, 134, 111, 103, 92] },
  {
    name: 'firewall',
    files: /simple_firewall|udp_firewall|^xdp_fw_kern/,
    programs: /./,
    slots: 72,
    rows: 27,
    byLanes: [51, 33, 28, 27, 26],
  },
  { name: 'katran', files: /katran/, programs: /./, slots: 268, rows: 102, byLanes: [205, 128, 110, 104, 101] },
];
