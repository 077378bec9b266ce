/**
 * `npm run scr -- [--quick] [--page FILE] [--packets N] [--replicated N] [--seed N]`: state-compute replication in
 * tables, each of which closes with rows that pass or fail: metadata and examples, equality with the sequential run in
 * our engines and in the kernel (`--replicated`: packets of each program and traffic, over 1 to 14 cores), loss
 * recovery in all its ways, with rules broken, and under random losses; the sequencer's bytes, rows and rates;
 * techniques by formula and by simulation. `--page docs/scr.md` writes the tables between their marks, and the plots
 * beside it. Closes with `N passed, N failed`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Bpf } from '../linux/index.js';
import { choiceTable, limitsTable, scrCharts, sequencerTable, techniqueTable } from './scr/model-rows.js';
import { recoveryBroken, recoveryLosses, recoveryWorlds } from './scr/recovery-rows.js';
import { engineRows, exampleRows, kernelRows, metadataRows } from './scr/replication-rows.js';
import { type ScrTable, tableText } from './scr/rows.js';
import { negativeIf, numberFlag, runTool } from './tool.js';

const usage = 'npm run scr -- [--quick] [--page FILE] [--packets N] [--replicated N] [--seed N]';

/** What stands between a table's marks is made here. */
function writePage(file: string, tables: readonly ScrTable[], charts: ReadonlyMap<string, string>): void {
  const made = new Map(tables.map((table) => [table.name, tableText(table)]));
  const text = readFileSync(file, 'utf8').replace(
    /<!-- table: (\w+) -->\n[\s\S]*?<!-- end -->/g,
    (old, name: string) => {
      const table = made.get(name);
      if (table === undefined) return old;
      return `<!-- table: ${name} -->\n\n    ${table.trimEnd().replaceAll('\n', '\n    ')}\n\n<!-- end -->`;
    },
  );
  writeFileSync(file, text.replace(/[ \t]+$/gm, ''));
  const folder = join(dirname(file), 'scr');
  mkdirSync(folder, { recursive: true });
  for (const [name, svg] of charts) writeFileSync(join(folder, name), svg);
}

await runTool(
  usage,
  {
    quick: { type: 'boolean' },
    page: { type: 'string' },
    packets: { type: 'string' },
    replicated: { type: 'string' },
    seed: { type: 'string' },
  },
  async (_, flags) => {
    const isQuick = flags['quick'] === true;
    const packets = numberFlag(flags, 'packets', isQuick ? 100_000 : 1_000_000);
    const seed = numberFlag(flags, 'seed', 1);
    const modelled = isQuick ? 65_536 : 131_072;
    const tables: ScrTable[] = [];
    const show = (table: ScrTable): void => {
      tables.push(table);
      console.log(tableText(table));
    };
    show(metadataRows());
    show(await exampleRows());
    // A million packets of each program and traffic are hours: `--replicated` says how many.
    const replicated = numberFlag(flags, 'replicated', isQuick ? 280 : 14_000);
    show(engineRows(replicated));
    show(kernelRows(Bpf.tryOpen(), isQuick ? 100 : 2000));
    show(recoveryWorlds(isQuick));
    show(recoveryBroken());
    show(recoveryLosses(packets, seed));
    show(sequencerTable());
    show(techniqueTable(modelled, isQuick));
    show(choiceTable(modelled));
    show(limitsTable());
    if (typeof flags['page'] === 'string') writePage(flags['page'], tables, scrCharts(modelled));
    const judged = tables.reduce((sum, table) => sum + table.judged, 0);
    const failed = tables.reduce((sum, { failures }) => sum + failures.length, 0);
    console.log(`${judged - failed} passed, ${failed} failed`);
    return negativeIf(failed);
  },
);
