// `npm run mutants -- [--seed N[@COMMIT],...] [--count M,...] [--part I/N] [--jobs J] [--rooms a,b] [--only FILE:LINE]
// [--lived FILE] [--done FILE] [--before FILE] [--tests a,b] [--times FILE [--up-to MS] [--above MS]] [--most MS]
// [--reach FILE] [--alone] [--list]`: do the tests see? Changes one operator of the sources at a time (`<` for `<=`,
// `&&` for `||`, `+ 1` for `+ 2`, `===` for `!==`, a negated condition) and runs the tests that come by; a mutant that
// all of them pass has lived. Places are drawn at random from the seed, rooms alike by their number of places.
// `12@COMMIT` draws from the sources as they were then and looks for each place in those of today, so that a sample
// stays the same while sources are mended; what is no longer there is said.
//
// Mutants that were shown to do what the source does (`scripts/mutants/equivalent.json`, with the reason) are told
// apart and count neither way.
//
// First all tests (or those whose names contain one of `--tests`) run once with a probe at each place, which says who
// comes by, and that they pass. `--reach FILE` keeps that: later runs ask new places and files of tests that changed.
// So `--part 1/4`, `2/4`, ... can do a quarter of the mutants each. A mutant then meets its tests from the nearest to
// the farthest (the test of the file, those of its folder, those of its room) and from the shortest to the longest;
// `--before OUTPUT` asks first what killed it in an earlier run, as the kept output has it.
//
// At first mutants meet nearby tests many in one process, behind switches (`mutants/together.mjs`); who lives there
// meets its tests once more by itself. `--alone`: all do so from the start.
//
// A campaign is cheaper in two rounds: `--times FILE --up-to 4000` asks only test files that take so long at most
// (FILE is a report of vitest's, `--reporter=json`), and what lived then, as it stands in the kept output, meets the
// others: `--lived OUTPUT --times FILE --above 4000`. `--most MS` ends a mutant's round after tests that take so long.
// What was broken off goes on with `--done OUTPUT`: mutants that have a row there are left out.
//
// A mutant under which tests run ten times as long as they do and half a minute more has died if the same tests then
// end in a third of that time without it; else nothing is known, and it has lived.
//
// Each job works in a clone of its own: the sources as they are here, uncommitted changes included, with node_modules
// and dist beside them by link. What a test finds in dist (the built command line) is what was built last, not the
// mutant: a mutant that nothing but such a test could see counts as one that lived.
//
// A row a mutant, `N killed, M lived, K equivalent` at the end, with the mutants that lived once more; exit 1 if fewer
// than 95 of 100 of those that are not equivalent died.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { batchesOf } from './mutants/order.mjs';
import { mutated } from './mutants/places.mjs';
import { keptReach, testFiles } from './mutants/reach.mjs';
import { endRunners, runTests } from './mutants/run-tests.mjs';
import { allPlaces, sampleOf } from './mutants/sample.mjs';
import { killedTogether } from './mutants/together.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const usualRooms = ['trace', 'runtime', 'opt', 'verifier', 'jit', 'cache', 'vm'];
/** Share of the mutants that have to die. */
const wanted = 0.95;
/** Mutants that do what the source does: `{ name, mark, why }`, with the mark that sample.mjs gives a place. */
const equivalent = JSON.parse(readFileSync(join(root, 'scripts/mutants/equivalent.json'), 'utf8'));

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '20' },
    part: { type: 'string', default: '1/1' },
    jobs: { type: 'string', default: '1' },
    rooms: { type: 'string', default: usualRooms.join(',') },
    only: { type: 'string' },
    lived: { type: 'string' },
    done: { type: 'string' },
    before: { type: 'string' },
    tests: { type: 'string', default: '' },
    times: { type: 'string' },
    'up-to': { type: 'string', default: 'Infinity' },
    above: { type: 'string', default: '0' },
    most: { type: 'string', default: 'Infinity' },
    reach: { type: 'string' },
    alone: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

function clone(number) {
  const folder = mkdtempSync(join(tmpdir(), `jitnic-mutants-${number}-`));
  const tracked = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  for (const name of tracked.stdout.trim().split('\n')) cpSync(join(root, name), join(folder, name));
  symlinkSync(join(root, 'dist'), join(folder, 'dist'));
  // What vitest keeps in node_modules is its own for each folder: another one that runs there empties it.
  const packages = join(folder, 'node_modules');
  mkdirSync(packages);
  for (const name of readdirSync(join(root, 'node_modules')))
    if (!/^\..*vite/.test(name)) symlinkSync(join(root, 'node_modules', name), join(packages, name));
  return folder;
}

/** Test files to run, as names or parts of them; none: all. */
function askedTests() {
  const parts = flags.tests.split(',').filter(Boolean);
  if (flags.times === undefined) return parts;
  const { testResults } = JSON.parse(readFileSync(flags.times, 'utf8'));
  const took = new Map(
    testResults.map(({ name, startTime, endTime }) => [name.match(/(src|test)\/.*$/)[0], endTime - startTime]),
  );
  const isAsked = (ms) => ms <= Number(flags['up-to']) && ms > Number(flags.above);
  // One that the report does not know is new, and taken for short.
  return testFiles(root, parts).filter((name) => isAsked(took.get(name) ?? 1));
}

