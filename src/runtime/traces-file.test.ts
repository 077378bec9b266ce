import { describe, expect, it } from 'vitest';
import { exampleNames, openExample } from '../../test/support/examples.js';
import { InputError } from '../base/index.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { generateBatches, packetAt } from '../packet/index.js';
import { Session, type SessionOptions } from './session.js';

const room = { cacheSize: 1000, keepRecordings: true } as const;

function run(session: Session, packets = 30): void {
  for (const batch of generateBatches({ seed: 7, packets, flows: 20 }))
    for (let i = 0; i < batch.count; i++) {
      const { data, time } = packetAt(batch, i);
      session.run({ data, time });
    }
}

/** A session that has run, and its traces as a file holds them. */
function record(name: string): { session: Session; file: unknown; open: (more: SessionOptions) => Session } {
  const { object, maps, main: program, verdicts } = openExample(name);
  const open = (more: SessionOptions): Session => new Session(object, program, { maps, verdicts, ...room, ...more });
  const session = open({});
  run(session);
  return { session, file: JSON.parse(JSON.stringify(session.dumpTraces())), open };
}

describe.each(exampleNames)('traces of %s', (name) => {
  const { session, file, open } = record(name);

  it('are the same when they are read back: conditions, code, and the file that they make', () => {
    const other = open({ traces: { json: file } });
    const installed = other.loaded.map((what) => what === 'installed');
    const kept = session.traces.filter(({ trace }, i) => trace !== undefined && installed[i]);
    expect(other.traces.map(({ condition }) => condition.text)).toEqual(kept.map(({ condition }) => condition.text));
    expect(other.traces.map(({ key }) => key)).toEqual(kept.map(({ key }) => key));
    if (kept.length === session.traces.length)
      expect(JSON.stringify(other.dumpTraces()) === JSON.stringify(file), 'the same file').toBe(true);
    expect(other.loaded.every((what) => what === 'installed' || what === 'stale')).toBe(true);
  });

  it('hold no address: recorded where everything lies elsewhere they are the same', () => {
    const other = open({ slide: 0x25000 });
    run(other);
    expect(JSON.stringify(other.dumpTraces()) === JSON.stringify(file), 'the same file').toBe(true);
  });

  it('do what the program does on a machine that has everything elsewhere, from the first packet on', () => {
    // Three CPUs: values of per-CPU maps lie further apart, and what comes behind them moves.
    const other = open({ traces: { json: file }, check: true, slide: 0x25000, cpus: 3, cpu: 0 });
    const fresh = open({ check: true, slide: 0x25000, cpus: 3, cpu: 0 });
    for (const each of [other, fresh]) run(each);
    expect(other.finish()).toBeUndefined();
    expect(other.difference).toBeUndefined();
    expect(other.stats.misses).toBeLessThanOrEqual(fresh.stats.misses);
    if (other.loaded.includes('installed')) expect(other.stats.hits).toBeGreaterThan(fresh.stats.hits);
  });
});

/** Tells packets apart by their first byte, as `mode` says, and counts. */
const source = (entries: number, verdict: number): ObjectSpec =>
  assemble(`
	.license "GPL"
	.map counts type=array key=4 value=8 max_entries=${entries} flags=0x0

	.section xdp
	.globl main
	.type main, @function
main:
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 14
	r0 = ${verdict}
	if r4 > r3 goto out
	r0 = 1
out:
	exit
`);

