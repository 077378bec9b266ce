/** In which order a mutant meets the tests that come by. */

/** Test files that run together take this many milliseconds at first, and three times as many each time. */
const firstBatch = 1000;

/** How much of a test's time counts: what is near sees more. */
function distance(test, name) {
  if (test === name.replace(/\.ts$/, '.test.ts')) return 0.02;
  const [folder, room] = [name.replace(/[^/]*$/, ''), name.split('/').slice(0, 2).join('/')];
  if (test.startsWith(folder)) return 0.1;
  return test.startsWith(`${room}/`) ? 0.2 : 1;
}

/** How soon a mutant meets a test file of so many milliseconds. */
export function weightOf(test, ms, { name }) {
  // Starting costs the same for all, so a tenth of a second more or less says nothing.
  return (100 + ms) * distance(test, name);
}

/**
 * Test files in batches that take ever longer, the nearest and shortest first. `tests`: milliseconds by file; `first`:
 * the one to ask before all others; `most`: how many milliseconds all together may take.
 */
export function batchesOf(names, tests, place, { first, most }) {
  const weight = (test) => (test === first ? 0 : weightOf(test, tests[test], place));
  const batches = [];
  let [left, limit, time] = [0, firstBatch, most];
  for (const test of names.toSorted((a, b) => weight(a) - weight(b))) {
    if (time <= 0) break;
    time -= tests[test];
    if (left <= 0 || batches.at(-1).includes(first)) {
      batches.push([]);
      left = limit;
      limit *= 3;
    }
    batches.at(-1).push(test);
    left -= 100 + tests[test];
  }
  return batches;
}
