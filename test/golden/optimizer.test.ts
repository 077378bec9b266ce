/**
 * Keeps docs/optimizer.md true: what stands between `<!-- generated: NAME -->` and `<!-- end -->` must be what the
 * code says. After a change, `UPDATE_GOLDEN=1 npx vitest run test/golden/optimizer.test.ts` writes it anew; then read
 * the difference.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type FunctionCode, formatFunction, type Program, type World, worldOf } from '../../src/ir/index.js';
import { readObject } from '../../src/object/index.js';
import { levelSettings, passes, params, type OptReport, reportPasses } from '../../src/opt/index.js';
import { Verdicts } from '../../src/verifier/index.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = `${root}docs/optimizer.md`;
const block = /<!-- generated: ([\w-]+) -->\n([\s\S]*?)\n?<!-- end -->/g;

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function report(path: string, watch?: (name: string, code: FunctionCode, world: World) => void): OptReport {
  const object = readObject(readFileSync(`${root}${path}`), { name: path });
  const world = worldOf(object);
  const program = world.programs.at(-1) as Program;
  return reportPasses(world, program, {
    // As runs compile: without the verifier's facts.
    verdicts: Verdicts.of(object),
    settings: levelSettings(3),
    check: true,
    watch: ({ name }, code) => watch?.(name, code, world),
  });
}

const generators: Readonly<Record<string, () => string>> = {
  passes: () =>
    table(
      ['pass', 'from', 'for', 'does', 'after'],
      passes.map(({ name, level, targets, description, after = [], needsVerified }) => [
        `\`${name}\``,
        `-O${level}${needsVerified ? ', verified' : ''}`,
        targets.join(' '),
        description,
        after.map((other) => `\`${other}\``).join(' '),
      ]),
    ),
  params: () =>
    table(
      ['parameter', 'default', 'is'],
      Object.entries(params).map(([name, { value, description }]) => [`\`${name}\``, value, description]),
    ),
  steps: () => {
    const sections: string[] = [];
    let before = '';
    report('bench/programs/array-count.o', (name, code, world) => {
      const text = formatFunction(code, { map: (i) => world.maps[i]?.spec.name ?? 'map?', ctxField: (offset) => `ctx[${offset}]` });
      const title = name === 'build' ? '### As it is translated' : `### After \`${name}\``;
      sections.push(text === before ? `${title}\n\nThe same.` : `${title}\n\n\`\`\`\n${text}\n\`\`\``);
      before = text;
    });
    return sections.join('\n\n');
  },
  sizes: () => {
    const bench = readdirSync(`${root}bench/programs`).filter((name) => name.endsWith('.o'));
    const examples = ['ipv6-filter', 'lpm-router', 'nat', 'token-bucket'].map((name) => `examples/${name}/${name}.o`);
    const paths = [...bench.sort().map((name) => `bench/programs/${name}`), ...examples];
    const reports = paths.map((path) => [path.replace(/^.*\//, '').replace('.o', ''), report(path).steps] as const);
    const names = reports[0]?.[1].map(({ name }) => name) ?? [];
    return table(['program', ...names], reports.map(([name, steps]) => [name, ...steps.map(({ insns }) => insns)]));
  },
};

if (process.env['UPDATE_GOLDEN'] === '1') {
  const text = readFileSync(page, 'utf8').replace(block, (whole, name: string) => {
    const made = generators[name]?.();
    return made === undefined ? whole : `<!-- generated: ${name} -->\n${made}\n<!-- end -->`;
  });
  writeFileSync(page, text);
}

const written = new Map(Array.from(readFileSync(page, 'utf8').matchAll(block), ([, name = '', text = '']) => [name, text]));

describe('the page about the optimizer', () => {
  test('has every generated part', () => {
    expect([...written.keys()].sort()).toEqual(Object.keys(generators).sort());
  });

  test.each(Object.keys(generators))('says what the code says: %s', (name) => {
    expect(written.get(name)).toBe(generators[name]?.());
  }, 120_000);
});
