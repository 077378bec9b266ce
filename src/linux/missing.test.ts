/**
 * What is said where the kernel cannot be asked: one sentence, exit code 4, and everything else works. Runs the built
 * command in processes of its own.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cli = `${root}dist/cli/main.js`;
const object = `${root}examples/ipv6-filter/ipv6-filter.o`;
const capture = `${root}examples/ipv6-filter/traffic.pcap`;
const onEngine = (engine: string): string[] => ['run', object, '-r', capture, '--engine', engine];

interface Result {
  readonly status: number | null;
  readonly err: string;
}

function run(argv: readonly string[], before: readonly string[] = [], node: readonly string[] = []): Result {
  const [command = '', ...args] = [...before, process.execPath, ...node, cli, ...argv];
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return { status, err: stderr };
}

/** Code that runs before the command, as a module. */
const preload = (code: string): string[] => ['--import', `data:text/javascript,${encodeURIComponent(code)}`];

const withoutKoffi = preload(`
  import Module from 'node:module';
  const resolve = Module._resolveFilename;
  Module._resolveFilename = function (name, ...rest) {
    if (name === 'koffi') throw Object.assign(new Error('no koffi'), { code: 'MODULE_NOT_FOUND' });
    return resolve.call(this, name, ...rest);
  };`);
const onMac = preload(`Object.defineProperty(process, 'platform', { value: 'darwin' });`);

/** The error's own lines: a warning of Node's about experiments is not ours. */
const said = ({ err }: Result): string[] => err.split('\n').filter((line) => /^(error|hint):/.test(line));

describe.skipIf(!existsSync(cli))('where the kernel cannot be asked', () => {
  it('for want of koffi, that is said, and other engines work', () => {
    const result = run(onEngine('kernel'), [], withoutKoffi);
    expect(result.status).toBe(4);
    expect(said(result)).toEqual([
      'error: the kernel engine needs the optional package `koffi`, which is not installed',
      'hint: run `npm install koffi`',
    ]);
    expect(run(onEngine('interp'), [], withoutKoffi).status).toBe(0);
  });

  it('for want of Linux, that is said, and other engines work', () => {
    const result = run(onEngine('kernel'), [], onMac);
    expect(result.status).toBe(4);
    expect(said(result)[0]).toBe('error: the kernel engine needs Linux and this is darwin');
    expect(run(onEngine('interp'), [], onMac).status).toBe(0);
  });
});

/** Without the right to use BPF, whoever runs this: a new user namespace has none in the first one. */
const withoutRights = ['unshare', '-Ur'];

function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['-Ur', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!existsSync(cli) || !canUnshare())('without the right to use bpf(2)', () => {
  it.each([
    ['run', onEngine('kernel')],
    ['bench', ['bench', object, '-r', capture, '--engine', 'kernel']],
    ['conformance-plugin', ['conformance-plugin', '--engine', 'kernel', '--program', '95 00 00 00 00 00 00 00']],
  ])('%s says so in one sentence', (_, argv) => {
    const result = run(argv, withoutRights);
    expect(result.status).toBe(4);
    expect(said(result)[0]).toBe('error: this process may not use bpf(2)');
    expect(said(result)[1]).toContain('CAP_BPF');
  });

  it('bench measures the other engines, and says why not the kernel', () => {
    const result = run(['bench', object, '-r', capture, '--rounds', '1'], withoutRights);
    expect(result.status).toBe(0);
    expect(result.err).toContain('no figure for the kernel: this process may not use bpf(2)');
  });
});
