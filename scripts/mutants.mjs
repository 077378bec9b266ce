// `npm run mutants -- [--seed N] [--count M] [--part I/N] [--jobs J] [--rooms a,b] [--only FILE:LINE] [--lived FILE]
// [--done FILE] [--tests a,b] [--times FILE [--up-to MS] [--above MS]] [--most MS] [--reach FILE] [--list]`: do the
// tests see? Changes one operator of the sources at a time (`<` for `<=`, `&&` for `||`, `+ 1` for `+ 2`, `===` for
// `!==`, a negated condition) and runs the tests that come by; a mutant that all of them pass has lived. Places are
// drawn at random from the seed, rooms alike by their number of places.
//
// First all tests (or those whose names contain one of `--tests`) run once with a probe at each place, which says who
// comes by, and that they pass; `--reach FILE` keeps that (for the same places and tests), so that `--part 1/4`,
// `2/4`, ... can do a quarter of the mutants each. A mutant then meets its tests from the shortest to the longest,
// those of its own room first.
//
// A campaign is cheaper in two rounds: `--times FILE --up-to 4000` asks only test files that take so long at most (FILE
// is a report of vitest's, `--reporter=json`), and what lived then, as it stands in the kept output, meets the others:
// `--lived OUTPUT --times FILE --above 4000`. `--most MS` ends a mutant's round after tests that take so long. What was
// broken off goes on with `--done OUTPUT`: mutants that have a row there are left out.
//
// Each job works in a clone of its own: the sources as they are here, uncommitted changes included, with node_modules
// and dist beside them by link. What a test finds in dist (the built command line) is what was built last, not the
// mutant: a mutant that nothing but such a test could see counts as one that lived.
//
// A row a mutant, `N killed, M lived` at the end, with the mutants that lived once more; exit 1 if fewer than 95 of
// 100 died.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutated, placesOf } from './mutants/places.mjs';
import { reachOf } from './mutants/reach.mjs';
import { endRunners, runTests } from './mutants/run-tests.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const usualRooms = ['trace', 'runtime', 'opt', 'verifier', 'jit', 'cache', 'vm'];
/** Share of the mutants that have to die. */
const wanted = 0.95;
/** Test files that run together take this many milliseconds at first, and three times as many each time. */
const firstBatch = 2000;

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
    tests: { type: 'string', default: '' },
    times: { type: 'string' },
    'up-to': { type: 'string', default: 'Infinity' },
    above: { type: 'string', default: '0' },
    most: { type: 'string', default: 'Infinity' },
    reach: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

/** Numbers below 2^32 from a seed (xorshift32 on a scrambled seed). */
function random(seed) {
  let state = (Math.imul(seed, 2654435761) ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

function drawn(places, count, seed) {
  const next = random(seed);
  const left = [...places];
  const chosen = [];
  while (chosen.length < count && left.length > 0) chosen.push(...left.splice(next() % left.length, 1));
  return chosen;
}

function clone(number) {
  const folder = mkdtempSync(join(tmpdir(), `jitnic-mutants-${number}-`));
  const tracked = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  for (const name of tracked.stdout.trim().split('\n')) cpSync(join(root, name), join(folder, name));
  for (const name of ['node_modules', 'dist']) symlinkSync(join(root, name), join(folder, name));
  return folder;
}

/** Test files to run, as names or parts of them; none: all. */
function askedTests() {
  const parts = flags.tests.split(',').filter(Boolean);
  if (flags.times === undefined) return parts;
  const { testResults } = JSON.parse(readFileSync(flags.times, 'utf8'));
  return testResults
    .filter(({ startTime, endTime }) => endTime - startTime <= Number(flags['up-to']))
    .filter(({ startTime, endTime }) => endTime - startTime > Number(flags.above))
    .map(({ name }) => name.match(/(src|test)\/.*$/)[0])
    .filter((name) => existsSync(join(root, name)))
    .filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)));
}

/** Who comes by which place: as kept, where it is of these places and tests. */
async function reach(folder, places) {
  const tests = askedTests();
  const of = JSON.stringify([places.map(shown), tests]);
  if (flags.reach !== undefined && existsSync(flags.reach)) {
    const kept = JSON.parse(readFileSync(flags.reach, 'utf8'));
    if (kept.of === of) return kept;
  }
  const found = { of, ...(await reachOf(folder, places, tests)) };
  if (flags.reach !== undefined) writeFileSync(flags.reach, JSON.stringify(found));
  return found;
}

