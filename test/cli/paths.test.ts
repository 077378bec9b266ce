/** `jitnic paths`, `jitnic test --init` and coverage. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { decodeCapture } from '../../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'jitnic-paths-'));
const say = join(folder, 'say.o');
copyFileSync('test/support/say.o', say);
afterAll(() => rmSync(folder, { recursive: true }));
const filter = 'examples/ipv6-filter/ipv6-filter.o';
const own = ['--engine', 'interp', '--engine', 'wasm', '--engine', 'trace'];

describe('paths', () => {
  it('finds all paths of a small program, as a capture and as cases that hold', async () => {
    const [capture, tests] = [join(folder, 'paths.pcapng'), join(folder, 'paths.xdp.yaml')];
    copyFileSync(filter, join(folder, 'ipv6-filter.o'));
    const program = join(folder, 'ipv6-filter.o');
    const { out } = await captureCli(['paths', program, '-w', capture, '--tests', tests, '--budget', '100']);
    expect(out).toContain('3 paths (1 DROP, 2 PASS)');
    expect(out).toContain('and no other is left');
    expect(out).toContain('branches 100.0 % (4 of 4)');
    expect(decodeCapture(readFileSync(capture)).packets).toHaveLength(3);
    const ran = await captureCli(['test', tests, ...own]);
    expect(ran.out).toContain('3 passed');
  });

  it('begins with maps and constants that are given, and is the same each time', async () => {
    const paths = async (...more: string[]): Promise<readonly { packet: string }[]> =>
      (
        JSON.parse((await captureCli(['paths', say, '-j', '--budget', '60', ...more])).out) as {
          paths: { packet: string }[];
        }
      ).paths;
    expect(await paths()).toEqual(await paths());
    const longest = (all: readonly { packet: string }[]): number =>
      Math.max(...all.map(({ packet }) => packet.length / 2));
    expect(longest(await paths('--set', 'limit=500'))).toBeGreaterThan(500);
  });

  it('leaves out with --uncovered what a capture covers', async () => {
    const capture = 'examples/ipv6-filter/traffic.pcap';
    const { out } = await captureCli(['paths', filter, '-r', capture, '--uncovered', '-j', '--budget', '50']);
    expect(JSON.parse(out)).toMatchObject({ paths: [], found: 3 });
  });

  it('writes a first test file beside the program, once', async () => {
    const { out } = await captureCli(['test', '--init', say]);
    const file = join(folder, 'say.xdp.yaml');
    expect(out).toContain(`run it: jitnic test ${file}`);
    expect(existsSync(file)).toBe(true);
    expect((await captureCli(['test', file, ...own])).exitCode).toBe(0);
    const again = await captureCli(['test', '--init', say]);
    expect(again.exitCode).toBe(3);
    expect(again.err).toContain('is there already');
  });
});

describe('coverage', () => {
  const run = ['run', filter, '-r', 'examples/ipv6-filter/traffic.pcap'];

  it('counts lines, both ways of branches, and instructions', async () => {
    const { out } = await captureCli([...run, '-c', '1', '--coverage']);
    expect(out).toMatch(/ipv6-filter\.bpf\.c +100\.0 % +50\.0 % +\d/);
    const { coverage } = JSON.parse((await captureCli([...run, '--coverage', '-j'])).out) as {
      coverage: { branches: number; branches_run: number };
    };
    expect(coverage).toMatchObject({ branches: 4, branches_run: 4 });
  });

  it('is the same of compiled code as of the interpreter', async () => {
    const counted = async (engine: string): Promise<unknown> =>
      JSON.parse((await captureCli([...run, '--coverage', '--engine', engine, '-j'])).out).coverage;
    expect(await counted('wasm')).toEqual(await counted('interp'));
  });

  it('adds up over runs, and becomes lcov and a page', async () => {
    const [data, lcov, page] = ['counts.json', 'lcov.info', 'page.html'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await captureCli([...run, '-c', '3', '--coverage-data', data]);
    await captureCli([...run, '-c', '4', '--coverage-data', data, '--lcov', lcov, '--coverage-html', page]);
    const text = readFileSync(lcov, 'utf8');
    expect(text).toMatch(/SF:.*ipv6-filter\.bpf\.c/);
    expect(text).toMatch(/FNDA:7,ipv6_filter/);
    expect(text).toMatch(/DA:\d+,7/);
    expect(text).toContain('end_of_record');
    expect(readFileSync(page, 'utf8')).toContain('<td class="mark">½</td>');
    const listing = (await captureCli(['disasm', filter, '--coverage-data', data])).out;
    expect(listing).toMatch(/w0 = 0x2 +# ran 7 times/);
    const one = join(folder, 'one.json');
    await captureCli([...run, '-c', '1', '--coverage-data', one]);
    expect((await captureCli(['disasm', filter, '--coverage-data', one])).out).toMatch(/w0 = 0x[01] +# never ran/);
    const other = await captureCli(['run', say, '-r', 'examples/ipv6-filter/traffic.pcap', '--coverage-data', lcov]);
    expect(other.err).toContain('not JSON');
  });

  it('is of tests, too, and says what it excludes', async () => {
    const { out } = await captureCli(['test', 'test/support/say.xdp.yaml', '--engine', 'interp', '--coverage']);
    expect(out).toMatch(/say\.bpf\.c +100\.0 %/);
    expect((await captureCli([...run, '--coverage', '--engine', 'trace'])).exitCode).toBe(2);
    expect((await captureCli(['test', 'test/support', '--coverage', '--engine', 'wasm'])).exitCode).toBe(2);
  });
});
