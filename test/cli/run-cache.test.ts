/**
 * What `jitnic run` keeps from run to run. It is the built command line (`npm run build`) that knows which build it
 * is.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';

const built = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const example = (file: string): string => fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
const tracker = [example('tcp-conntrack/tcp-conntrack.o')];
const capture = example('tcp-conntrack/traffic.pcap');

const root = mkdtempSync(join(tmpdir(), 'jitnic-kept-'));
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'c-'));
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

interface Run {
  readonly verdicts: unknown;
  readonly maps: unknown;
}

function run(env: Record<string, string>, ...args: string[]): Run {
  const out = execFileSync(
    process.execPath,
    [built, 'run', ...args, '-r', capture, '-c', '200', '-j', '--maps', '-q'],
    {
      env: { PATH: process.env['PATH'], ...env },
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  );
  const { verdicts, maps } = JSON.parse(out) as Run;
  return { verdicts, maps };
}

/** Results by name. Beside them lies the code of the command line itself (src/cli/bundle.ts). */
const kept = (directory: string): Map<string, string> =>
  new Map(
    readdirSync(directory)
      .filter((name) => name !== 'code')
      .map((name) => [name, readFileSync(join(directory, name), 'hex')]),
  );

describe('the cache of runs', () => {
  test('is in $XDG_CACHE_HOME/jitnic, else ~/.cache/jitnic, or where JITNIC_CACHE says', () => {
    run({ XDG_CACHE_HOME: join(folder, 'xdg'), HOME: join(folder, 'home') }, ...tracker, '--engine', 'wasm');
    run({ HOME: join(folder, 'home') }, ...tracker, '--engine', 'wasm');
    run({ HOME: join(folder, 'none'), JITNIC_CACHE: join(folder, 'own') }, ...tracker, '--engine', 'wasm');
    const names = ['xdg/jitnic', 'home/.cache/jitnic', 'own'].map((path) =>
      [...kept(join(folder, path)).keys()].sort(),
    );
    expect(names[0]).toHaveLength(2);
    expect(names[1]).toEqual(names[0]);
    expect(names[2]).toEqual(names[0]);
    expect(readdirSync(folder).sort()).toEqual(['home', 'own', 'xdg']);
  });

  test('is left alone with --no-cache or JITNIC_CACHE=off', () => {
    run({ HOME: folder }, ...tracker, '--engine', 'wasm', '--no-cache');
    run({ HOME: folder, JITNIC_CACHE: 'off' }, ...tracker, '--engine', 'wasm');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('changes no outcome, whatever is in it', () => {
    const env = { JITNIC_CACHE: folder };
    const plain = run({}, ...tracker, '--engine', 'interp', '--no-cache');
    for (const engine of ['wasm', 'trace']) {
      for (let i = 0; i < 2; i++) expect(run(env, ...tracker, '--engine', engine)).toEqual(plain);
    }
    const good = kept(folder);
    for (const name of good.keys()) writeFileSync(join(folder, name), 'not one of ours');
    expect(run(env, ...tracker, '--engine', 'wasm')).toEqual(plain);
    const [module] = [...good].sort(([, a], [, b]) => b.length - a.length);
    expect(kept(folder).get(module?.[0] ?? '')).toBe(module?.[1]);
  });

  test('has an entry of its own for other maps, passes and CPUs', () => {
    const env = { JITNIC_CACHE: folder };
    const sizes: number[] = [];
    for (const more of [[], ['-O1'], ['-O1', '-O-cse'], ['--cpus', '2'], ['--map-entries', 'connections=1024'], []]) {
      run(env, ...tracker, '--engine', 'wasm', ...more);
      sizes.push(kept(folder).size);
    }
    // The first run keeps a verdict and a module; another size of a map is another question for the verifier, too.
    expect(sizes).toEqual([2, 3, 4, 5, 7, 7]);
  });

  test('has nothing of a program that is refused', () => {
    const refused = join(folder, 'refused.s');
    writeFileSync(refused, '.section xdp\n.globl f\nf:\nr0 = *(u8 *)(r1 + 0)\nexit\n');
    const cache = join(folder, 'cache');
    for (let i = 0; i < 2; i++)
      expect(() => run({ JITNIC_CACHE: cache }, refused)).toThrow(expect.objectContaining({ status: 1 }));
    expect(kept(cache).size).toBe(0);
  });

  test('does not take one program for another: each input of a verdict counts', () => {
    const file = join(folder, 'program.s');
    const env = { JITNIC_CACHE: join(folder, 'cache') };
    const accepts = (license: string, valueSize: number): boolean => {
      writeFileSync(
        file,
        `.license "${license}"
        .map m type=array key=4 value=${valueSize} max_entries=1
        .section xdp
        .globl f
        f:
        r1 = 0
        *(u64 *)(r10 - 8) = r1
        r1 = r10
        r1 += -8
        r2 = 8
        call bpf_trace_printk
        r1 = 0
        *(u32 *)(r10 - 4) = r1
        r1 = m ll
        r2 = r10
        r2 += -4
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        r1 = *(u64 *)(r0 + 0)
        out:
        r0 = 2
        exit
        `,
      );
      try {
        run(env, file);
        return true;
      } catch (error) {
        expect(error).toMatchObject({ status: 1 });
        return false;
      }
    };
    expect(accepts('GPL', 8)).toBe(true);
    expect(accepts('GPL', 8)).toBe(true);
    // The helper is for GPL programs, and the load leaves a shorter value.
    expect(accepts('Proprietary', 8)).toBe(false);
    expect(accepts('GPL', 4)).toBe(false);
    expect(accepts('GPL', 8)).toBe(true);
  });

  test('is no reason to fail where it cannot be', () => {
    writeFileSync(join(folder, 'file'), '');
    const env = { JITNIC_CACHE: join(folder, 'file', 'below') };
    expect(run(env, ...tracker, '--engine', 'wasm')).toEqual(run({}, ...tracker, '--engine', 'wasm', '--no-cache'));
  });
});