/** The first of the tests that fails, undefined where none does. `restore`: puts the source back as it was. */
async function killer(folder, place, { names, tests, first, restore }) {
  for (const batch of batchesOf(names, tests, place, { first, most: Number(flags.most) })) {
    const usual = batch.reduce((sum, name) => sum + tests[name], 0);
    const minutes = 0.5 + usual / 6000;
    const { files, hangs, failed, why } = await runTests(folder, batch, { changed: [place.name], bail: true, minutes });
    if (hangs) {
      restore();
      const start = performance.now();
      const without = await runTests(folder, batch, { changed: [place.name], bail: true, minutes });
      return without.failed || performance.now() - start > minutes * 20_000 ? undefined : '(hangs)';
    }
    const found = files.find((file) => file.failed !== undefined);
    if (found !== undefined) return `${found.name}: ${found.failed}`;
    if (failed) return `(vitest: ${why})`;
  }
  return undefined;
}

// What was started ends with this.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    endRunners();
    process.exit(130);
  });
}

const shown = ({ name, line, was, becomes }) => `${name}:${line}  \`${was}\` -> \`${becomes}\``;

const rowsOf = (file) => (file === undefined ? [] : readFileSync(file, 'utf8').split('\n'));

/** The test file that killed a mutant in an earlier run. */
function killedBefore(rows, place) {
  const row = rows.findLast((text) => text.startsWith('killed') && text.includes(`  ${shown(place)}  `));
  return row?.match(/ s {2}((?:src|test)\/\S*\.test\.ts): /)?.[1];
}

const whyEquivalent = (place) => equivalent.find(({ name, mark }) => name === place.name && mark === place.mark)?.why;

function tell(rows, row) {
  rows.push(row);
  const { place, by, why, seconds = 0, comeBy } = row;
  const word = why !== undefined ? 'same  ' : by === undefined ? 'LIVED ' : 'killed';
  console.log(`${word}  ${shown(place)}  ${seconds} s  ${why ?? by ?? `${comeBy} test files come by`}`);
}

/** Mutants one by one, each in its own source. */
async function work(folder, queue, { reached, tests }, rows) {
  const before = rowsOf(flags.before);
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const [number, place] = next;
    const path = join(folder, place.name);
    const text = readFileSync(path, 'utf8');
    const restore = () => writeFileSync(path, text);
    writeFileSync(path, mutated(text, place));
    const start = performance.now();
    const first = killedBefore(before, place);
    const by = await killer(folder, place, { names: reached[number], tests, first, restore });
    restore();
    const seconds = Math.round((performance.now() - start) / 1000);
    tell(rows, { place, by, seconds, comeBy: reached[number].length });
  }
}

/** Leaves in the queue what is neither equivalent nor dies among others in one process. */
async function firstRound(folder, queue, { reached, tests }, rows) {
  const left = [];
  for (const [number, place] of queue) {
    const why = whyEquivalent(place);
    if (why === undefined) left.push([number, place]);
    else tell(rows, { place, why });
  }
  if (flags.alone) return left;
  const places = new Map(left);
  const dead = await killedTogether(folder, left, {
    namesOf: (number) => reached[number],
    tests,
    tell: (number, by) => tell(rows, { place: places.get(number), by }),
  });
  return left.filter(([number]) => !dead.has(number));
}

function choose(places) {
  if (flags.only !== undefined)
    return { chosen: places.filter(({ name, line }) => `${name}:${line}`.endsWith(flags.only)), gone: [] };
  const sample = sampleOf(root, rooms, places, { seeds: flags.seed, counts: flags.count });
  if (flags.lived === undefined) return sample;
  // Two places of a line may read alike: then both are asked again.
  const lived = rowsOf(flags.lived).filter((row) => row.startsWith('LIVED'));
  return { chosen: sample.chosen.filter((place) => lived.some((row) => row.includes(`${shown(place)}  `))), gone: [] };
}

const rooms = flags.rooms.split(',');
const all = allPlaces(root, rooms);
const { chosen, gone } = choose(all);
const files = new Set(all.map(({ name }) => name)).size;
console.log(`${chosen.length} of ${all.length} places in ${files} files, seed ${flags.seed}`);
for (const place of gone) console.log(`no longer there: ${shown(place)}`);
if (flags.list) for (const place of chosen) console.log(shown(place));
else {
  const rows = [];
  const folders = Array.from({ length: Math.max(1, Number(flags.jobs)) }, (_, i) => clone(i));
  try {
    const found = await keptReach(folders[0], chosen, askedTests(), flags.reach);
    for (const failed of found.failed) console.log(`judges nothing, since it fails without a mutant: ${failed}`);
    const [part, of] = flags.part.split('/').map(Number);
    const done = rowsOf(flags.done);
    const queue = [...chosen.entries()]
      .filter(([number]) => number % of === part - 1)
      .filter(([, place]) => !done.some((row) => row.includes(`  ${shown(place)}  `)));
    const left = await firstRound(folders[0], queue, found, rows);
    await Promise.all(folders.map((folder) => work(folder, left, found, rows)));
  } finally {
    endRunners();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
  const judged = rows.filter(({ why }) => why === undefined);
  const lived = judged.filter(({ by }) => by === undefined);
  console.log('');
  for (const { place } of lived) console.log(`lived: ${shown(place)}`);
  const killed = judged.length - lived.length;
  console.log(`${killed} killed, ${lived.length} lived, ${rows.length - judged.length} equivalent`);
  if (killed < wanted * judged.length) process.exitCode = 1;
}
