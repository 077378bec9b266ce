/**
 * `npm run live -- [--kills N] [--rollbacks N] [--packets N] [--rounds N] [--quick]`: the running kernel's program
 * looked after, in a network namespace and on a veth pair made for it. Each row has what was measured beside what is
 * wanted: programs taken over by tag; decisions under changes at several rates, none of which may be stale (and one is
 * found where the watcher is made blind); swaps without a lost packet; sessions killed at any moment, after which
 * packets are decided right and the original comes back; versions that are taken back. Closes with
 * `N passed, N failed`.
 *
 * Sessions are processes of their own, so that they can be killed; this one is the control plane and the traffic. What
 * is stale is found by the program under test itself (table-program.ts): no clocks of two processes have to agree.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Bpf, KernelIds, KernelObject } from '../linux/index.js';
import { putBack, takeTags } from '../live/index.js';
import { readObject } from '../object/index.js';
import { formatNumber, formatTable } from '../text/index.js';
import { Field, type FieldCounts } from './live/field.js';
import { figure, figureSubjects, localities } from './live/figures.js';
import { negativeIf, numberFlag, runTool } from './tool.js';

const usage = 'npm run live -- [--kills N] [--rollbacks N] [--packets N] [--rounds N] [--quick]';
/** Set in the process that runs within the new network namespace. */
const inside = 'JITNIC_LIVE_INSIDE';
/** Seconds that a version is waited for: other work may hold it up. */
const patience = 60;
const rows: (readonly [string, string, string, string])[] = [];
let passed = 0;
let failed = 0;

/** Each row is told at once on standard error, and in the table at the end: a full campaign is long. */
function row(what: string, measured: string, wanted: string, isGood: boolean): void {
  if (isGood) passed++;
  else failed++;
  rows.push([what, measured, wanted, isGood ? 'ok' : 'FAIL']);
  console.error(`${isGood ? 'ok  ' : 'FAIL'} ${what}: ${measured} (wanted: ${wanted})`);
}

/** All examples, from the kernel alone. */
function takenOver(): void {
  const bpf = Bpf.open();
  const ids = new KernelIds();
  const folder = fileURLToPath(new URL('../../examples/', import.meta.url));
  let [programs, equal] = [0, 0];
  for (const name of readdirSync(folder)) {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(`${folder}${name}/${name}.o`);
    } catch {
      continue;
    }
    const kernel = KernelObject.load(bpf, readObject(bytes, { name }));
    for (const { loaded } of kernel.programs) {
      if (!('fd' in loaded)) continue;
      programs++;
      const tags = takeTags(bpf, ids, ids.program(loaded.fd).id);
      if (tags.recovered.includes(tags.kernel)) equal++;
    }
    kernel.close();
  }
  row(
    'programs of the examples taken over, tags equal',
    `${equal} of ${programs}`,
    'all',
    equal === programs && equal > 9,
  );
}

/** Does the session say that a version runs? From its file, as a person would see it. */
const isSpecialised = (field: Field) => (): boolean => field.place.read()?.view.running === 'specialised';

/** Changes at several rates under traffic; each packet says how new its answer has to be. */
async function staleDecisions(field: Field, packets: number): Promise<void> {
  // Without patience for maps that change: versions are made again and again, as often as they are ended.
  const keeper = field.look({ period: 0.02, wait: 0, budget: 1 });
  await field.traffic(patience, isSpecialised(field));
  for (const rate of [1, 100, 10_000]) {
    const before = await field.settled();
    const from = performance.now();
    const start = field.sent;
    let changes = 0;
    while (field.sent - start < packets / 3) {
      await field.traffic(
        0.05,
        () => false,
        () => {
          // As many as are due, of keys that packets ask for.
          const due = Math.floor(((performance.now() - from) / 1000) * rate);
          for (let i = 0; i < 20 && changes < due; i++) field.bump(changes++ % 2);
        },
      );
    }
    const after = await field.settled();
    const stale = after.stale - before.stale;
    const sent = formatNumber(field.sent - start);
    row(
      `stale decisions, changes at ${rate}/s`,
      `${stale} of ${sent} (${changes} changes)`,
      '0',
      stale === 0 && after.missing === 0,
    );
  }
  const made = field.journal().filter(({ kind }) => kind === 'swapped').length;
  row('versions under changes', String(made), 'some', made > 1);
  const counts = await field.settled();
  row('packets lost over all swaps', String(field.sent - sum(counts)), '0', field.sent === sum(counts));
  keeper.kill('SIGTERM');
  await once(keeper, 'exit');
  row(
    'after SIGTERM the original',
    field.attached() === field.programId ? 'is back' : 'is not back',
    'is back',
    field.attached() === field.programId,
  );
}

/** The checker has to find stale decisions where the watcher sees nothing. */
async function blindWatcher(field: Field): Promise<void> {
  const keeper = field.look({ period: 0.05, wait: 0, budget: 1 });
  await field.traffic(patience, isSpecialised(field));
  keeper.kill('SIGKILL');
  await once(keeper, 'exit');
  const before = await field.settled();
  // The pins are what keeps the watcher: without them nothing sees the change.
  field.place.clearPins(['enter', 'exit']);
  await new Promise((done) => setTimeout(done, 200));
  for (const key of [0, 1]) {
    field.bump(key);
    field.send(key, 20);
  }
  const { stale } = await field.settled();
  row('stale decisions with the watcher blinded', String(stale - before.stale), 'some', stale > before.stale);
  const state = field.place.read();
  if (state !== undefined) putBack(field.bpf, field.ids, field.place, state);
}

