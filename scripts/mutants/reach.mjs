/**
 * Which test files come by which place, and how long they take: one run of the tests with a probe at each place. Most
 * of what a mutant would cost otherwise is tests that never see it.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { probed } from './places.mjs';
import { endRunners, runTests } from './run-tests.mjs';
import { keyOf } from './sample.mjs';

const setup = 'test/support/setup.ts';

/**
 * What the tests' setup gets in addition. What is reached while a test file loads it reaches itself, as it prepares
 * its tests; only places that are outside of all functions are reached for all, since modules are loaded once for
 * several test files.
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
async function reachOf(clone, places, filters) {
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
  rmSync(folder, { recursive: true });
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

const hashOf = (path) => createHash('sha1').update(readFileSync(path)).digest('base64').slice(0, 8);

/** Test files that the filters (parts of names; none: all) mean. */
export function testFiles(clone, filters) {
  const found = ['src', 'test']
    .flatMap((room) => readdirSync(join(clone, room), { recursive: true }).map((name) => `${room}/${name}`))
    .filter((name) => name.endsWith('.test.ts'));
  return filters.length === 0 ? found : found.filter((name) => filters.some((filter) => name.includes(filter)));
}

/**
 * As `reachOf`, from what `file` has kept of earlier runs: `tests`, milliseconds by test file; `failed` by test file;
 * `places`, for each place and test file that was asked `+` or `-` and the file's hash. What a change of the sources
 * makes of who comes by where is not asked.
 */
export async function keptReach(clone, places, filters, file) {
  const kept = { places: {}, tests: {}, failed: {} };
  if (file !== undefined && existsSync(file)) Object.assign(kept, JSON.parse(readFileSync(file, 'utf8')));
  const hashes = Object.fromEntries(testFiles(clone, filters).map((name) => [name, hashOf(join(clone, name))]));
  const lacking = (place) => {
    const known = kept.places[keyOf(place)] ?? {};
    return Object.keys(hashes).filter((name) => known[name]?.slice(1) !== hashes[name]);
  };
  const alike = new Map();
  for (const place of places) {
    const names = lacking(place).join(' ');
    if (names !== '') alike.set(names, [...(alike.get(names) ?? []), place]);
  }
  for (const [joined, asked] of alike) {
    const names = joined.split(' ');
    const found = await reachOf(clone, asked, names);
    for (const name of names) delete kept.failed[name];
    for (const text of found.failed) kept.failed[text.split(':')[0]] = text;
    Object.assign(kept.tests, found.tests);
    for (const [number, place] of asked.entries()) {
      kept.places[keyOf(place)] ??= {};
      const known = kept.places[keyOf(place)];
      for (const name of names) known[name] = `${found.reached[number].includes(name) ? '+' : '-'}${hashes[name]}`;
    }
    if (file !== undefined) writeFileSync(file, JSON.stringify(kept));
  }
  const comesBy = (place) => (name) =>
    kept.places[keyOf(place)][name].startsWith('+') && kept.failed[name] === undefined;
  return {
    tests: kept.tests,
    failed: Object.keys(hashes).flatMap((name) => kept.failed[name] ?? []),
    reached: places.map((place) => Object.keys(hashes).filter(comesBy(place))),
  };
}
