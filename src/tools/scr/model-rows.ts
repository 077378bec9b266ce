/** The sequencer's figures and the throughput of all techniques, by formula and by simulation. */

import { InternalError } from '../../base/index.js';
import { shippedCard } from '../../nic/index.js';
import { lineChart } from '../../report/index.js';
import {
  addedBytes,
  assumedSharing,
  type ChoiceInput,
  choiceRow,
  choose,
  coreCounts,
  plainLayout,
  predict,
  type ScrTraffic,
  scrLimits,
  scrTraffics,
  sequencerFigures,
  simulate,
  techniques,
  workloadOf,
} from '../../scr/index.js';
import { type ScrTable, TableBuilder } from './rows.js';

/** Bytes of an item as published: all packets, TCP only, and what 14 cores of all packets come to. */
const published = [
  ['DDoS mitigator', 6, 4, 92],
  ['heavy hitter', 21, 18, 287],
  ['token bucket', 25, 18, 339],
  ['port knocking', 8, 8, 118],
  ['TCP connection tracking', 30, 30, 404],
] as const;

/** Costs that plots and tables of techniques are made for, ns; assumed. */
const modelCosts = { t: 110, c1: 60, c2: 12, ...assumedSharing };
const modelMetadata = 18;

const digits = (value: number): string => (Number.isFinite(value) ? value.toFixed(value < 10 ? 2 : 1) : '-');

function cardOf(): NonNullable<ReturnType<typeof shippedCard>> {
  const card = shippedCard('pipeline');
  if (card === undefined) throw new InternalError('scr', 'no card `pipeline`');
  return card;
}

/** Bytes, rows and rates of the published programs. */
export function sequencerTable(): ScrTable {
  const table = new TableBuilder('sequencer', 'sequencer (model): packets of 64 bytes on the wire, card `pipeline`', [
    'program',
    'B an item',
    'cores',
    'added B',
    'rows',
    'stage Mpps',
    'wire Mpps',
    'PCIe Mpps',
    'line rate',
    'result',
  ]);
  for (const [program, all, , at14] of published)
    for (const cores of [2, 8, 14, 64]) {
      const layout = plainLayout(all, cores);
      const made = sequencerFigures(cardOf(), layout, 60);
      const { added, rows, rowsThere, stage, wire, pcie, line } = made;
      const fits = rows <= rowsThere ? String(rows) : `${rows} of ${rowsThere}`;
      const cells = [program, all, cores, added, fits, digits(stage), digits(wire), digits(pcie), digits(line)];
      if (cores === 14) table.judge(added === at14, `${added} for ${at14} B`, ...cells);
      else table.tell(...cells);
    }
  return table.finish();
}

/** All techniques on all kinds of traffic. */
export function techniqueTable(packets: number, isQuick: boolean): ScrTable {
  const { t, c2, transfer } = modelCosts;
  const table = new TableBuilder(
    'techniques',
    `techniques, Mpps that cores take by formula (model; t ${t} ns, c2 ${c2} ns, a line from another core ${transfer} ns; assumed), and how far the simulation is from it`,
    ['traffic', 'cores', ...techniques, 'farthest %', 'result'],
  );
  const counts = isQuick ? [1, 2, 14] : coreCounts;
  for (const traffic of scrTraffics) {
    const workload = workloadOf(traffic, packets);
    for (const cores of counts) {
      const formula = techniques.map((technique) => predict(technique, modelCosts, workload, cores));
      const apart = techniques.map((technique, i) => {
        return 100 * (simulate(technique, modelCosts, workload, cores) / (formula[i] as number) - 1);
      });
      const farthest = apart.reduce((most, each) => (Math.abs(each) > Math.abs(most) ? each : most), 0);
      table.judge(
        Math.abs(farthest) < 1,
        `simulation and formula are ${farthest.toFixed(2)} % apart`,
        traffic.name,
        cores,
        ...formula.map(digits),
        farthest.toFixed(2),
      );
    }
  }
  return table.finish();
}

