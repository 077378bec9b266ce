/** What went wrong in a run, counted by place: faults of the program, and recordings that came to nothing. */
import type { AbortCode, AbortSite } from '../trace/index.js';
import { formatTrap, type Trap, type TrapSite } from '../vm/index.js';

/** A fault of the program at one place. */
export interface FaultRecord {
  readonly kind: Trap['kind'];
  readonly text: string;
  count: number;
  /** Number of the first packet that ran into it. */
  readonly packet: number;
}

/** By program, instruction and kind. */
export type FaultLog = Map<string, FaultRecord>;

/** Counts a fault of packet number `packet` (from 1). */
export function noteFault(faults: FaultLog, site: TrapSite, packet: number): void {
  const key = `${site.program.index} ${site.insn} ${site.trap.kind}`;
  const record = faults.get(key);
  if (record === undefined) faults.set(key, { kind: site.trap.kind, text: formatTrap(site), count: 1, packet });
  else record.count++;
}

/** A place where recordings were given up, and how often. */
export interface AbortRecord {
  readonly site: AbortSite;
  count: number;
}

/** Recordings that were given up: normal, and counted. */
export class AbortLog {
  readonly byCode: Map<AbortCode, number> = new Map();
  readonly sites: Map<string, AbortRecord> = new Map();

  /** Counts by code, and by place. */
  note(site: AbortSite): void {
    this.byCode.set(site.code, (this.byCode.get(site.code) ?? 0) + 1);
    const key = `${site.code} ${site.program.index} ${site.pc} ${site.detail ?? ''}`;
    const record = this.sites.get(key);
    if (record === undefined) this.sites.set(key, { site, count: 1 });
    else record.count++;
  }
}
