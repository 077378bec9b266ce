/** What `npm pack` makes: small, whole, and of use without the repository. Needs `npm run build`. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { libraryExample } from './support/library-example.js';

const root = fileURLToPath(new URL('../', import.meta.url));
/** Bytes, unpacked: what docs/architecture.md promises. */
const most = 2_500_000;

interface Packed {
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

describe('the package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-package-'));
  const installed = join(folder, 'node_modules/jitnic');
  let packed: Packed;

  /** As npm would install it, with the one package that it depends on. */
  beforeAll(() => {
    const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    [packed] = JSON.parse(text) as [Packed];
    for (const { path } of packed.files) {
      mkdirSync(dirname(join(installed, path)), { recursive: true });
      cpSync(join(root, path), join(installed, path));
    }
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    for (const name of Object.keys(dependencies)) {
      const link = join(folder, 'node_modules', name);
      // A name may have a scope.
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(root, 'node_modules', name), link);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('is below 2.5 MB', () => {
    expect(packed.unpackedSize).toBeLessThan(most);
  });

  test('brings the schema of every shape along', () => {
    // That of a daemon's bodies the daemon gives.
    const names = readdirSync(join(root, 'schemas')).filter((name) => name !== 'daemon.schema.json');
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const schema = JSON.parse(readFileSync(join(installed, 'dist/schemas', name), 'utf8')) as object;
      expect(schema).toEqual(JSON.parse(readFileSync(join(root, 'schemas', name), 'utf8')));
    }
  });

  test('names each manual page: compressed ones npm does not find by itself', () => {
    const { man } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { readonly man: string[] };
    const pages = readdirSync(join(installed, 'dist/man')).map((page) => `./dist/man/${page}`);
    expect(pages.length).toBeGreaterThan(20);
    expect([...man].sort()).toEqual(pages.sort());
  });

  test('has no build files, no tools that need the repository, no maps of sources', () => {
    const stray = packed.files.filter(({ path }) =>
      /tsbuildinfo|\.map$|dist\/tools|\.test\.|^src\/|^scripts\//.test(path),
    );
    expect(stray).toEqual([]);
  });

  test('is published without the scripts of the repository', () => {
    const copy = join(folder, 'manifest');
    mkdirSync(join(copy, 'scripts'), { recursive: true });
    mkdirSync(join(copy, 'dist'));
    cpSync(join(root, 'package.json'), join(copy, 'package.json'));
    cpSync(join(root, 'scripts/manifest.mjs'), join(copy, 'scripts/manifest.mjs'));
    const manifest = (): Record<string, unknown> => JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'));
    const before = manifest();
    execFileSync(process.execPath, [join(copy, 'scripts/manifest.mjs'), 'strip']);
    const { scripts, devDependencies, ...rest } = before;
    expect(scripts).toBeDefined();
    expect(devDependencies).toBeDefined();
    expect(manifest()).toEqual(rest);
    execFileSync(process.execPath, [join(copy, 'scripts/manifest.mjs'), 'restore']);
    expect(manifest()).toEqual(before);
  });

  test('runs: the command line on what comes with it', () => {
    const out = execFileSync(process.execPath, [join(installed, 'dist/bundle/main.cjs'), 'demo'], {
      encoding: 'utf8',
      env: { ...process.env, JITNIC_CACHE: 'off', HOME: folder, TMPDIR: folder },
    });
    expect(out).toContain('load_balancer');
    // What the demo unpacks it takes away.
    expect(readdirSync(folder).filter((name) => name.startsWith('jitnic-demo'))).toEqual([]);
  });

  test('is a library with every subpath that it offers, and types for each', () => {
    const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>;
    };
    for (const { types } of Object.values(exports)) expect(statSync(join(installed, types)).size).toBeGreaterThan(0);
    const names = Object.keys(exports).map((path) => path.replace('.', 'jitnic'));
    const file = join(folder, 'all.mjs');
    writeFileSync(
      file,
      names.map((name) => `console.log(Object.keys(await import('${name}')).length > 0);\n`).join(''),
    );
    const out = execFileSync(process.execPath, [file], { encoding: 'utf8', cwd: folder });
    expect(out.trim().split('\n')).toEqual(names.map(() => 'true'));
  });

  test('has types that the compiler takes as they are', () => {
    const file = join(folder, 'use.mts');
    writeFileSync(
      file,
      `import { openSession, type PacketResult } from 'jitnic';
       import { readObject } from 'jitnic/object';
       export const run = (bytes: Uint8Array): PacketResult => openSession(bytes).run({ data: new Uint8Array(64) });
       export const count: number = readObject(new Uint8Array()).programs.length;\n`,
    );
    // The example of src/index.ts beside it, and as much of Node as that takes: types of Node are not to be needed.
    writeFileSync(join(folder, 'example.mts'), libraryExample());
    writeFileSync(
      join(folder, 'node.d.ts'),
      `declare module 'node:fs' { export function readFileSync(path: string): Uint8Array; }\n`,
    );
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--typeRoots', 'none'];
    const files = [file, 'example.mts', 'node.d.ts'];
    const { stdout } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), ...options, '--skipDefaultLibCheck', ...files],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(stdout).toBe('');
  });
});
