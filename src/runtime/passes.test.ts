/** Misses that are not recorded go on in the program without ending their batch; what comes of them is the same. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import { CompiledCard } from '../nic/index.js';
import { decodeCapture } from '../packet/index.js';
import { columnsOf, type Output } from '../vm/index.js';
import { dumpMaps, loadMaps } from '../vm/map-json.js';
import { Runtime, type RuntimeOptions } from './index.js';

const batch = 256;
const rounds = 8;

/** What a run of its capture came to, and how many packets the card's own code handed to the program. */
function outcomeOf(name: string, options: RuntimeOptions) {
  const { object, main, maps, folder } = openExample(name);
  const { packets } = decodeCapture(readFileSync(`${folder}traffic.pcap`));
  const runtime = new Runtime(object, main, {
    host: 'wasm',
    isEager: true,
    keepConditions: false,
    cacheSize: 4,
    regions: false,
    patience: 16,
    ...options,
  });
  if (maps !== undefined) loadMaps(runtime.machine, maps.contents);
  const { arena } = runtime;
  const verdicts: number[] = [];
  const outputs: Output[] = [];
  runtime.gathered = outputs;
  let passed = 0;
  const { card } = runtime;
  for (let round = 0, at = 0; round < rounds; round++) {
    const picked = Array.from({ length: batch }, () => packets[at++ % packets.length]?.data ?? new Uint8Array(0));
    const columns = columnsOf(picked.map(({ length }) => length));
    new BigUint64Array(columns.times.buffer).forEach((_, i, times) => {
      times[i] = BigInt(round * batch + i) * 1000n;
    });
    arena.clear();
    const bytes = new Uint8Array(picked.reduce((sum, { length }) => sum + length, 0));
    for (const [i, data] of picked.entries()) bytes.set(data, columns.offset[i]);
    arena.load(bytes);
    arena.add(columns, 0, batch, 0);
    runtime.runArena();
    for (let i = 0; i < batch; i++) {
      verdicts.push(arena.verdict(i));
      if (card instanceof CompiledCard && runtime.hitOf(i) === undefined && arena.trace(i) === 0xffff_ffff) passed++;
    }
  }
  const { hits, misses, installs, evictions, penalties } = runtime;
  const { waited, thrashed, refused } = penalties;
  const counts = { hits, misses, installs, evictions, waited, thrashed, refused };
  return { verdicts, outputs, maps: dumpMaps(runtime.machine), counts, passed };
}

describe('misses that are not recorded', () => {
  for (const name of ['token-bucket', 'nat', 'heavy-hitter']) {
    it(`go on in the program of ${name}`, () => {
      const options: RuntimeOptions = { hotloop: 300 };
      const { passed, ...own } = outcomeOf(name, options);
      expect(passed).toBeGreaterThan(batch);
      // The executor knows one packet at a time, so each miss is told.
      const { passed: none, ...told } = outcomeOf(name, { ...options, compiled: false });
      expect(none).toBe(0);
      expect(own).toEqual(told);
      const { verdicts, outputs, maps } = outcomeOf(name, { card: false });
      expect({ verdicts: own.verdicts, outputs: own.outputs, maps: own.maps }).toEqual({ verdicts, outputs, maps });
    });
  }
});