/** Test files in the order in which a mutant meets them, in batches that take ever longer. */
function batchesOf(names, tests, { name }) {
  const room = name.split('/').slice(0, 2).join('/');
  // Starting costs the same for all, so a tenth of a second more or less says nothing.
  const weight = (test) => (100 + tests[test]) * (test.startsWith(`${room}/`) ? 0.2 : 1);
  const batches = [];
  let [left, limit, most] = [0, firstBatch, Number(flags.most)];
  for (const test of names.toSorted((a, b) => weight(a) - weight(b))) {
    if (most <= 0) break;
    most -= tests[test];
    if (left <= 0) {
      batches.push([]);
      left = limit;
      limit *= 3;
    }
    batches.at(-1).push(test);
    left -= 100 + tests[test];
  }
  return batches;
}

/** The first of the tests that fails, undefined where none does. */
async function killer(folder, place, names, tests) {
  for (const batch of batchesOf(names, tests, place)) {
    const usual = batch.reduce((sum, name) => sum + tests[name], 0);
    const asked = { changed: [place.name], bail: true, minutes: 2 + usual / 6000 };
    const { files, hangs, failed, why } = await runTests(folder, batch, asked);
    if (hangs) return '(hangs)';
    const first = files.find((file) => file.failed !== undefined);
    if (first !== undefined) return `${first.name}: ${first.failed}`;
    if (failed) return `(vitest: ${why})`;
  }
  return undefined;
}

const shown = ({ name, line, was, becomes }) => `${name}:${line}  \`${was}\` -> \`${becomes}\``;

async function work(folder, queue, { reached, tests }, rows) {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const [number, place] = next;
    const path = join(folder, place.name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, mutated(text, place));
    const start = performance.now();
    const by = await killer(folder, place, reached[number], tests);
    writeFileSync(path, text);
    rows.push({ place, by });
    const seconds = Math.round((performance.now() - start) / 1000);
    const end = by ?? `${reached[number].length} test files come by`;
    console.log(`${by === undefined ? 'LIVED ' : 'killed'}  ${shown(place)}  ${seconds} s  ${end}`);
  }
}

function choose(places) {
  if (flags.only !== undefined) return places.filter(({ name, line }) => `${name}:${line}`.endsWith(flags.only));
  if (flags.lived !== undefined) {
    const rows = readFileSync(flags.lived, 'utf8').split('\n');
    // Two places of a line may read alike: then both are asked again.
    return places.filter((place) => rows.some((row) => row.startsWith('LIVED') && row.includes(`${shown(place)}  `)));
  }
  return drawn(places, Number(flags.count), Number(flags.seed));
}

const sources = flags.rooms
  .split(',')
  .flatMap((room) => readdirSync(join(root, 'src', room), { recursive: true }).map((name) => `src/${room}/${name}`))
  .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|testing|\/index\.ts$/.test(name))
  .sort();
const all = sources.flatMap((name) => placesOf(name, readFileSync(join(root, name), 'utf8')));
const chosen = choose(all);
console.log(`${chosen.length} of ${all.length} places in ${sources.length} files, seed ${flags.seed}`);
if (flags.list) for (const place of chosen) console.log(shown(place));
else {
  const rows = [];
  const folders = Array.from({ length: Math.max(1, Number(flags.jobs)) }, (_, i) => clone(i));
  try {
    const found = await reach(folders[0], chosen);
    for (const failed of found.failed) console.log(`judges nothing, since it fails without a mutant: ${failed}`);
    const [part, of] = flags.part.split('/').map(Number);
    const done = flags.done === undefined ? [] : readFileSync(flags.done, 'utf8').split('\n');
    const queue = [...chosen.entries()]
      .filter(([number]) => number % of === part - 1)
      .filter(([, place]) => !done.some((row) => row.includes(`  ${shown(place)}  `)));
    await Promise.all(folders.map((folder) => work(folder, queue, found, rows)));
  } finally {
    endRunners();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
  const lived = rows.filter(({ by }) => by === undefined);
  console.log('');
  for (const { place } of lived) console.log(`lived: ${shown(place)}`);
  console.log(`${rows.length - lived.length} killed, ${lived.length} lived`);
  if (rows.length - lived.length < wanted * rows.length) process.exitCode = 1;
}
