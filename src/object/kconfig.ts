/**
 * What a kernel says of itself by `__kconfig` variables: its version, its configuration, and a few facts that libbpf
 * finds out. Who reads an object for a certain kernel hands these in; the command line takes the running kernel's.
 */
import { InputError } from '../base/index.js';

/** `CONFIG_X` -> text as it stands in `.config` (`y`, `250`, `"name"`). */
export type Kconfig = ReadonlyMap<string, string>;

/** What kernel an object is read for. */
export interface KernelConfig {
  /** As KERNEL_VERSION(a, b, c) packs it. */
  readonly kernelVersion: number;
  /** Got when the first variable asks for it: reading a configuration takes longer than most objects do. */
  readonly kconfig: () => Kconfig;
}

/**
 * Linux 6.12, and what a common x86-64 distribution kernel says: for where nobody knows the kernel, as in a browser.
 */
export const defaultKernelVersion: number = (6 << 16) | (12 << 8);

/** See {@link defaultKernelVersion}. */
export const defaultKconfig: Kconfig = new Map([
  ['CONFIG_HZ', '250'],
  ['CONFIG_BPF', 'y'],
  ['CONFIG_BPF_SYSCALL', 'y'],
  ['CONFIG_BPF_JIT', 'y'],
  ['CONFIG_BPF_EVENTS', 'y'],
  ['CONFIG_KPROBES', 'y'],
  ['CONFIG_ARCH_HAS_SYSCALL_WRAPPER', 'y'],
  ['CONFIG_NET', 'y'],
  ['CONFIG_INET', 'y'],
  ['CONFIG_IPV6', 'y'],
  ['CONFIG_SMP', 'y'],
  ['CONFIG_64BIT', 'y'],
  ['CONFIG_XDP_SOCKETS', 'y'],
]);

/**
 * The version in a release's name (`6.1`, `6.18.44-arch1`) as KERNEL_VERSION packs it: a patch level above 255 counts
 * as 255. Undefined where it begins with no version.
 */
export function parseKernelVersion(release: string): number | undefined {
  const found = /^(\d{1,3})\.(\d{1,3})(?:\.(\d{1,5}))?(?![\d.])/.exec(release);
  if (found === null) return undefined;
  const [major, minor, patch] = [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)];
  return major > 255 || minor > 255 ? undefined : (major << 16) | (minor << 8) | Math.min(patch, 255);
}

/**
 * Reads a `.config`: lines `CONFIG_X=VALUE`, the first of a name counting, as libbpf has it; comments (`# CONFIG_X is
 * not set`) and everything else that begins with no `CONFIG_` are passed over. Throws InputError for a line without a
 * value.
 */
export function parseKconfig(text: string, file?: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trimEnd();
    if (!line.startsWith('CONFIG_')) continue;
    const sign = line.indexOf('=');
    if (sign < 0 || sign === line.length - 1) {
      throw new InputError(
        `line ${index + 1}: \`${line}\` has no value`,
        { file },
        'lines of a kernel configuration are CONFIG_NAME=VALUE',
      );
    }
    const name = line.slice(0, sign);
    if (!values.has(name)) values.set(name, line.slice(sign + 1));
  }
  return values;
}
