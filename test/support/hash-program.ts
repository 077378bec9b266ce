/**
 * Programs that decide by hashes of the packet: rounds of multiply, rotate, xor and add over a few words that feed
 * each other.
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

/**
 * Assembler text of a program that Linux accepts. Reads 60 bytes of the packet, hashes some of them, and compares
 * parts of the hashes.
 */
export function hashProgram(seed: number): string {
  const pick = numbers(seed);
  const lines = ['.section xdp', 'p:', '  r6 = *(u32 *)(r1 + 0)', '  r7 = *(u32 *)(r1 + 4)', '  r2 = r6', '  r2 += 60'];
  lines.push('  if r2 > r7 goto out');
  const words = [0, 3, 4, 5];
  for (const r of words) {
    const size = [1, 2, 4, 8][pick(4)] ?? 1;
    lines.push(`  r${r} = *(u${8 * size} *)(r6 + ${pick(60 / size) * size})`);
  }
  const tests = 1 + pick(6);
  for (let t = 0; t < tests; t++) {
    for (let round = 2 + pick(20); round > 0; round--) {
      const a = words[pick(4)];
      const b = words[pick(4)];
      const width = pick(2) === 0 ? 'r' : 'w';
      switch (pick(6)) {
        case 0:
          lines.push(`  ${width}${a} *= ${1 + 2 * pick(1 << 29)}`);
          break;
        case 1:
          lines.push(`  ${width}${a} ^= ${width}${b}`);
          break;
        case 2:
          lines.push(`  ${width}${a} += ${width}${b}`);
          break;
        case 3: {
          const by = 1 + pick(30);
          lines.push(`  w1 = w${a}`, `  w1 <<= ${by}`, `  w${a} >>= ${32 - by}`, `  w${a} |= w1`);
          break;
        }
        case 4:
          lines.push(`  ${width}1 = ${width}${a}`, `  ${width}1 >>= ${1 + pick(20)}`, `  ${width}${a} ^= ${width}1`);
          break;
        default:
          lines.push(`  ${width}${a} -= ${width}${b}`);
      }
    }
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
