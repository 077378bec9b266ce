/**
 * Many mutants in one process: the sources hold all of them, each behind a switch, and a test file is read and run
 * once for each mutant that it may kill. That costs what its tests cost, where a mutant by itself costs starting a
 * worker and reading all that the tests import.
 *
 * Only a first round: what a module has worked out while it was loaded, or keeps for the next who asks, is not the
 * mutant's. So mutants at load are left to the second round, as are operators that bind otherwise, and who lives here
 * meets its tests there once more, by itself. At the end of each file its tests run without a mutant: what is dead by
 * a file that fails then is not.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { batchesOf, weightOf } from './order.mjs';
import { regroups, switched } from './places.mjs';
import { endRunners, runTests } from './run-tests.mjs';

/** A mutant that says nothing for so long hangs. */
const silence = 180_000;
/** What a row says of a mutant that hung: the second round looks at it by itself. */
const hanging = 'hangs';
/** Tests of so many milliseconds at most are tried on a mutant here. */
const mostEach = 3000;

const driver = ({ test, numbers, log }) => `
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
const log = (row: object): void => appendFileSync(${JSON.stringify(log)}, JSON.stringify(row) + '\\n');
const rows = (): any[] =>
  existsSync(${JSON.stringify(log)})
    ? readFileSync(${JSON.stringify(log)}, 'utf8').split('\\n').filter(Boolean).map((row) => JSON.parse(row))
    : [];
(globalThis as any).reached ??= new Uint8Array(1 << 16);
const dead = new Set(rows().filter(({ by }) => by !== undefined).map(({ number }) => number));
for (const number of [...${JSON.stringify(numbers)}.filter((number: number) => !dead.has(number)), -1]) {
  describe(number + ' ' + ${JSON.stringify(test)}, async () => {
    let by: string | undefined;
    beforeAll(() => {
      log({ begin: number });
      (globalThis as any).mutant = number;
    });
    beforeEach((context) => {
      if (by !== undefined) context.skip();
    });
    afterEach(({ task }) => {
      if (task.result?.state === 'fail') by ??= task.name;
    });
    afterAll(() => {
      (globalThis as any).mutant = -1;
      log({ number, test: ${JSON.stringify(test)}, by });
    });
    (globalThis as any).mutant = number;
    try {
      await import(/* @vite-ignore */ '../../' + ${JSON.stringify(test)} + '?mutant=' + number);
    } catch (error) {
      by = 'does not load: ' + String(error).slice(0, 80);
      it('loads', () => undefined);
    }
    (globalThis as any).mutant = -1;
  });
}
`;

const rowsOf = (path) =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((row) => JSON.parse(row))
    : [];

/**
 * The numbers of the mutants (pairs of number and place) that die; each is told with who killed it. `namesOf(number)`:
 * test files that come by; `tests`: how long each takes.
 */
export async function killedTogether(clone, mutants, { namesOf, tests, tell }) {
  const isOwn = (place) => place.atLoad || regroups(readFileSync(join(clone, place.name), 'utf8'), place);
  const alive = mutants.filter(([, place]) => !isOwn(place));
  const pairs = new Map();
  for (const [number, place] of alive)
    for (const test of batchesOf(namesOf(number), tests, place, { most: mostEach }).flat())
      pairs.set(test, [...(pairs.get(test) ?? []), [number, weightOf(test, tests[test], place)]]);
  const log = join(clone, 'together.log');
  rmSync(log, { force: true });
  const folder = join(clone, 'test', 'together');
  mkdirSync(folder, { recursive: true });
  const texts = new Map();
  for (const name of new Set(alive.map(([, { name }]) => name))) {
    const path = join(clone, name);
    texts.set(path, readFileSync(path, 'utf8'));
    writeFileSync(
      path,
      switched(
        texts.get(path),
        alive.filter(([, place]) => place.name === name),
      ),
    );
  }
  const names = [];
  const nearest = (test) => Math.min(...pairs.get(test).map(([, weight]) => weight));
  for (const [i, test] of [...pairs.keys()].toSorted((a, b) => nearest(a) - nearest(b)).entries()) {
    const name = `test/together/${String(i).padStart(4, '0')}.test.ts`;
    const numbers = pairs.get(test).map(([number]) => number);
    writeFileSync(join(clone, name), driver({ test, numbers, log }));
    names.push(name);
  }
  const changed = [...texts.keys()].map((path) => path.slice(clone.length + 1));
  const told = new Set();
  const look = () => {
    const rows = rowsOf(log);
    const good = new Set(rows.filter(({ number, by }) => number === -1 && by === undefined).map(({ test }) => test));
    for (const { number, test, by } of rows) {
      if (by === undefined || number < 0 || told.has(number) || !good.has(test)) continue;
      told.add(number);
      tell(number, `${test}: ${by}`);
    }
  };
  await untilQuiet(() => runTests(clone, names, { changed, bail: false, inOrder: true }), log, look);
  look();
  for (const [path, text] of texts) writeFileSync(path, text);
  rmSync(folder, { recursive: true });
  endRunners();
  return told;
}

/** Runs, and again without the mutant that hangs, for as long as one does. */
async function untilQuiet(run, log, look) {
  for (;;) {
    let hangs = false;
    const watch = setInterval(() => {
      look();
      if (!existsSync(log) || Date.now() - statSync(log).mtimeMs < silence) return;
      hangs = true;
      endRunners();
    }, 2000);
    await run();
    clearInterval(watch);
    const last = rowsOf(log).at(-1);
    if (!hangs || last?.begin === undefined) return;
    appendFileSync(log, `${JSON.stringify({ number: last.begin, test: '(hangs)', by: hanging })}\n`);
  }
}
