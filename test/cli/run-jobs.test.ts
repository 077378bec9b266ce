/** `jitnic run --jobs`: threads on one set of maps. They are started from `dist`, which `npm run build` makes. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const built = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const example = (file: string): string => fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
const packets = 20_000;

/**
 * Per packet: one atomic addition of each kind that counts, an exchange, a hash entry made once per port, and a
 * per-CPU counter.
 */
const counters = `
.license "GPL"
.map totals type=array key=4 value=32 max_entries=1
.map ports type=hash key=4 value=8 max_entries=65536
.map each type=percpu_array key=4 value=8 max_entries=1
.section xdp
.globl count
count:
r6 = r1
r2 = *(u32 *)(r6 + 0)
r3 = *(u32 *)(r6 + 4)
r4 = r2
r4 += 38
if r4 > r3 goto out
r7 = *(u16 *)(r2 + 34)
r1 = 0
*(u32 *)(r10 - 4) = r1
r1 = totals ll
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto out
r1 = 1
lock *(u64 *)(r0 + 0) += r1
lock *(u32 *)(r0 + 8) += r1
r2 = 3
r2 = atomic_fetch_add((u64 *)(r0 + 16), r2)
r1 = each ll
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto out
r1 = *(u64 *)(r0 + 0)
r1 += 1
*(u64 *)(r0 + 0) = r1
*(u32 *)(r10 - 4) = r7
r1 = ports ll
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 != 0 goto known
r1 = 0
*(u64 *)(r10 - 16) = r1
r1 = ports ll
r2 = r10
r2 += -4
r3 = r10
r3 += -16
r4 = 1
call bpf_map_update_elem
r1 = ports ll
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto out
known:
r1 = 1
lock *(u64 *)(r0 + 0) += r1
r0 = 2
exit
out:
r0 = 1
exit
`;

/** Two counters that belong together, under a spin lock, which only BTF can describe. */
const locked = `
struct bpf_spin_lock { unsigned val; };
struct pair { struct bpf_spin_lock lock; unsigned a; unsigned long long b; };
static void *(*lookup)(void *, const void *) = (void *)1;
static long (*lock)(struct bpf_spin_lock *) = (void *)93;
static long (*unlock)(struct bpf_spin_lock *) = (void *)94;
struct { int (*type)[2]; int (*max_entries)[1]; int *key; struct pair *value; } pairs __attribute__((section(".maps"), used));
char gpl[] __attribute__((section("license"), used)) = "GPL";
__attribute__((section("xdp"), used)) int count(void *ctx) {
  int key = 0;
  struct pair *pair = lookup(&pairs, &key);
  if (!pair) return 1;
  lock(&pair->lock);
  pair->a++;
  pair->b += 3;
  unlock(&pair->lock);
  return 2;
}
`;
const clang = ['clang', 'clang-19'].find((name) => spawnSync(name, ['--version']).status === 0);

let folder = '';
let capture = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-jobs-'));
  capture = join(folder, 'in.pcap');
  writeFileSync(join(folder, 'counters.s'), counters);
  const traffic = ['-c', String(packets), '--flows', '3000', '--sizes', '64', '--protocols', 'tcp=1', '--ipv4', '1'];
  await captureCli(['gen', '-w', capture, ...traffic]);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface RunJson {
  readonly packets: number;
  readonly jobs?: readonly number[];
  readonly verdicts: Record<string, number>;
  readonly maps: Record<string, readonly { key: unknown; value?: string; values?: readonly { value: string }[] }[]>;
}

function runBuilt(...args: string[]): RunJson {
  return JSON.parse(execFileSync(process.execPath, [built, 'run', ...args, '-j', '--maps'], { encoding: 'utf8' }));
}

