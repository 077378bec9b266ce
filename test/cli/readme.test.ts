/**
 * What the README shows is what the program prints: each `console` block is a command and its output.
 * `UPDATE_GOLDEN=1 npx vitest run test/cli/readme.test.ts` pastes the output anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { commandRows } from '../../src/cli/commands.js';
import { captureCli } from '../../src/cli/testing.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const file = join(root, 'README.md');
const block = /```console\n\$ jitnic (.*)\n([\s\S]*?)```/g;

async function output(commandLine: string): Promise<string> {
  const argv = commandLine.split(' ').map((word) => (word.startsWith('examples/') ? join(root, word) : word));
  return (await captureCli(argv)).out;
}

if (process.env['UPDATE_GOLDEN'] === '1') {
  let text = readFileSync(file, 'utf8');
  for (const [whole, commandLine = ''] of [...text.matchAll(block)]) {
    const made = await output(commandLine);
    text = text.replace(whole, () => `\`\`\`console\n$ jitnic ${commandLine}\n${made}\`\`\``);
  }
  writeFileSync(file, text);
}

const readme = readFileSync(file, 'utf8');

describe('the README', () => {
  test.each([...readme.matchAll(block)].map(([, commandLine = '', shown = '']) => [commandLine, shown] as const))(
    'shows what `jitnic %s` prints',
    async (commandLine, shown) => {
      expect(shown).toBe(await output(commandLine));
    },
  );

  test('names commands and files that exist', () => {
    const commands = [...readme.matchAll(/jitnic ([a-z-]+) /g)].map(([, name = '']) => name);
    const names = commandRows.map((row) => row.name);
    expect(commands.filter((name) => !names.includes(name) && name !== 'takes')).toEqual([]);
    const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = '']) => path);
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});
