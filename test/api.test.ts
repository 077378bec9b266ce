/** The library as its users see it: the example of `src/index.ts` compiles and does what it says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as api from '../src/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const index = readFileSync(join(root, 'src/index.ts'), 'utf8');

/** The first indented block of the first comment. */
function example(): string {
  const comment = index.slice(0, index.indexOf('*/'));
  const all = comment.split('\n');
  const start = all.findIndex((line) => line.startsWith(' *     '));
  const lines = all.slice(
    start,
    all.findIndex((line, i) => i > start && line !== ' *' && !line.startsWith(' *     ')),
  );
  return lines.map((line) => line.slice(7)).join('\n');
}

// Inside the repository, so that the example finds the packages that it would find there.
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(root, 'node_modules', '.api-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the example of the library', () => {
  test('compiles', () => {
    const file = join(folder, 'example.ts');
    writeFileSync(file, example().replaceAll("'jitnic'", `'${join(root, 'src/index.js')}'`));
    const options = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config.compilerOptions;
    const parsed = ts.convertCompilerOptionsFromJson(
      {
        ...options,
        incremental: false,
        tsBuildInfoFile: undefined,
        rootDir: undefined,
        noUncheckedIndexedAccess: false,
      },
      root,
    );
    const program = ts.createProgram([file], parsed.options);
    const messages = ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map((diagnostic) => ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
    expect(messages).toEqual([]);
  });

  test('prints the verdicts and the three traces of the IPv6 filter', async () => {
    const body = example()
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
