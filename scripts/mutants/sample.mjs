/**
 * The mutants of a campaign: places drawn at random from all there are, here or as they were at a commit, so that a
 * sample stays the same while tests and sources are mended.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { placesOf } from './places.mjs';

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

/**
 * All places of a tree of sources, with what tells each from all others of its file wherever the lines above it go:
 * `mark`, its line with the change and where in the line it is; `nth` among those that have the same mark.
 */
export function allPlaces(root, rooms) {
  const sources = rooms
    .flatMap((room) => readdirSync(join(root, 'src', room), { recursive: true }).map((name) => `src/${room}/${name}`))
    .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|testing|\/index\.ts$/.test(name))
    .sort();
  return sources.flatMap((name) => {
    const text = readFileSync(join(root, name), 'utf8');
    const lines = text.split('\n');
    const seen = new Map();
    return placesOf(name, text).map((place) => {
      const line = lines[place.line - 1];
      const column = place.from - text.lastIndexOf('\n', place.from) - 1;
      const before = line.length - line.trimStart().length;
      const mark = `${line.trim()} | ${column - before} ${place.was} ${place.becomes}`;
      seen.set(mark, (seen.get(mark) ?? -1) + 1);
      return { ...place, mark, nth: seen.get(mark) };
    });
  });
}

/** What a place is called in what is kept from one run to the next. */
export const keyOf = ({ name, mark, nth }) => `${name} | ${nth} | ${mark}`;

/** Sources as they were at a commit, for as long as `use` looks at them. */
function atCommit(root, commit, use) {
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-mutants-at-'));
  try {
    const archive = spawnSync('git', ['archive', commit, 'src'], { cwd: root, maxBuffer: 1 << 30 });
    if (archive.status !== 0) throw new Error(`no sources at ${commit}: ${archive.stderr}`);
    spawnSync('tar', ['-x', '-C', folder], { input: archive.stdout, maxBuffer: 1 << 30 });
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The place of today that a place of another time has become: in its file, or in the one file that has its line. */
function today(place, byMark) {
  const alike = byMark.get(place.mark) ?? [];
  const here = alike.filter(({ name }) => name === place.name);
  return here[place.nth] ?? here.at(-1) ?? (alike.length === 1 ? alike[0] : undefined);
}

/**
 * `seeds`: `SEED` or `SEED@COMMIT`, with commas between; `counts`: how many of each. A value: `chosen`, places of
 * today; `gone`, those whose lines are no longer there.
 */
export function sampleOf(root, rooms, all, { seeds, counts }) {
  const byMark = new Map();
  for (const place of all) byMark.set(place.mark, [...(byMark.get(place.mark) ?? []), place]);
  const [chosen, gone] = [[], []];
  for (const [number, spec] of seeds.split(',').entries()) {
    const [seed, commit] = spec.split('@');
    const count = Number(counts.split(',')[number] ?? counts.split(',').at(-1));
    const drawing = (places) => drawn(places, count, Number(seed));
    const sample =
      commit === undefined ? drawing(all) : atCommit(root, commit, (folder) => drawing(allPlaces(folder, rooms)));
    for (const place of sample) {
      const now = commit === undefined ? place : today(place, byMark);
      if (now === undefined) gone.push(place);
      else chosen.push(now);
    }
  }
  return { chosen: [...new Set(chosen)], gone };
}
