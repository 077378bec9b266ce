/**
 * Programs that decide by hashes of the packet: conditions over them are DAGs in which each value is used several
 * times, so whatever walks them as trees takes for ever.
 */

/** xorshift32: the same numbers for the same seed everywhere. */
function numbers(seed: number): (below: number) => number {
  let state = (seed * 0x9e3779b9) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Registers with words of the packet; r1 and r2 are for parts of computations. */
const words = [0, 3, 4, 5] as const;

/** r1 becomes register `r` turned left by `by` bits, of `width` 32 or 64. */
function turned(r: number, by: number, width: 32 | 64): string[] {
  const w = width === 64 ? 'r' : 'w';
  return [`${w}1 = ${w}${r}`, `${w}1 <<= ${by}`, `${w}2 = ${w}${r}`, `${w}2 >>= ${width - by}`, `${w}1 |= ${w}2`];
}

/** Kinds of hashes; each gives one round as instructions. */
const kinds: Readonly<Record<string, (pick: (below: number) => number) => string[]>> = {
  /** __jhash_final of the kernel's linux/jhash.h (Bob Jenkins, lookup3) over w3, w4, w5. */
  jhash: () =>
    (
      [
        [5, 4, 14],
        [3, 5, 11],
        [4, 3, 25],
        [5, 4, 16],
        [3, 5, 4],
        [4, 3, 14],
        [5, 4, 24],
      ] as const
    ).flatMap(([to, from, by]) => [`w${to} ^= w${from}`, ...turned(from, by, 32), `w${to} -= w1`]),
  /** A round of SipHash (Aumasson and Bernstein 2012); r0, r3, r4, r5 are v0 to v3. */
  siphash: () => {
    const half = (a: number, b: number, by: number, swap: boolean): string[] => [
      `r${a} += r${b}`,
      ...turned(b, by, 64),
      `r${b} = r1`,
      `r${b} ^= r${a}`,
      ...(swap ? [...turned(a, 32, 64), `r${a} = r1`] : []),
    ];
    return [...half(0, 3, 13, true), ...half(4, 5, 16, false), ...half(0, 5, 21, false), ...half(4, 3, 17, true)];
  },
  /** The finalizer of MurmurHash3 (Austin Appleby), 32 bits. */
  fmix32: (pick) => {
    const r = words[pick(4)];
    const shift = (by: number): string[] => [`w1 = w${r}`, `w1 >>= ${by}`, `w${r} ^= w1`];
    return [...shift(16), `w${r} *= 0x85ebca6b`, ...shift(13), `w${r} *= 0xc2b2ae35`, ...shift(16)];
  },
  /** Its finalizer of 64 bits. */
  fmix64: (pick) => {
    const r = words[pick(4)];
    const shift = [`r1 = r${r}`, 'r1 >>= 33', `r${r} ^= r1`];
    const times = (by: string): string[] => [`r1 = ${by} ll`, `r${r} *= r1`];
    return [...shift, ...times('0xff51afd7ed558ccd'), ...shift, ...times('0xc4ceb9fe1a85ec53'), ...shift];
  },
  /** FNV-1a over some bytes of the packet (Fowler, Noll and Vo). */
  fnv: (pick) => {
    const r = words[pick(4)];
    const from = pick(40);
    return Array.from({ length: 4 + pick(12) }, (_, i) => [
      `r1 = *(u8 *)(r6 + ${from + i})`,
      `w${r} ^= w1`,
      `w${r} *= 16777619`,
    ]).flat();
  },
  /** Multiplications, turns, shifts, sums and differences as they come. */
  mixed: (pick) => Array.from({ length: 2 + pick(6) }, () => mixedStep(pick)).flat(),
};

function mixedStep(pick: (below: number) => number): string[] {
  const a = words[pick(4)];
  const b = words[pick(4)];
  const width = pick(2) === 0 ? 'r' : 'w';
  switch (pick(6)) {
    case 0:
      return [`${width}${a} *= ${1 + 2 * pick(1 << 29)}`];
    case 1:
      return [`${width}${a} ^= ${width}${b}`];
    case 2:
      return [`${width}${a} += ${width}${b}`];
    case 3: {
      const by = 1 + pick(30);
      return [`w1 = w${a}`, `w1 <<= ${by}`, `w${a} >>= ${32 - by}`, `w${a} |= w1`];
    }
    case 4:
      return [`${width}1 = ${width}${a}`, `${width}1 >>= ${1 + pick(20)}`, `${width}${a} ^= ${width}1`];
    default:
      return [`${width}${a} -= ${width}${b}`];
  }
}

/** Names of the kinds of hashes; program `seed` is of kind `seed` modulo their number. */
export const hashKinds: readonly string[] = Object.keys(kinds);

/**
 * Assembler text of a program that Linux accepts. Reads 60 bytes of the packet, hashes some of them with 1 to 5
 * rounds, and compares parts of the hashes, up to six times.
 */
export function hashProgram(seed: number): string {
  const pick = numbers(seed);
  const round = kinds[hashKinds[seed % hashKinds.length] ?? 'mixed'] as (pick: (below: number) => number) => string[];
  const lines = ['.section xdp', 'p:', '  r6 = *(u32 *)(r1 + 0)', '  r7 = *(u32 *)(r1 + 4)', '  r2 = r6', '  r2 += 60'];
  lines.push('  if r2 > r7 goto out');
  for (const r of words) {
    const size = [1, 2, 4, 8][pick(4)] ?? 1;
    lines.push(`  r${r} = *(u${8 * size} *)(r6 + ${pick(Math.floor(60 / size)) * size})`);
  }
  const tests = 1 + pick(6);
  for (let t = 0; t < tests; t++) {
    for (let rounds = 1 + pick(5); rounds > 0; rounds--) lines.push(...round(pick).map((line) => `  ${line}`));
    const r = words[pick(4)];
    lines.push(`  r1 = r${r}`, `  r1 &= ${(1 << (1 + pick(4))) - 1}`);
    lines.push(
      `  if r1 ${['==', '!=', '>', '<='][pick(4)]} ${pick(4)} goto l${t}`,
      `  r${words[pick(4)]} += ${1 + pick(99)}`,
    );
    lines.push(`l${t}:`);
  }
  lines.push('  r0 &= 1', '  r0 += 1', '  exit', 'out:', '  r0 = 2', '  exit', '');
  return lines.join('\n');
}
