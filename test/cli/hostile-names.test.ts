/**
 * Names, licences and source lines that would command the terminal: no command that reads an object prints them raw.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { assemble, disassemble, type ObjectSpec, parseImage, readObject, writeElf } from '../../src/object/index.js';
import { openExample } from '../support/examples.js';

/** Red, a title, clear screen, and a right-to-left override; as the assembler writes them. */
const evil = '\\x1b[31m\\x1b]0;pwn\\x07\\x1b[2J\\u202e';
const assembly = `
  .license "GPL${evil}"
  .map "m${evil}" type=hash key=4 value=4 max_entries=8
  .section "xdp/${evil}"
  .globl "p${evil}"
"p${evil}":
  r1 = "m${evil}" ll
  call "f${evil}"
  r0 = 2
  exit
  .type "f${evil}", @function
"f${evil}":
  r0 = 0
  exit
`;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const commands = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/;

let object = '';
let lined = '';

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-'));
  object = join(folder, 'evil.o');
  writeFileSync(object, writeElf(parseImage(assembly)));
  // The source lines of a compiled object: the longest one's end becomes a command.
  lined = join(folder, 'lined.o');
  const bytes = readFileSync(`${openExample('firewall').folder}firewall.o`);
  const lines = readObject(new Uint8Array(bytes)).programs.flatMap((program) => program.lines);
  const longest = lines.map((line) => line.text).reduce((a, b) => (b.length > a.length ? b : a));
  bytes.write('\x1b[2J\x1b[31m\x07', bytes.indexOf(longest) + longest.length - 12, 'latin1');
  writeFileSync(lined, bytes);
});

const listings = [
  'show',
  'show -j',
  'disasm',
  'disasm -S',
  'disasm -S --syntax kernel',
  'disasm -j',
  'map dump',
  'map dump -p',
];

describe('what a file says is shown, not obeyed', () => {
  it.each(listings)('%s', async (words) => {
    for (const file of [object, lined]) {
      const { exitCode, out, err } = await captureCli([...words.split(' '), file]);
      expect(exitCode, err).toBe(0);
      expect(out + err).not.toMatch(commands);
      if (file === object) expect(out).toMatch(/\\(?:x|u00)1b\[31m/);
    }
  });

  it.each(['verify -v', 'ir', 'ir -j'])('%s', async (words) => {
    const { out, err } = await captureCli([...words.split(' '), lined]);
    expect(out + err).not.toMatch(commands);
  });

  it.each(['run', 'run -x', 'trace', 'trace -v', 'trace --rules', 'cache'])('%s', async (words) => {
    const text = assembly.replace('call "f', 'r9 = 0\n  call "f');
    const named = join(mkdtempSync(join(tmpdir(), 'jitnic-')), 'evil.s');
    writeFileSync(named, text);
    for (const color of ['never', 'always']) {
      const { exitCode, out, err } = await captureCli([
        ...words.split(' '),
        named,
        '-r',
        `${openExample('load-balancer').folder}traffic.pcap`,
        '-c',
        '20',
        '--color',
        color,
      ]);
      expect(exitCode, err).toBe(0);
      // Our own colours are numbers that no file can choose.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken away
      const plain = (out + err).replace(color === 'always' ? /\x1b\[(?:1|2|22|31|32|33|36|39)m/g : /(?!)/g, '');
      expect(plain).not.toMatch(commands);
    }
  });

  it('in messages, too', async () => {
    const { exitCode, err } = await captureCli(['map', 'dump', object, 'nothing']);
    expect(exitCode).toBe(3);
    expect(err).not.toMatch(commands);
    expect(err).toContain('\\x1b[31m');
  });

  it('and assembler text brings the names back', () => {
    const spec = assemble(assembly);
    expect(spec.maps[0]?.name).toBe('m\x1b[31m\x1b]0;pwn\x07\x1b[2J\u202e');
    // Where in the file a function stood is another matter: text puts callees behind those who call them.
    const named = ({ programs }: ObjectSpec): unknown =>
      programs.map((program) => ({
        ...program,
        functions: program.functions.map((fn) => ({ ...fn, origin: undefined })),
      }));
    expect(named(assemble(disassemble(spec)))).toEqual(named(spec));
  });
});
