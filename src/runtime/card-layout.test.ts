/** Large trees become several functions; what they decide stays the same. */
import { describe, expect, it } from 'vitest';
import { layOut } from '../nic/software/tree-layout.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { Prng } from '../packet/index.js';
import { Session } from './index.js';

const packetBytes = 64;

/** Binary decisions of `depth` levels on bits of the packet, each asked of its own byte; verdicts alternate. */
function decisions(depth: number): ObjectSpec {
  const lines = ['r2 = *(u32 *)(r1 + 0)', 'r3 = *(u32 *)(r1 + 4)', 'r4 = r2', `r4 += ${packetBytes}`, 'r0 = 2'];
  lines.push('if r4 > r3 goto out');
  let labels = 0;
  const decide = (level: number): void => {
    const label = `yes${labels++}`;
    if (level === depth) {
      lines.push(`r0 = ${1 + (labels % 2)}`, 'exit');
      return;
    }
    lines.push(`r5 = *(u8 *)(r2 + ${14 + (labels % 48)})`, `r5 &= ${1 << (level % 8)}`, `if r5 != 0 goto ${label}`);
    decide(level + 1);
    lines.push(`${label}:`);
    decide(level + 1);
  };
  decide(0);
  lines.push('out:', 'exit');
  return assemble(lines.join('\n'), { name: 'decisions.s' });
}

/**
 * Four long ways, chosen by what an atomic operation found, so behind an effect: their traces are tried in turn at one
 * leaf.
 */
function longWays(): ObjectSpec {
  const words = 400;
  const lines = [
    '.map counters type=array key=4 value=4096 max_entries=1',
    ...['*(u32 *)(r10 - 4) = 0', 'r2 = r10', 'r2 += -4', 'r1 = counters ll', 'call bpf_map_lookup_elem'],
    ...['if r0 == 0 goto out', 'r6 = r0', 'r1 = 1', 'r1 = atomic_fetch_add((u64 *)(r6 + 0), r1)', 'r1 &= 3'],
  ];
  for (let way = 0; way < 4; way++) {
    lines.push(`if r1 != ${way} goto next${way}`);
    for (let i = 1; i <= words; i++)
      lines.push(`r2 = *(u64 *)(r6 + ${8 * i})`, `r2 += ${way * i + 1}`, `*(u64 *)(r6 + ${8 * i}) = r2`);
    lines.push(`r0 = ${1 + way}`, 'exit', `next${way}:`);
  }
  lines.push('out:', 'r0 = 0', 'exit');
  return assemble(lines.join('\n'), { name: 'long-ways.s' });
}

function sessionOf(depth: number): { session: Session; run: (packets: number) => void } {
  const object = decisions(depth);
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  const options = {
    check: true,
    cacheSize: 1 << (depth + 1),
    patience: Number.POSITIVE_INFINITY,
  };
  const session = new Session(object, program, options);
  const random = new Prng(3);
  const run = (packets: number): void => {
    for (let i = 0; i < packets; i++) {
      const data = Uint8Array.from({ length: packetBytes }, () => random.below(256));
      expect(session.run({ data, time: 0n }).verdict).toBeGreaterThan(0);
    }
  };
  return { session, run };
}

describe('the layout of a trace tree', () => {
  it('keeps a small tree in one function', () => {
    const { session, run } = sessionOf(4);
    run(200);
    session.runtime.card?.compile();
    expect(session.runtime.card?.compiledFunctions).toBe(1);
  });

  it('cuts a large one, and every packet is decided as before; a packet without a trace leaves where the executor says', () => {
    const { session, run } = sessionOf(8);
    run(700);
    const { card } = session.runtime;
    card?.compile();
    expect(card?.compiledFunctions).toBeGreaterThan(2);
    run(300);
    expect(session.finish()).toBeUndefined();
    expect(session.difference).toBeUndefined();
    expect(session.runtime.hits).toBeGreaterThan(300);
  });

  it('cuts a leaf of many long traces as well', () => {
    const object = longWays();
    const [program] = object.programs;
    if (program === undefined) throw new Error('no program');
    const session = new Session(object, program, { check: true, cacheSize: 8, patience: Number.POSITIVE_INFINITY });
    const run = (packets: number): void => {
      for (let i = 0; i < packets; i++) session.run({ data: new Uint8Array(packetBytes), time: 0n });
    };
    run(8);
    const { card } = session.runtime;
    if (card === undefined) throw new Error('no card');
    expect(card.tree.root.traces.length).toBe(4);
    card.compile();
    expect(card.compiledFunctions).toBe(4);
    const before = session.runtime.hits;
    run(40);
    expect(session.runtime.hits - before).toBe(40);
    expect(session.finish()).toBeUndefined();
    expect(session.difference).toBeUndefined();
  });

  it('puts what takes most packets into the first function', () => {
    const { session, run } = sessionOf(8);
    run(700);
    const { card } = session.runtime;
    if (card === undefined) throw new Error('no card');
    const { root } = card.tree;
    const [hot] = card.tree.traces();
    if (hot === undefined) throw new Error('no trace');
    hot.packets += 100_000;
    const { roots, weights, hotShare } = layOut(root, (trace) => trace.packets);
    expect(hotShare).toBeGreaterThan(0.9);
    expect(weights.get(root)).toBeGreaterThan(100_000);
    const called = new Set(roots.slice(1));
    expect(hot.path.every(({ node }) => !called.has(node)) && !called.has(hot.leaf)).toBe(true);
  });

  it('is made anew when other traces have become hot', () => {
    const { session, run } = sessionOf(8);
    run(700);
    const { card } = session.runtime;
    if (card === undefined) throw new Error('no card');
    card.compile();
    expect(card.compiledFunctions).toBeGreaterThan(2);
    // One packet of a trace that is in the last function, over and over.
    const random = new Prng(9);
    for (let i = 0; i < 60 && card.relayouts === 0; i++) {
      const data = Uint8Array.from({ length: packetBytes }, () => random.below(256));
      const before = card.compilations;
      for (let n = 0; n < 20_000 && card.compilations === before; n++) {
        session.runtime.run({ data });
        card.refresh();
      }
    }
    expect(card.relayouts).toBe(1);
    run(300);
    expect(session.finish()).toBeUndefined();
  });
});