describe.skipIf(!existsSync(built))('threads on one set of maps', () => {
  test('lose no increment, and leave what one thread leaves', () => {
    const args = [join(folder, 'counters.s'), '-r', capture];
    const one = runBuilt(...args, '--engine', 'wasm', '--cpus', '3');
    const three = runBuilt(...args, '--jobs', '3');
    expect(three.jobs).toHaveLength(3);
    expect(Math.min(...(three.jobs ?? [0]))).toBeGreaterThan(packets / 10);
    expect(three.packets).toBe(packets);
    expect(three.verdicts).toEqual(one.verdicts);
    const sorted = (run: RunJson): unknown => [...JSON.stringify(run.maps['ports']).split('},{')].sort();
    expect(three.maps['totals']).toEqual(one.maps['totals']);
    expect(three.maps['each']).toEqual(one.maps['each']);
    expect(three.maps['ports']).toHaveLength(one.maps['ports']?.length ?? 0);
    expect(sorted(three)).toEqual(sorted(one));
  });

  test.skipIf(clang === undefined)('take turns where the program holds a spin lock', () => {
    const source = join(folder, 'locked.c');
    writeFileSync(source, locked);
    const object = join(folder, 'locked.o');
    execFileSync(clang ?? '', ['-O2', '-g', '-target', 'bpf', '-c', source, '-o', object]);
    const { maps } = runBuilt(object, '-r', capture, '--jobs', '3');
    expect(JSON.stringify(maps['pairs'])).toContain(`{"lock":{"val":0},"a":${packets},"b":"${3 * packets}"}`);
  });

  test('decide the same on a load balancer whose connections do not meet', () => {
    const object = [example('load-balancer/load-balancer.o'), '-r', example('load-balancer/traffic.pcap')];
    const args = [...object, '--maps-in', example('load-balancer/load-balancer.maps.json')];
    expect(runBuilt(...args, '--jobs', '2').verdicts).toEqual(runBuilt(...args, '--engine', 'wasm').verdicts);
  });

  test('stop at the packet of the capture that --count names', () => {
    const run = runBuilt(join(folder, 'counters.s'), '-r', capture, '--jobs', '2', '-c', '4321');
    expect(run.packets).toBe(4321);
  });

  test('take a capture from a pipe, and one that breaks off', () => {
    const bytes = readFileSync(capture);
    const run = (input: Buffer): { status: number | null; stderr: string; json: RunJson } => {
      const args = [built, 'run', join(folder, 'counters.s'), '-r', '-', '--jobs', '2', '-j', '--maps'];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { input, encoding: 'utf8' });
      return { status, stderr, json: JSON.parse(stdout) };
    };
    expect(run(bytes)).toMatchObject({ status: 0, stderr: '', json: { packets } });
    // 24 bytes of header, and 80 a packet.
    const cut = run(bytes.subarray(0, 24 + 80 * 5000 - 10));
    expect(cut.json.packets).toBe(4999);
    expect(cut.stderr).toContain('cut off');
  });

  test('end with a message where there is no capture', () => {
    const args = [built, 'run', join(folder, 'counters.s'), '-r', join(folder, 'none.pcap'), '--jobs', '2'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(stderr).toContain('none.pcap: no such file');
    expect(status).toBe(3);
  });

  test('say why a program is not for them', () => {
    const file = join(folder, 'flags.s');
    const each = 'each:\nr0 = 0\nexit\n';
    writeFileSync(
      file,
      `.section xdp\n.globl p\np:\nr1 = 1\nr2 = each ll\nr3 = 0\nr4 = 1\ncall bpf_loop\nr0 = 2\nexit\n${each}`,
    );
    const { status, stderr } = spawnSync(process.execPath, [built, 'run', file, '-r', capture, '--jobs', '2'], {
      encoding: 'utf8',
    });
    expect(stderr).toContain('bpf_loop with flags');
    expect(status).toBe(4);
  });
});

test.each([
  [['--check'], '`--jobs` and `--check` exclude each other'],
  [['--engine', 'trace'], '`--jobs` runs compiled programs only'],
  [['--clock', 'step:5'], '`--jobs` and `--clock step` exclude each other'],
  [['--cpus', '5'], '`--jobs` and another `--cpus` exclude each other'],
])('--jobs with %j is refused', async (flags, message) => {
  const { err, exitCode } = await captureCli([
    'run',
    join(folder, 'counters.s'),
    '-r',
    capture,
    '--jobs',
    '2',
    ...flags,
  ]);
  expect(exitCode).toBe(2);
  expect(err).toContain(message);
});
