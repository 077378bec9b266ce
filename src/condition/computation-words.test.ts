import { describe, expect, it } from 'vitest';
import { Graph, type Value } from '../ir/index.js';
import { computationLines } from './computation-words.js';

const graph = new Graph();
const a = graph.ctxField(12);
const b = graph.ctxField(16);
const brief = (value: Value): string | undefined =>
  value === a ? 'a' : value === b ? 'b' : value.op === 'const' ? value.imm.toString() : undefined;
const make = (op: Parameters<Graph['make']>[0], x: Value, y: Value | bigint): Value =>
  graph.make(op, x, typeof y === 'bigint' ? graph.constant(y) : y);
const rotate = (x: Value, by: bigint): Value => make('or', make('shl32', x, by), make('shr', x, 32n - by));

describe('a long computation in words', () => {
  it('is one line if it is short', () => {
    expect(computationLines(make('mul32', make('xor', a, b), 0xffff_ffff_cc9e_2d51n), 'f1', brief)).toEqual([
      { name: 'f1', text: '(u32)((a ^ b) * 0xcc9e2d51)' },
    ]);
  });

  it('names what is used twice, and reads a rotation as one', () => {
    const mixed = rotate(make('mul32', make('add32', a, b), 7n), 13n);
    expect(computationLines(make('xor', mixed, make('mul32', mixed, 5n)), 'f1', brief)).toEqual([
      { name: 'f1.1', text: 'rol(((a + b) * 7), 13)' },
      { name: 'f1', text: 'f1.1 ^ (u32)(f1.1 * 5)' },
    ]);
  });

  it('breaks what is too long, each line resting on those before it', () => {
    let value: Value = make('add32', a, b);
    for (let i = 3n; i < 40n; i++) value = make('xor', make('mul32', value, i), a);
    const lines = computationLines(value, 'f2', brief);
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.every(({ text }) => text.length < 120)).toBe(true);
    for (const [i, { text }] of lines.entries())
      for (const [name] of text.matchAll(/f2\.\d+/g))
        expect(lines.slice(0, i).some((line) => line.name === name)).toBe(true);
    expect(lines.at(-1)?.name).toBe('f2');
  });
});
