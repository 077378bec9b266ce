/** `jitnic card`: descriptions, their errors, and programs as rows. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { type CardDescription, readCard, shippedCards } from '../../src/nic/index.js';
import { cardSchemaText } from '../support/card-schema.js';

const schemaFile = fileURLToPath(new URL('../../schemas/card-file.schema.json', import.meta.url));
const balancer = fileURLToPath(new URL('../../examples/heavy-hitter/heavy-hitter.o', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'jitnic-card-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A card as a file has it. */
function fileOf({ name, kind, title, parameters }: CardDescription): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const [path, { value, unit, basis, source }] of parameters) {
    const fields = path.split('.');
    const last = fields.pop() ?? '';
    let at = tree;
    for (const field of fields) {
      at[field] ??= {};
      at = at[field] as Record<string, unknown>;
    }
    at[last] = { value, ...(unit === '' ? {} : { unit }), basis, source };
  }
  return { name, kind, title, parameters: tree };
}

const write = (name: string, value: unknown): string => {
  const path = join(folder, name);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
};

describe('the schema of descriptions', () => {
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(schemaFile, cardSchemaText());

  test('is what the table of parameters says', () => {
    expect(JSON.parse(readFileSync(schemaFile, 'utf8'))).toEqual(JSON.parse(cardSchemaText()));
  });

  test.each(shippedCards.map((card) => [card.name, card] as const))(
    'takes %s, which reads back as it was',
    (_, card) => {
      const file = fileOf(card);
      const validate = new Ajv2020({ allErrors: true, strict: true }).compile(JSON.parse(cardSchemaText()));
      validate(file);
      expect(validate.errors ?? []).toEqual([]);
      const read = readCard(JSON.parse(JSON.stringify(file)), () => undefined);
      expect([...read.parameters]).toEqual([...card.parameters]);
    },
  );
});

