/** `jitnic paths`, `jitnic test --init` and coverage. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

  it('writes what maps hold into cases, which hold on all engines, and into the comments of a capture', async () => {
    const program = join(folder, 'token-bucket.o');
    copyFileSync('examples/token-bucket/token-bucket.o', program);
    const [capture, tests] = [join(folder, 'bucket.pcapng'), join(folder, 'bucket.xdp.yaml')];
    const found = await captureCli(['paths', program, '-j', '-w', capture, '--tests', tests, '--budget', '30']);
    const { paths } = JSON.parse(found.out) as { paths: { verdict: string; maps: Record<string, unknown[]> }[] };
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.some(({ maps }) => Object.keys(maps).length > 1)).toBe(true);
    const kept = decodeCapture(readFileSync(capture)).packets.map(({ comments }) => comments ?? []);
    expect(kept).toHaveLength(paths.length);
    for (const [i, { verdict, maps }] of paths.entries()) {
      expect(kept[i]?.[0]).toBe(verdict);
      expect(kept[i]?.[1]).toBe(Object.keys(maps).length === 0 ? undefined : JSON.stringify({ maps }));
    }
    const ran = await captureCli(['test', tests, ...own]);
    expect(ran.out).toContain(`${paths.length} passed`);
  });

  it('looks for packets only with --keep-maps', async () => {
    const maps = 'examples/lpm-router/lpm-router.maps.json';
    const program = join(folder, 'lpm-router.o');
    copyFileSync('examples/lpm-router/lpm-router.o', program);
    copyFileSync(maps, join(folder, 'lpm-router.maps.json'));
    const tests = join(folder, 'router.xdp.yaml');
    const more = ['--maps-in', join(folder, 'lpm-router.maps.json'), '--keep-maps', '--budget', '60'];
    const { out } = await captureCli(['paths', program, ...more, '-j', '--tests', tests]);
    const { paths } = JSON.parse(out) as { paths: { maps: object; verdict: string }[] };
    expect(paths.every(({ maps: own }) => Object.keys(own).length === 0)).toBe(true);
    expect(paths.some(({ verdict }) => verdict === 'REDIRECT')).toBe(true);
    expect(readFileSync(tests, 'utf8')).toContain('maps-in: lpm-router.maps.json');
    expect((await captureCli(['test', tests, '--engine', 'interp'])).exitCode).toBe(0);
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

  it('writes into a test file what the object leaves to its loader, and how many CPUs there are', async () => {
    const open = join(folder, 'open.s');
    writeFileSync(
      open,
      `	.license "GPL"
	.map counts type=array key=4 value=8 max_entries=0
	.section xdp
	.globl open
open:
	call bpf_get_smp_processor_id
	*(u32 *)(r10 - 4) = r0
	r2 = r10
	r2 += -4
	r1 = counts ll
	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r1 = *(u64 *)(r0 + 0)
	if r1 == 7 goto out
	r0 = 1
	exit
out:
	r0 = 2
	exit
`,
    );
    const flags = ['--map-entries', 'counts=3'];
    const made = await captureCli(['test', '--init', open, ...flags]);
    expect([made.exitCode, made.err]).toEqual([0, '']);
    const file = join(folder, 'open.xdp.yaml');
    expect(readFileSync(file, 'utf8')).toContain('map-entries:\n  counts: 3\n');
    expect((await captureCli(['test', file, ...own])).exitCode).toBe(0);
    const more = join(folder, 'more.xdp.yaml');
    const paths = ['paths', open, ...flags, '--cpus', '2', '--seed', '9', '--tests', more];
    expect((await captureCli(paths)).exitCode).toBe(0);
    expect(readFileSync(more, 'utf8')).toMatch(/cpus: 2\nseed: 9\nmap-entries:\n {2}counts: 3\n/);
    expect((await captureCli(['test', more, ...own])).exitCode).toBe(0);
    // Without a word about sizes the file has some.
    rmSync(file);
    const usual = await captureCli(['test', '--init', open]);
    expect([usual.exitCode, usual.err]).toEqual([0, '']);
    expect(readFileSync(file, 'utf8')).toMatch(
      /# The object leaves the size of 1 map [\s\S]*\nmap-entries:\n {2}counts: 64\n/,
    );
    expect((await captureCli(['test', file, ...own])).exitCode).toBe(0);
  });

  it('ends a first look at a budget, and says so in the file', async () => {
    const file = join(folder, "it's say.xdp.yaml");
    copyFileSync(say, join(folder, "it's say.o"));
    const { out } = await captureCli(['test', '--init', join(folder, "it's say.o"), '--budget', '11']);
    expect(out).toContain("it'\\''s say.xdp.yaml'\n");
    expect(out).toContain(
      'the search ended early: 11 starts were tried, and there may be more paths; `--budget` tries',
    );
    expect(readFileSync(file, 'utf8')).toContain('# The search ended early: 11 starts were tried');
    expect((await captureCli(['test', file, ...own])).exitCode).toBe(0);
    rmSync(file);
  });

  it('takes no flags that would have no effect', async () => {
    const idle = await captureCli(['test', 'test/support/say.xdp.yaml', '--map-entries', 'a=1']);
    expect([idle.exitCode, idle.err]).toEqual([2, expect.stringContaining('`--map-entries` goes with `--init`')]);
    const both = await captureCli(['test', '--init', say, '--coverage-html', 'x.html']);
    expect([both.exitCode, both.err]).toEqual([2, expect.stringContaining('`--coverage-html` has no effect')]);
    const nameless = await captureCli(['test', '--init', '-']);
    expect([nameless.exitCode, nameless.err]).toEqual([2, expect.stringContaining('stdin has no name')]);
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

  it('of tests is counted by compiled code, and is what the interpreter sees', async () => {
    const counted = async (...engines: string[]): Promise<unknown> => {
      const flags = engines.flatMap((engine) => ['--engine', engine]);
      const { out } = await captureCli(['test', 'examples/port-knocking', '--coverage', '-j', ...flags]);
      const { coverage } = JSON.parse(out) as { coverage: unknown };
      // Programs come in the order in which they ran first, and lines that several share have branches of each.
      return JSON.parse(JSON.stringify(coverage), (name, value: unknown) =>
        name === 'branches' && Array.isArray(value) ? value.map(String).sort() : value,
      );
    };
    const seen = await counted('interp');
    expect(seen).toMatchObject({ lines: expect.any(Number) });
    expect(await counted('wasm')).toEqual(seen);
    // Each case counts once, however many engines run it.
    expect(await counted('interp', 'wasm')).toEqual(seen);
  });

  it('is of tests, too, and says what it excludes', async () => {
    const { out } = await captureCli(['test', 'test/support/say.xdp.yaml', '--engine', 'interp', '--coverage']);
    expect(out).toMatch(/say\.bpf\.c +100\.0 %/);
    expect((await captureCli([...run, '--coverage', '--engine', 'trace'])).exitCode).toBe(2);
    expect((await captureCli(['test', 'test/support', '--coverage', '--engine', 'trace'])).exitCode).toBe(2);
  });
});