/** Which is best, behind wire and bus. */
export function choiceTable(packets: number): ScrTable {
  const table = new TableBuilder(
    'choice',
    `the best technique behind wire and bus of card \`pipeline\` (model; metadata of ${modelMetadata} B)`,
    ['traffic', 'mean B', ...[2, 8, 14, 64].map((cores) => `${cores} cores`)],
  );
  for (const traffic of scrTraffics) {
    const workload = workloadOf(traffic, packets);
    const input: ChoiceInput = {
      costs: modelCosts,
      workload,
      card: cardOf(),
      added: (cores) => addedBytes(plainLayout(modelMetadata, cores)),
      possible: techniques,
    };
    const best = [2, 8, 14, 64].map((cores) => {
      const row = choose(input, cores)[0];
      return row === undefined ? '' : `${row.technique} ${digits(row.mpps)} (${row.limit})`;
    });
    table.tell(traffic.name, Math.round(workload.meanLength), ...best);
  }
  return table.finish();
}

/** Where replication stops to pay, by bytes of an item. */
export function limitsTable(): ScrTable {
  const table = new TableBuilder(
    'limits',
    `where replication stops to pay: packets of 64 bytes, card \`pipeline\` (model; t ${modelCosts.t} ns, c2 ${modelCosts.c2} ns)`,
    ['program', 'B an item', 'best cores', 'Mpps there', 'wire limits from', 'PCIe limits from', 'half efficiency at'],
  );
  const workload = workloadOf(shortest, 100);
  for (const [program, metadata] of published) {
    const added = (cores: number): number => addedBytes(plainLayout(metadata, cores));
    const found = scrLimits({ costs: modelCosts, workload, card: cardOf(), added, possible: ['scr'] });
    const { best, wire, pcie, halfEfficiency } = found;
    table.tell(program, metadata, best.cores, digits(best.mpps), wire ?? '-', pcie ?? '-', halfEfficiency.toFixed(1));
  }
  return table.finish();
}

/** Packets of 64 bytes with their checksum. */
const shortest: ScrTraffic = { name: '64 bytes', options: { flows: 1, sizes: '60', protocols: { tcp: 1 } } };

/** Plots of docs/scr.md by file name. */
export function scrCharts(packets: number): ReadonlyMap<string, string> {
  const axis = { label: 'cores', scale: 'log', min: 1, max: 64, ticks: [1, 2, 4, 8, 16, 32, 64] } as const;
  const cores = Array.from({ length: 64 }, (_, i) => i + 1).filter((n) => n <= 16 || n % 4 === 0);
  const chosen = scrTraffics.filter(({ name }) => ['one flow', 'Zipf 1.1', 'campus'].includes(name));
  const byTechnique = lineChart({
    title: 'Packets that cores take, by technique (model, formula)',
    x: axis,
    y: { label: 'Mpps', scale: 'log', min: 5, max: 1000 },
    panels: chosen.map((traffic) => {
      const workload = workloadOf(traffic, packets);
      return {
        title: traffic.name,
        series: techniques.map((technique) => ({
          name: technique,
          points: cores.map((n) => [n, predict(technique, modelCosts, workload, n)] as const),
        })),
      };
    }),
  });
  const workload = workloadOf(shortest, 100);
  const rate = (metadata: number, n: number): number =>
    choiceRow(
      {
        costs: modelCosts,
        workload,
        card: cardOf(),
        added: (count) => addedBytes(plainLayout(metadata, count)),
        possible: ['scr'],
      },
      'scr',
      n,
    ).mpps;
  const byMetadata = lineChart({
    title: 'Replication behind wire and bus, packets of 64 bytes (model)',
    x: axis,
    y: { label: 'Mpps', scale: 'linear', min: 0, max: 50 },
    panels: [
      {
        title: 'by bytes of an item',
        series: [...new Set(published.map(([, all]) => all))]
          .sort((a, b) => a - b)
          .map((metadata) => ({
            name: `${metadata} B`,
            points: cores.map((n) => [n, rate(metadata, n)] as const),
          })),
      },
    ],
  });
  return new Map([
    ['techniques.svg', byTechnique],
    ['line-rate.svg', byMetadata],
  ]);
}
