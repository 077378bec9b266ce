const longestWord = 100;

/**
 * The candidate that a mistyped word most likely meant, or undefined if none is near (edit distance above a third of
 * the word).
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  // Nobody mistypes a name of hundreds of letters, and distances of such take their time.
  if (word.length > longestWord) return undefined;
  const limit = Math.max(1, Math.floor(word.length / 3) + (word.length > 3 ? 1 : 0));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = candidate.startsWith(word) && word.length > 1 ? 1 : editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** A hint for a mistyped word: the candidate that was most likely meant, or all of them after `what`. */
export function nearestHint(word: string, candidates: readonly string[], what: string): string {
  const near = nearest(word, candidates);
  return near === undefined ? `${what} ${candidates.join(', ')}` : `did you mean \`${near}\`?`;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j++) {
      const replace = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      rows[i]?.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replace, swap));
    }
  }
  return at(a.length, b.length);
}
