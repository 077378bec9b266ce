/**
 * Which test files come by which place, and how long they take: one run of the tests with a probe at each place. Most
 * of what a mutant would cost otherwise is tests that never see it.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { probed } from './places.mjs';
import { endRunners, runTests } from './run-tests.mjs';

const setup = 'test/support/setup.ts';

/**
 * What the tests' setup gets in addition. What is reached while a test file loads it reaches itself, as it prepares its
 * tests; only places that are outside of all functions are reached for all, since modules are loaded once for several
 * test files.
 */
const probes = (count, folder) => `
import { afterAll, expect } from 'vitest';
import { writeFileSync } from 'node:fs';
(globalThis as any).reached ??= new Uint8Array(${count});
const take = (): number[] => {
  const all: Uint8Array = (globalThis as any).reached;
  const numbers = [...all.keys()].filter((i) => all[i] === 1);
  all.fill(0);
  return numbers;
};
afterAll(() => {
  const file = expect.getState().testPath;
  const name = '${folder}/' + process.pid + '-' + process.hrtime.bigint() + '.json';
  writeFileSync(name, JSON.stringify({ file, reached: take() }));
});
`;

/**
 * A value: `tests`, milliseconds by test file; `reached`, test files by place, as lists of names; `failed`, files that
 * fail with the sources as they are (or with probes in them, as what reads sources does) and so can judge nothing.
 */
export async function reachOf(clone, places, filters) {
  const texts = new Map();
  for (const name of new Set(places.map(({ name }) => name))) {
    const found = [...places.entries()].filter(([, place]) => place.name === name);
    const path = join(clone, name);
    texts.set(path, readFileSync(path, 'utf8'));
    writeFileSync(path, probed(texts.get(path), found));
  }
  const folder = join(clone, 'reached');
  mkdirSync(folder);
  const path = join(clone, setup);
  texts.set(path, readFileSync(path, 'utf8'));
  appendFileSync(path, probes(places.length, folder));
  const { files } = await runTests(clone, filters, { bail: false });
  for (const [at, text] of texts) writeFileSync(at, text);
  endRunners();

  const reached = places.map(() => new Set());
  for (const name of readdirSync(folder)) {
    const { file, reached: numbers } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    for (const number of numbers) reached[number].add(file.replace(`${clone}/`, ''));
  }
  const good = files.filter(({ failed }) => failed === undefined);
  const tests = Object.fromEntries(good.map(({ name, ms }) => [name, ms]));
  return {
    tests,
    failed: files.filter(({ failed }) => failed !== undefined).map(({ name, failed }) => `${name}: ${failed}`),
    reached: places.map(({ atLoad }, number) =>
      (atLoad ? Object.keys(tests) : [...reached[number]]).filter((name) => name in tests),
    ),
  };
}
