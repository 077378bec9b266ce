/**
 * Executed instructions a packet of Merlin's output (ASPLOS 2024; built and run on the same input, clang-19 -O2, v3),
 * by kind of packet, where generated packets go the way on which it was measured: what clang's own output executes
 * tells that.
 */
import type { ExecutedRow } from '../../report/index.js';

interface Figure {
  readonly file: string;
  readonly program: string;
  readonly class: string;
  readonly clang: number;
  readonly merlin: number;
}

const figures: readonly Figure[] = [
  { file: 'xdp1_old', program: 'xdp_prog1', class: 'IPv4 UDP', clang: 35, merlin: 31 },
  { file: 'xdp2_old', program: 'xdp_prog1', class: 'IPv4 UDP', clang: 51, merlin: 47 },
  { file: 'xdp_fwd', program: 'xdp_fwd_prog', class: 'ARP', clang: 23, merlin: 20 },
  { file: 'xdp_fwd', program: 'xdp_fwd_prog', class: 'IPv4 UDP', clang: 104, merlin: 80 },
  { file: 'xdp_fwd', program: 'xdp_fwd_prog', class: 'IPv6 UDP', clang: 117, merlin: 83 },
];

/** How far clang's count may be from the published one: some packets have VLAN tags. */
const tolerance = 0.05;

/** A figure beside ours, both a packet. */
export interface MerlinRow {
  readonly program: string;
  readonly class: string;
  readonly merlin: number;
  readonly opt: number;
}

/** The figures of a file that can be compared. */
export function besideMerlin(file: string, rows: readonly ExecutedRow[]): MerlinRow[] {
  return figures
    .filter((figure) => figure.file === file)
    .flatMap(({ program, class: kind, clang, merlin }) => {
      const row = rows.find((each) => each.program === program && each.class === kind);
      if (row === undefined || Math.abs(row.before / row.packets - clang) > tolerance * clang) return [];
      return [{ program: file, class: kind, merlin, opt: Math.round((100 * row.after) / row.packets) / 100 }];
    });
}
