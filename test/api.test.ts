/** The library as its users see it: the example of `src/index.ts` does what it says (that it compiles,
 * test/package.test.ts sees). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import * as api from '../src/index.js';
import { libraryExample } from './support/library-example.js';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('the example of the library', () => {
  test('prints the verdicts and the three traces of the IPv6 filter', async () => {
    const body = libraryExample()
      .split('\n')
      .filter((line) => !line.startsWith('import'))
      .join('\n');
    const printed: unknown[] = [];
    const run = new Function('readFileSync', 'api', 'console', `const { decodeCapture, openSession } = api; ${body}`);
    run((path: string) => readFileSync(join(root, path)), api, { log: (line: unknown) => printed.push(line) });
    expect(printed[0]).toEqual({ ABORTED: 0, DROP: 225, PASS: 183, TX: 0, REDIRECT: 0 });
    expect(printed.slice(1).sort()).toEqual([
      expect.stringMatching(/^\d+ packets: len < 14$/),
      expect.stringMatching(/^\d+ packets: len >= 14 && eth.type == 0x86dd$/),
      expect.stringMatching(/^\d+ packets: len >= 14 && eth.type != 0x86dd$/),
    ]);
  });
});

test('the library assembles, verifies, runs and disassembles', () => {
  const object = api.assemble('.license "GPL"\n.section xdp\np: r0 = 1\nexit\n');
  expect(api.disassemble(object)).toContain('r0 = 0x1');
  const [spec] = object.programs;
  if (spec === undefined) throw new Error('no program');
  expect(api.verify(spec, object.maps).accepted).toBe(true);
  expect(api.openSession(object).run({ data: new Uint8Array(64) }).verdictName).toBe('DROP');
});