/** Killed at any moment: packets are decided right, also after a change, and the original comes back. */
async function kills(field: Field, count: number): Promise<void> {
  let [right, back, specialised] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const keeper = field.look({ period: 0.02, wait: 0, budget: 1 });
    await field.traffic(patience, () => field.place.read() !== undefined);
    // Every other one once a version runs, the others at some time before.
    if (i % 2 === 0) await field.traffic(patience, isSpecialised(field));
    else await field.traffic(0.02 * (i % 50), () => false);
    keeper.kill('SIGKILL');
    await once(keeper, 'exit');
    if (field.attached() !== field.programId) specialised++;
    const before = await field.settled();
    const start = field.sent;
    for (let key = 0; key < 4; key++) {
      field.send(key);
      field.bump(key);
      field.send(key);
    }
    const after = await field.settled();
    if (after.fresh - before.fresh === field.sent - start && after.stale === before.stale) right++;
    const state = field.place.read();
    if (state !== undefined) putBack(field.bpf, field.ids, field.place, state);
    if (field.attached() === field.programId) back++;
  }
  row(
    'kill -9: packets decided right afterwards',
    `${right} of ${count} (${specialised} with a version)`,
    'all',
    right === count,
  );
  row('kill -9: the original comes back', `${back} of ${count}`, 'all', back === count);
}

/** Versions that are measured slower than they may be (nothing is allowed here) are taken back, without a loss. */
async function rollbacks(field: Field, count: number): Promise<void> {
  const keeper = field.look({ period: 0.02, wait: 0, budget: 1, tolerance: 0 });
  const done = (): boolean => field.journal().filter(({ kind }) => kind === 'rolled back').length >= count;
  await field.traffic(patience + 3 * count, done);
  keeper.kill('SIGTERM');
  await once(keeper, 'exit');
  const made = field.journal().filter(({ kind }) => kind === 'rolled back').length;
  const counts = await field.settled();
  row('versions taken back', String(made), `${count}`, made >= count);
  row(
    'packets lost over them',
    String(field.sent - sum(counts)),
    '0',
    sum(counts) === field.sent && counts.stale === 0,
  );
  row(
    'the original',
    field.attached() === field.programId ? 'is back' : 'is not back',
    'is back',
    field.attached() === field.programId,
  );
}

/** Examples before and after, with the spread over rounds; only ratios mean something on a busy machine. */
function figures(rounds: number): void {
  if (rounds === 0) return;
  const bpf = Bpf.open();
  const ids = new KernelIds();
  for (const subject of figureSubjects) {
    for (const locality of localities) {
      const { originalNs, versionNs, notesNs, ratios, sites, makeMs, differences } = figure(
        bpf,
        ids,
        subject,
        locality,
        rounds,
      );
      const sorted = [...ratios].sort((a, b) => a - b);
      const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
      // Where no site is worth it the original runs on, and there is nothing to compare.
      const gain = sites === 0 ? 1 : at(0.5);
      const wanted = locality === 'high' ? subject.high : subject.none;
      const spread = `${at(0.25).toFixed(2)} to ${at(0.75).toFixed(2)}`;
      const words =
        sites === 0
          ? 'left alone'
          : `${gain.toFixed(2)} (${spread}), ${originalNs.toFixed(0)} -> ${versionNs.toFixed(0)} ns, with notes ${notesNs.toFixed(0)}, ${sites} sites, made in ${makeMs.toFixed(0)} ms`;
      row(
        `${subject.name}, ${locality} locality: times as fast`,
        words,
        `${wanted}`,
        gain >= wanted && differences === 0,
      );
    }
  }
}

/** From the journal: how long versions and swaps took. Wall-clock, so of use on an idle machine only. */
function times(field: Field): void {
  const found = field.journal().flatMap(({ kind, what }) => {
    const [, made, swap] = /in (\d+) ms, swap ([\d.]+) ms/.exec(kind === 'swapped' ? what : '') ?? [];
    return made === undefined ? [] : [{ made: Number(made), swap: Number(swap) }];
  });
  const median = (values: readonly number[]): number =>
    [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  const made = median(found.map((each) => each.made));
  const swap = median(found.map((each) => each.swap));
  console.log(`median of ${found.length} versions, wall clock: made in ${made} ms, swapped in ${swap} ms\n`);
}

/** All packets that were decided: what is missing from those sent was lost. */
const sum = ({ fresh, stale, missing }: FieldCounts): number => fresh + stale + missing;

await runTool(
  usage,
  {
    kills: { type: 'string' },
    rollbacks: { type: 'string' },
    packets: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean' },
  },
  async (_, flags) => {
    if (process.env[inside] === undefined) {
      const again = [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
      const { status } = spawnSync('unshare', ['-n', process.execPath, ...again], {
        stdio: 'inherit',
        env: { ...process.env, [inside]: '1' },
      });
      return status ?? 1;
    }
    const isQuick = flags['quick'] === true;
    takenOver();
    figures(numberFlag(flags, 'rounds', isQuick ? 0 : 16));
    const packets = numberFlag(flags, 'packets', isQuick ? 200_000 : 10_000_000);
    for (const part of [
      (field: Field) => staleDecisions(field, packets),
      blindWatcher,
      (field: Field) => kills(field, numberFlag(flags, 'kills', isQuick ? 4 : 200)),
      (field: Field) => rollbacks(field, numberFlag(flags, 'rollbacks', isQuick ? 2 : 200)),
    ]) {
      const field = new Field();
      await part(field);
      times(field);
      field.close();
    }
    console.log(formatTable([{ title: 'what' }, { title: 'measured' }, { title: 'wanted' }, { title: '' }], rows));
    console.log(`${passed} passed, ${failed} failed`);
    return negativeIf(failed);
  },
);
