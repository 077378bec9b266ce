/**
 * Damages object files on purpose: bit flips, cuts, and values that readers trip over put into fields that hold sizes,
 * offsets, counts, links and type references. Driven by a seed, so that a failure can be shown again.
 */

import { decodeUtf8 } from '../../base/index.js';

/** Small, fast and good enough: xorshift32. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
    for (let i = 0; i < 4; i++) this.next();
  }

  /** Xorshift (Marsaglia 2003). */
  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }

  below(limit: number): number {
    return limit <= 0 ? 0 : this.next() % limit;
  }
}

/** Numbers at which sizes and counts break: around 0, around widths, and record sizes of ELF and BTF. */
const tricky = [
  0, 1, 2, 3, 4, 7, 8, 12, 0x7f, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
];

/** A range of the file in which to do damage. */
interface Span {
  readonly start: number;
  readonly size: number;
}

/** The parts of a sound ELF64 file worth attacking: its headers and its tables. */
export function targets(bytes: Uint8Array): readonly Span[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tableAt = Number(view.getBigUint64(40, true));
  const count = view.getUint16(60, true);
  const header = (index: number): number => tableAt + index * 64;
  const namesAt = Number(view.getBigUint64(header(view.getUint16(62, true)) + 24, true));
  const spans: Span[] = [
    { start: 0, size: 64 },
    { start: tableAt, size: count * 64 },
  ];
  for (let i = 1; i < count; i++) {
    const nameAt = namesAt + view.getUint32(header(i), true);
    const name = decodeUtf8(bytes.subarray(nameAt, bytes.indexOf(0, nameAt)));
    const type = view.getUint32(header(i) + 4, true);
    const start = Number(view.getBigUint64(header(i) + 24, true));
    const size = Number(view.getBigUint64(header(i) + 32, true));
    if (name.includes('.debug') || type === 8 || size === 0) continue;
    spans.push({ start, size });
    // The first bytes of BTF are its header; the types come before the strings.
    if (name === '.BTF' || name === '.BTF.ext')
      spans.push({ start, size: Math.min(32, size) }, { start, size: size >> 1 });
  }
  return spans.filter((span) => span.start + span.size <= bytes.length);
}

/** A damaged copy. */
export function mutate(bytes: Uint8Array, spans: readonly Span[], random: Random): Uint8Array {
  let copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const edits = 1 + random.below(random.below(4) === 0 ? 12 : 3);
  for (let i = 0; i < edits; i++) {
    const span = spans[random.below(spans.length)] ?? { start: 0, size: copy.length };
    const at = span.start + random.below(span.size);
    const word = Math.min(at & ~3, copy.length - 4);
    switch (random.below(8)) {
      case 0:
      case 1:
        copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 2:
        copy[at] = random.next();
        break;
      case 3:
      case 4:
        view.setUint32(word, tricky[random.below(tricky.length)] ?? 0, true);
        break;
      case 5:
        view.setUint32(word, (view.getUint32(word, true) + random.below(5) - 2) >>> 0, true);
        break;
      case 6:
        view.setUint32(word, random.next(), true);
        break;
      default: {
        // A piece of another place.
        const size = 1 + random.below(Math.min(64, copy.length - at));
        const from = random.below(copy.length - size);
        copy.copyWithin(at, from, from + size);
      }
    }
  }
  if (random.below(16) === 0) copy = copy.subarray(0, random.below(copy.length));
  return copy;
}
