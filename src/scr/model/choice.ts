/**
 * Which way to share state: each technique by formula, behind the wire and the bus that its packets have to go over;
 * and where replication stops to pay.
 */
import type { CardDescription } from '../../nic/index.js';
import { halfEfficiency, scrCeiling, scrThroughput } from './costs.js';
import { carriedRates } from './limits.js';
import { predict, type SharingCosts, type Technique } from './techniques.js';
import type { Workload } from './workload.js';

/** What is asked. */
export interface ChoiceInput {
  readonly costs: SharingCosts;
  readonly workload: Workload;
  readonly card: CardDescription;
  /** Bytes in front of a packet by cores, where it is replicated. */
  readonly added: (cores: number) => number;
  /** What the program can be made to do at all. */
  readonly possible: readonly Technique[];
}

/** One technique at one number of cores. */
export interface ChoiceRow {
  readonly technique: Technique;
  readonly cores: number;
  /** Mpps that cores take, that wire and bus carry, and the least of them. */
  readonly taken: number;
  readonly wire: number;
  readonly pcie: number;
  readonly mpps: number;
  readonly limit: 'cores' | 'wire' | 'pcie';
}

/** Numbers of cores that are looked at. */
export const coreCounts = [1, 2, 4, 8, 14, 16, 32, 64] as const;

/** A row. */
export function choiceRow(
  { costs, workload, card, added }: ChoiceInput,
  technique: Technique,
  cores: number,
): ChoiceRow {
  const taken = predict(technique, costs, workload, cores);
  const { wire, pcie } = carriedRates(card, workload.meanLength, technique === 'scr' ? added(cores) : 0);
  const mpps = Math.min(taken, wire, pcie);
  return {
    technique,
    cores,
    taken,
    wire,
    pcie,
    mpps,
    limit: mpps === taken ? 'cores' : mpps === wire ? 'wire' : 'pcie',
  };
}

/** The simplest first: what carries as much as another and is simpler is better. */
const simplest: readonly Technique[] = ['shard', 'atomic', 'lock', 'migrate', 'scr'];

/** All techniques that are possible, at a number of cores, the best first. */
export function choose(input: ChoiceInput, cores: number): readonly ChoiceRow[] {
  const rows = input.possible.map((technique) => choiceRow(input, technique, cores));
  const rank = ({ technique }: ChoiceRow): number => simplest.indexOf(technique);
  // To a thousandth they are alike.
  const level = ({ mpps }: ChoiceRow): number => Math.round(Math.log(mpps) * 1000);
  return rows.sort((a, b) => level(b) - level(a) || rank(a) - rank(b));
}

/** Where replication stops to pay. */
export interface ScrLimits {
  /** Cores at which it carries most; one more is no gain. */
  readonly best: { readonly cores: number; readonly mpps: number };
  /** First number of cores at which wire or bus carry less than the cores take; undefined: none up to 64. */
  readonly wire: number | undefined;
  readonly pcie: number | undefined;
  /** 1 + t / c2. */
  readonly halfEfficiency: number;
  /** Mpps that no number of cores reaches. */
  readonly ceiling: number;
}

/** Limits of replication for so many cores at most. */
export function scrLimits({ costs, workload, card, added }: ChoiceInput, most = 64): ScrLimits {
  let best = { cores: 1, mpps: 0 };
  let [wireAt, pcieAt]: (number | undefined)[] = [undefined, undefined];
  for (let cores = 1; cores <= most; cores++) {
    const taken = scrThroughput(costs, cores);
    const { wire, pcie } = carriedRates(card, workload.meanLength, added(cores));
    if (wire < taken) wireAt ??= cores;
    if (pcie < taken) pcieAt ??= cores;
    const mpps = Math.min(taken, wire, pcie);
    if (mpps > best.mpps) best = { cores, mpps };
  }
  return { best, wire: wireAt, pcie: pcieAt, halfEfficiency: halfEfficiency(costs), ceiling: scrCeiling(costs) };
}