describe('a file of traces', () => {
  const open = (object: ObjectSpec, json?: unknown): Session => {
    const [program] = object.programs;
    if (program === undefined) throw new Error('no program');
    return new Session(object, program, { ...room, traces: json === undefined ? undefined : { json, file: 't.json' } });
  };
  const session = open(source(4, 2));
  run(session, 20);
  const file = session.dumpTraces();
  const refusal = (object: ObjectSpec, json: unknown): string => {
    try {
      open(object, json);
    } catch (error) {
      if (error instanceof InputError) return error.format();
      throw error;
    }
    return 'accepted';
  };

  it('goes with its object alone', () => {
    expect(refusal(source(4, 2), file)).toBe('accepted');
    expect(refusal(source(8, 2), file)).toContain(
      't.json: the file: these are traces of another object: map 0 is counts: array, 4 -> 8 bytes, 4 entries there, and',
    );
    expect(refusal(source(4, 1), file)).toContain('program 0 (main, 8 instructions) is not what it was');
  });

  it('is refused, with the place, where it is something else or has been tampered with', () => {
    const object = source(4, 2);
    expect(refusal(object, [])).toContain('the file must be an object');
    expect(refusal(object, { ...file, schema: 'jitnic.traces/9' })).toContain('not `jitnic.traces/2`');
    const [trace] = file['traces'] as Record<string, unknown>[];
    const values = trace?.['values'] as string[];
    const broken = (change: object): string => refusal(object, { ...file, traces: [{ ...trace, ...change }] });
    expect(broken({ values: values.slice(1) })).toContain('`values`');
    expect(broken({ values: [...values, 'v99 = data map7'] })).toContain('map 7');
    expect(broken({ values: [...values, 'no such thing'] })).toContain(`line ${values.length + 1}`);
    expect(broken({ guards: ['v7000'] })).toContain('there is no value `v7000`');
    expect(broken({ program: 3 })).toContain('`program` must be an integer');
  });
});

describe('traces that were not recorded here', () => {
  it('are gone on from by side traces, as those that were', () => {
    const { file, open } = record('firewall');
    const { traces } = file as { traces: readonly unknown[] };
    const some = { ...(file as object), traces: traces.slice(0, 1) };
    const session = open({ traces: { json: some }, check: true, slide: 0x9000 });
    run(session);
    expect(session.finish()).toBeUndefined();
    expect(session.runtime.counts.sideTraces).toBeGreaterThan(3);
    expect(session.runtime.aborts.size).toBe(0);
  });

  it('have no place where maps do not hold what they take for granted', () => {
    // The verdict is what the map says, and nobody but the control plane writes to it.
    const object = assemble(`
	.license "GPL"
	.map mode type=array key=4 value=4 max_entries=4 flags=0x0

	.section xdp
	.globl main
	.type main, @function
main:
	r6 = *(u32 *)(r1 + 0)
	r7 = *(u32 *)(r1 + 4)
	*(u32 *)(r10 - 4) = 2
	r1 = mode ll
	r2 = r10
	r2 += -4
	call 0x1
	if r0 == 0 goto out
	r0 = *(u32 *)(r0 + 0)
	r0 &= 3
	r7 -= r6
	if r7 == 20 goto out
	if r7 == 21 goto out
	if r7 == 22 goto out
	if r7 == 23 goto out
	if r7 == 24 goto out
	r0 = 2
out:
	exit
`);
    const [program] = object.programs;
    if (program === undefined) throw new Error('no program');
    const set = (session: Session, mode: number): void =>
      session.change(({ maps }) => {
        expect(maps[0]?.updateElem(new Uint8Array([2, 0, 0, 0]), new Uint8Array([mode, 0, 0, 0]))).toBe(0);
      });
    const lengths = [20, 21, 22, 23, 24, 25];
    const session = new Session(object, program, room);
    set(session, 1);
    for (const length of lengths) session.run({ data: new Uint8Array(length) });
    const json: unknown = JSON.parse(JSON.stringify(session.dumpTraces()));
    const other = new Session(object, program, { ...room, check: true, traces: { json } });
    expect(other.loaded).toContain('installed');
    expect(other.loaded).toContain('stale');
    for (const length of lengths) other.run({ data: new Uint8Array(length) });
    expect(other.finish()).toBeUndefined();
    // Where it is as they take it to be they are in place, until it changes.
    set(session, 1);
    const verdicts = lengths.map((length) => session.run({ data: new Uint8Array(length) }).verdict);
    expect(verdicts).toEqual([1, 1, 1, 1, 1, 2]);
  });
});
