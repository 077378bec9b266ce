/**
 * What a trace's guards say, as one short key: equal for two recordings of the same path, so a trace that was evicted
 * and recorded again is known without putting either condition into words, which costs as much as the recording. The
 * key is a hash of 64 bits over the guards, their expectations and all that they are computed from; values are
 * numbered among themselves, so what the body does in between does not matter.
 */
import { opNames, type TraceCode, type Value } from '../ir/index.js';
import { WordHash } from './word-hash.js';

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
  const hash = new WordHash();
  const numbers = new Map<Value, number>();
  for (const value of code.values) {
    if (value.op === 'const' || (value.op !== 'guard' && !needed.has(value))) continue;
    hash.add(opNumber.get(value.op) ?? -1);
    addNumber(hash, value.imm);
    for (const arg of value.args) {
      // A constant is what it is, wherever it was first spoken of.
      if (arg.op === 'const') addNumber(hash, arg.imm);
      else hash.add(numbers.get(arg) ?? -1);
    }
    addDetail(hash, value);
    numbers.set(value, numbers.size);
  }
  hash.add(verdict);
  return hash.text();
}

/** What of a value its operation and arguments do not say. */
function addNumber(hash: WordHash, number: bigint): void {
  word[0] = number;
  hash.add(halves[0] as number);
  hash.add(halves[1] as number);
}

function addDetail(hash: WordHash, value: Value): void {
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
