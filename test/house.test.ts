/**
 * What the page of the house (docs/architecture.md) says is so and no compiler or layer rule sees: that a thing is told
 * in one place, and that policy knows neither clock nor packets.
 */
import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = new URL('../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, root), 'utf8');
const sourcesOf = (...rooms: string[]): string[] =>
  rooms.flatMap((room) =>
    readdirSync(new URL(`src/${room}`, root), { recursive: true })
      .map((name) => `src/${room}/${String(name)}`)
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')),
  );
const filesWith = (pattern: RegExp, rooms: readonly string[]): string[] =>
  sourcesOf(...rooms).filter((name) => pattern.test(read(name)));
const parse = (name: string): ts.SourceFile => ts.createSourceFile(name, read(name), ts.ScriptTarget.ES2023, true);

describe('one place for each thing', () => {
  it('bytecode becomes values in one lowering of ALU operations and jumps, for traces and functions alike', () => {
    // hXDP's core (nic/vliw) is not among them: what it runs is bytecode, in rows, and no values are made of it.
    const above = ['ir', 'trace', 'opt', 'condition', 'jit', 'nic/software'];
    expect(filesWith(/\bop\.(ADD|SUB|MUL|XOR|LSH|ARSH)\b/, above)).toEqual(['src/ir/lower-alu.ts']);
    expect(filesWith(/\bop\.(JEQ|JGT|JSGT|JSET)\b/, above)).toEqual(['src/ir/lower-alu.ts']);
  });

  it('prototypes of helpers stand in the rows of one table', () => {
    const rooms = readdirSync(new URL('src', root), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const row = /^\s+map_lookup_elem: \{ args:/m;
    expect(
      filesWith(
        row,
        rooms.map(({ name }) => name),
      ),
    ).toEqual(['src/platform/helper-table.ts']);
  });
});

describe('Ctrl-C', () => {
  it('is lost by no command: what it breaks off begins in one place, in a turn of the event loop of its own', () => {
    // Who could begin such work without a turn would lose a Ctrl-C that came just before (interrupt.ts).
    expect(filesWith(/\bbreakable(<T>)?\(/, ['cli'])).toEqual(['src/cli/interrupt.ts', 'src/cli/program.ts']);
    expect(filesWith(/\bbreakOnSigint\b/, ['cli'])).toEqual(['src/cli/interrupt.ts']);
    const frame = read('src/cli/program.ts');
    expect(frame.match(/\bbreakable\(/g)).toHaveLength(1);
    expect(frame).toMatch(
      /\n {4}work: \(phase, work\) =>\n {6}inTurn\(\(\) => \{\n[^}]*host\.breakable\(work, phase\);\n {6}\}\),/,
    );
  });
});

describe('policy apart from driver', () => {
  it('has no clock and no packets', () => {
    for (const name of ['offload', 'penalties', 'trace-book', 'worth']) {
      const text = parse(`src/runtime/${name}.ts`);
      const words = new Set<string>();
      const visit = (node: ts.Node): void => {
        if (ts.isIdentifier(node)) words.add(node.text);
        ts.forEachChild(node, visit);
      };
      visit(text);
      for (const word of ['performance', 'Date', 'setTimeout', 'PacketInput', 'PacketArena', 'PacketBuffer'])
        expect(words.has(word), `${name}: ${word}`).toBe(false);
    }
  });

  it('leaves the immediate driver with a dozen fields', () => {
    const file = parse('src/runtime/runtime.ts');
    const driver = file.statements.filter(ts.isClassDeclaration).find(({ name }) => name?.text === 'Runtime');
    const fields = driver?.members.filter(ts.isPropertyDeclaration) ?? [];
    expect(fields.length).toBeGreaterThan(0);
    expect(fields.length).toBeLessThanOrEqual(12);
  });
});