describe('jitnic card', () => {
  test('lists the cards that are shipped', async () => {
    const { out, exitCode } = await captureCli(['card', 'list']);
    expect(exitCode).toBe(0);
    for (const name of ['pipeline', 'hxdp', 'hxdp-u50', 'nfp4000', 'nfp4000-2x40', 'nfp6000'])
      expect(out).toContain(name);
  });

  test.each(shippedCards.map(({ name }) => name))(
    'shows %s in lines of 80 characters, each with its source',
    async (name) => {
      const { out } = await captureCli(['card', 'show', name]);
      expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
      const sources = new Set(Array.from(out.matchAll(/^\[(\d+)\]/gm), ([, number]) => number));
      const cited = new Set(Array.from(out.matchAll(/ \[(\d+)\]$/gm), ([, number]) => number));
      expect([...cited].filter((number) => !sources.has(number))).toEqual([]);
      expect(cited.size).toBe(sources.size);
    },
  );

  test('reads a file that says what is different', async () => {
    const clock = { value: 300, unit: 'MHz', basis: 'assumed', source: 'a faster part' };
    const file = write('fast.json', { name: 'fast', like: 'hxdp', parameters: { clock } });
    expect((await captureCli(['card', 'show', file])).out).toMatch(/clock\s+300\s+MHz\s+assumed/);
    const { out, exitCode } = await captureCli(['card', 'check', file]);
    expect(out).toContain('fast: a card of kind vliw');
    expect(exitCode).toBe(0);
  });

  const hxdp = shippedCards.find(({ name }) => name === 'hxdp') as CardDescription;
  const changed = (change: (file: { parameters: Record<string, Record<string, unknown>> }) => void): unknown => {
    const file = structuredClone(fileOf(hxdp)) as { parameters: Record<string, Record<string, unknown>> };
    change(file);
    return file;
  };
  const parameter = { value: 1, unit: 'conditions', basis: 'assumed', source: 'x' };

  test.each([
    [
      'front.entires',
      'did you mean `entries`?',
      changed(({ parameters }) => {
        (parameters['front'] ?? {})['entires'] = parameter;
      }),
    ],
    [
      'clock.unit',
      '`MHz` is wanted',
      changed(({ parameters }) => {
        (parameters['clock'] ?? {})['unit'] = 'GHz';
      }),
    ],
    [
      'units.lanes.value',
      'is not a whole number',
      changed(({ parameters }) => {
        (parameters['units'] ?? {})['lanes'] = { ...parameter, unit: 'lanes', value: 1.5 };
      }),
    ],
    [
      'core.branch.value',
      'is below 1',
      changed(({ parameters }) => {
        (parameters['core'] ?? {})['branch'] = { ...parameter, unit: 'cycles', value: 0 };
      }),
    ],
    [
      'front.match.value',
      'did you mean `ternary`?',
      changed(({ parameters }) => {
        (parameters['front'] ?? {})['match'] = { value: 'ternery', basis: 'assumed', source: 'x' };
      }),
    ],
    [
      'front.entries.value',
      'there is no match table',
      changed(({ parameters }) => {
        (parameters['front'] ?? {})['entries'] = parameter;
      }),
    ],
    [
      'clock.basis',
      'did you mean `measured`?',
      changed(({ parameters }) => {
        (parameters['clock'] ?? {})['basis'] = 'mesured';
      }),
    ],
    [
      'clock.source',
      'is missing',
      changed(({ parameters }) => {
        delete parameters['clock']?.['source'];
      }),
    ],
    [
      'limits.stack',
      'is missing: bytes of the stack (B)',
      changed(({ parameters }) => {
        delete parameters['limits']?.['stack'];
      }),
    ],
    [
      'memories.maps.holds.value[0]',
      'not one of',
      changed(({ parameters }) => {
        (parameters['memories'] as Record<string, Record<string, unknown>>)['maps'] = {
          holds: { value: ['x'], basis: 'assumed', source: 'x' },
        };
      }),
    ],
    [
      'memories',
      'is missing',
      changed(({ parameters }) => {
        delete parameters['memories'];
      }),
    ],
    ['kind', 'is missing', { name: 'x', parameters: {} }],
    ['like', 'names no card', { name: 'x', like: 'hxpd' }],
    ['nmae', 'did you mean `name`?', { nmae: 'x' }],
    ['the file', 'is not an object', []],
  ])('names the field that is wrong: %s %s', async (path, what, file) => {
    const name = write('wrong.json', file);
    const { err, exitCode } = await captureCli(['card', 'check', name]);
    expect(exitCode).toBe(3);
    expect(err).toContain(`${name}: \`${path}\``);
    expect(err).toContain(what);
  });

  test('suggests a card, an operation, an optimization', async () => {
    expect((await captureCli(['card', 'show', 'hxpd'])).err).toContain('did you mean `hxdp`?');
    expect((await captureCli(['card', 'lst'])).err).toContain('did you mean `list`?');
    const { err, exitCode } = await captureCli(['card', 'compile', balancer, '--without', 'bound']);
    expect(err).toContain('did you mean `bounds`?');
    expect(exitCode).toBe(2);
    expect((await captureCli(['card', 'compile', balancer, '--card', 'pipeline'])).exitCode).toBe(2);
    const cores = ['card', 'compile', balancer, '--card', 'nfp4000'];
    expect((await captureCli([...cores, '--lanes', '4'])).exitCode).toBe(2);
    expect((await captureCli([...cores, '--without', 'packet-cash'])).err).toContain('did you mean `packet-cache`?');
    expect((await captureCli(['card', 'compile', balancer, '--image', 'x'])).err).toContain('no image of `hxdp`');
    expect((await captureCli(['card', 'list', '--lanes', '4'])).exitCode).toBe(2);
  });
});

