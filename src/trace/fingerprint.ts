/**
 * What a trace's guards say, as one short key: equal for two recordings of the same path, so a trace that was evicted
 * and recorded again is known without putting either condition into words, which costs as much as the recording. The
 * key is a hash of 64 bits over the guards, their expectations and all that they are computed from; values are
 * numbered among themselves, so what the body does in between does not matter.
 */
import { opNames, type TraceCode, type Value } from '../ir/index.js';

const opNumber: ReadonlyMap<string, number> = new Map(opNames.map((name, i) => [name, i]));
const word = new BigUint64Array(1);
const halves = new Uint32Array(word.buffer);

/** Key of a trace's path: same key, same guards and same verdict. */
export function fingerprint(code: TraceCode, verdict: number): string {
  const needed = new Set<Value>();
  for (let i = code.values.length - 1; i >= 0; i--) {
    const value = code.values[i] as Value;
    if (value.op === 'guard' || needed.has(value)) for (const arg of value.args) needed.add(arg);
  }
  const hash = new Hash();
  const numbers = new Map<Value, number>();
  for (const value of code.values) {
    if (value.op !== 'guard' && !needed.has(value)) continue;
    hash.add(opNumber.get(value.op) ?? -1);
    word[0] = value.imm;
    hash.add(halves[0] as number);
    hash.add(halves[1] as number);
    for (const arg of value.args) hash.add(numbers.get(arg) ?? -1);
    addDetail(hash, value);
    numbers.set(value, numbers.size);
  }
  hash.add(verdict);
  return hash.text();
}

function addDetail(hash: Hash, value: Value): void {
  const { detail } = value;
  switch (detail?.kind) {
    case undefined:
      return;
    case 'guard':
      hash.add(detail.expect ? 1 : 0);
      return;
    case 'memory':
    case 'atomic':
      hash.add(detail.space.length * 16 + detail.size);
      hash.add(detail.map);
      return;
    case 'cell':
      hash.add(detail.part.charCodeAt(0) * 1024 + (detail.cpu ?? 1023));
      hash.add(detail.element);
      return;
    case 'call':
      hash.add(detail.helper);
      return;
    case 'lookup':
    case 'slot':
      hash.add(detail.map);
  }
}

/** Two multiplicative hashes side by side, with the finishing step of MurmurHash3 (public domain). */
class Hash {
  private a = 0x9747b28c;
  private b = 0x3c6ef372;

  add(x: number): void {
    this.a = Math.imul(this.a ^ x, 0x01000193);
    this.a ^= this.a >>> 15;
    this.b = Math.imul((this.b << 13) | (this.b >>> 19), 5) + Math.imul(x, 0xcc9e2d51);
    this.b ^= this.b >>> 16;
  }

  text(): string {
    return `${finish(this.a)}.${finish(this.b)}`;
  }
}

function finish(x: number): number {
  let h = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
