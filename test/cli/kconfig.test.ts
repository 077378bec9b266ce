/**
 * `__kconfig` variables: the running kernel's values, or those of the flags. Where there is a kernel, libbpf says what
 * is right.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { BtfBuilder, parseImage, writeElf } from '../../src/object/index.js';

const folder = mkdtempSync(join(tmpdir(), 'jitnic-'));
const file = join(folder, 'conf.o');
afterAll(() => rmSync(folder, { recursive: true }));

/** `extern NAME __kconfig` for each: BTF type by name, weak or not. */
const variables = [
  ['LINUX_KERNEL_VERSION', 'int', false],
  ['LINUX_HAS_BPF_COOKIE', 'bool', false],
  ['LINUX_HAS_SYSCALL_WRAPPER', 'bool', false],
  ['LINUX_NEVER_HEARD_OF', 'int', true],
  ['CONFIG_HZ', 'int', true],
  ['CONFIG_BPF_SYSCALL', 'bool', true],
  ['CONFIG_DEFAULT_HOSTNAME', 'text', true],
  ['CONFIG_NOT_THERE', 'int', true],
] as const;

beforeAll(() => {
  const btf = new BtfBuilder(undefined);
  const types = { int: btf.int(), bool: btf.bool(), text: btf.array(btf.char(), 5) };
  const ids = variables.map(([name, type]) => btf.variable(name, types[type], 'extern'));
  btf.datasec(
    '.kconfig',
    0,
    ids.map((type) => ({ type, offset: 0, size: 4 })),
  );
  const image = parseImage(`
    .license "GPL"
    ${variables.map(([name, , weak]) => `${weak ? '.weak' : '.extern'} ${name}`).join('\n')}
    .section xdp
    ${variables.map(([name]) => `r1 = ${name} ll`).join('\n')}
    r0 = 2
    exit`);
  writeFileSync(file, writeElf({ ...image, btf: btf.bytes() }));
});

/** The variables' bytes as `jitnic map dump` has them. */
async function dump(...flags: string[]): Promise<string> {
  const { out, err, exitCode } = await captureCli(['map', 'dump', file, 'conf.kconfig', '-j', ...flags]);
  expect(exitCode, err).toBe(0);
  return (JSON.parse(out) as { maps: [{ entries: [{ value: string }] }] }).maps[0].entries[0].value;
}

/** libbpf's order: by alignment, size, name; the offsets follow from that. */
function bytesOf(values: Readonly<Record<string, readonly number[]>>): string {
  const order = ['CONFIG_HZ', 'CONFIG_NOT_THERE', 'LINUX_KERNEL_VERSION', 'LINUX_NEVER_HEARD_OF'];
  const small = ['CONFIG_BPF_SYSCALL', 'LINUX_HAS_BPF_COOKIE', 'LINUX_HAS_SYSCALL_WRAPPER'];
  const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);
  const bytes = [
    ...order.flatMap((name) => values[name] ?? zeros(4)),
    ...small.flatMap((name) => values[name] ?? [0]),
    ...(values['CONFIG_DEFAULT_HOSTNAME'] ?? zeros(5)),
  ];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

const config = join(folder, 'config');

describe('configuration values', () => {
  it('come from a file and from single values, which count first', async () => {
    const text = '# CONFIG_SMP is not set\nCONFIG_HZ=1000\nCONFIG_BPF_SYSCALL=y\nCONFIG_DEFAULT_HOSTNAME="(none)"\n';
    writeFileSync(config, text);
    writeFileSync(`${config}.gz`, gzipSync(text));
    const expected = {
      CONFIG_HZ: [0xe8, 3, 0, 0],
      CONFIG_BPF_SYSCALL: [1],
      CONFIG_DEFAULT_HOSTNAME: [0x28, 0x6e, 0x6f, 0x6e, 0],
      LINUX_KERNEL_VERSION: [44, 18, 6, 0],
    };
    const kernel = ['--kernel', '6.18.44-custom'];
    expect(await dump(...kernel, '--kconfig', config)).toBe(bytesOf(expected));
    expect(await dump(...kernel, '--kconfig', `${config}.gz`)).toBe(bytesOf(expected));
    const more = [
      '--kconfig',
      'CONFIG_HZ=0x64',
      '--kconfig',
      'CONFIG_DEFAULT_HOSTNAME=ab',
      '--kconfig',
      'LINUX_HAS_BPF_COOKIE=1',
    ];
    expect(await dump('--kernel', '6.1', '--kconfig', config, ...more)).toBe(
      bytesOf({
        ...expected,
        CONFIG_HZ: [0x64, 0, 0, 0],
        CONFIG_DEFAULT_HOSTNAME: [0x61, 0x62, 0, 0, 0],
        LINUX_HAS_BPF_COOKIE: [1],
        LINUX_KERNEL_VERSION: [0, 1, 6, 0],
      }),
    );
  });

  it.each([
    [['--kernel', 'six'], /is no kernel version/],
    [['--kconfig', 'CONFIG_HZ='], /has no value/],
  ])('%j is refused', async (flags, message) => {
    const { exitCode, err } = await captureCli(['show', file, ...flags]);
    expect(exitCode).toBe(2);
    expect(err).toMatch(message);
  });

  it('from a file that is no configuration are refused', async () => {
    const { exitCode, err } = await captureCli(['show', file, '--kconfig', file]);
    expect(exitCode).toBe(3);
    expect(err).toMatch(/no kernel configuration/);
  });

  it('that do not fit concern the program that uses them, and no other', async () => {
    const { out } = await captureCli(['show', file, '-j', '--kconfig', 'CONFIG_HZ="fast"']);
    const [program] = (JSON.parse(out) as { programs: [{ unresolved: { what: string }[] }] }).programs;
    expect(program.unresolved.map(({ what }) => what)).toEqual([
      expect.stringContaining('`CONFIG_HZ` is "fast", text, and the variable is no array of char'),
    ]);
  });

  /** A private bpffs, so that nothing stays. */
  const script =
    'mount -t bpf bpf /sys/fs/bpf && bpftool prog loadall $1 /sys/fs/bpf/p pinmaps /sys/fs/bpf/m && bpftool -j map dump pinned /sys/fs/bpf/m/conf_kconfig';
  const hasKernel =
    process.getuid?.() === 0 &&
    spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t bpf bpf /sys/fs/bpf && bpftool prog show']).status === 0;

  it.skipIf(!hasKernel)('are by default what libbpf finds in the running kernel', async () => {
    const text = execFileSync('unshare', ['-m', 'sh', '-c', script, 'sh', file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [entry] = JSON.parse(text) as [{ value: string[] }];
    expect(await dump()).toBe(entry.value.map((byte) => byte.slice(2)).join(' '));
  });
});