describe('jitnic card compile', () => {
  const listing = `
drop.o:\tfile format ELF64-BPF

Disassembly of section xdp1:
drop:
       0:\t61 12 04 00 00 00 00 00 \tr2 = *(u32 *)(r1 + 4)
       1:\t61 11 00 00 00 00 00 00 \tr1 = *(u32 *)(r1 + 0)
       2:\tbf 13 00 00 00 00 00 00 \tr3 = r1
       3:\t07 03 00 00 0e 00 00 00 \tr3 += 14
       4:\tb7 00 00 00 01 00 00 00 \tr0 = 1
       5:\t2d 23 02 00 00 00 00 00 \tif r3 > r2 goto +2 <LBB0_2>
       6:\t71 11 0c 00 00 00 00 00 \tr1 = *(u8 *)(r1 + 12)
       7:\tb7 00 00 00 02 00 00 00 \tr0 = 2

LBB0_2:
       8:\t95 00 00 00 00 00 00 00 \texit
`;

  test('takes what llvm-objdump prints, prints rows, and says what each optimization did', async () => {
    const file = write('drop.txt', listing);
    const { out, exitCode } = await captureCli(['card', 'compile', file, '--print']);
    expect(exitCode).toBe(0);
    expect(out).toContain('if start + 14 > end goto');
    expect(out).toMatch(/bounds\s+5\s/);
    expect(out).toContain('(model)');
    const plain = await captureCli(['card', 'compile', file, '-j', '--without', 'bounds,exit']);
    const { rows, operations } = JSON.parse(plain.out) as { rows: number; operations: number };
    const all = JSON.parse((await captureCli(['card', 'compile', file, '-j'])).out) as {
      rows: number;
      operations: number;
    };
    expect(all.operations).toBeLessThan(operations);
    expect(all.rows).toBeLessThan(rows);
  });

  test('says what does not fit, with exit code 1', async () => {
    const file = write(
      'calls.s',
      '.section xdp\n.globl f\nf:\ncall g\nexit\n.text\ng:\n.type g, @function\nr0 = 1\nexit\n',
    );
    const { out, exitCode } = await captureCli(['card', 'compile', file]);
    expect(exitCode).toBe(1);
    expect(out).toContain('does not fit hxdp: section xdp: insn 0: the core has no stack of calls');
    const long = write('long.s', `.section xdp\n.globl f\nf:\n${'call 5\n'.repeat(300)}r0 = 1\nexit\n`);
    const more = await captureCli(['card', 'compile', long]);
    expect(more.exitCode).toBe(1);
    expect(more.out).toContain('hxdp has 256');
  });
});

describe('jitnic card compile for many cores', () => {
  const program = `.map counts type=array key=4 value=8 max_entries=4
  .section xdp
  .globl f
  f:
  r2 = *(u32 *)(r1 + 4)
  r6 = *(u32 *)(r1 + 0)
  r3 = r6
  r3 += 14
  if r3 > r2 goto out
  r1 = *(u8 *)(r6 + 12)
  r2 = *(u8 *)(r6 + 13)
  r1 += r2
  *(u32 *)(r10 - 4) = r1
  r2 = r10
  r2 += -4
  r1 = counts ll
  call 1
  if r0 == 0 goto out
  r1 = 1
  lock *(u64 *)(r0 + 0) += r1
  out:
  r0 = 1
  exit`;

  test('lists instructions with their words, and what each optimization saved', async () => {
    const file = write('cores.s', program);
    const { out, exitCode } = await captureCli(['card', 'compile', file, '--card', 'nfp4000', '--print']);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/ {2}105c\w{8} {2}mem\[read32_swap, \$xfer_0, a_12, 0xc, 1\], ctx_swap/);
    expect(out).toContain('br[helper_1], defer[2]');
    expect(out).toContain('mem[add_imm');
    expect(out).toMatch(/packet-cache\s+\d+\s+1\s/);
    expect(out).toMatch(/short-forms\s+0\s+0\s/);
    expect(out).not.toContain('beyond');
  });

  test('writes the instruction store, and agrees with its schema', async () => {
    const file = write('cores.s', program);
    const image = join(folder, 'cores.bin');
    const { out } = await captureCli(['card', 'compile', file, '--card', 'nfp4000', '-j', '--image', image]);
    const made: unknown = JSON.parse(out);
    const schema = fileURLToPath(new URL('../../schemas/jitnic.card-1.schema.json', import.meta.url));
    const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(
      JSON.parse(readFileSync(schema, 'utf8')),
    );
    validate(made);
    expect(validate.errors ?? []).toEqual([]);
    const words = readFileSync(image);
    // Eight words are fetched ahead.
    expect(words.length / 8).toBe((made as { operations: number }).operations + 8);
    expect(words.readBigUInt64LE(0) >> 52n).toBe(0n);
  });

  test('names what the driver of Linux does not compile, and refuses it where it is asked to', async () => {
    const file = write('clock.s', '.section xdp\n.globl f\nf:\ncall 5\nr0 = 2\nexit\n');
    const card = ['card', 'compile', file, '--card', 'nfp4000'];
    const { out, exitCode } = await captureCli(card);
    expect(exitCode).toBe(0);
    expect(out).toContain('insn 0: helper 5');
    const published = await captureCli([...card, '--published']);
    expect(published.exitCode).toBe(1);
    expect(published.out).toContain("insn 0: Linux's driver does not compile helper 5");
  });
});
