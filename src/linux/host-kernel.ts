/**
 * The running kernel as objects are read for it by default: its types, its version and its configuration, found where
 * libbpf finds them (btf__load_vmlinux_btf, get_kernel_version, bpf_object__read_kconfig_file).
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release, version } from 'node:os';
import { decodeUtf8 } from '../base/index.js';
import { type Kconfig, parseKconfig, parseKernelVersion, type ReadObjectOptions } from '../object/index.js';
import { hostBtf } from './host-btf.js';

/** Options of `readObject` for the running kernel. What this machine does not tell is left to the defaults. */
export function hostKernel(): Pick<ReadObjectOptions, 'btf' | 'kernelVersion' | 'kconfig'> {
  return { btf: hostBtf, kernelVersion: hostKernelVersion(), kconfig: hostKconfig };
}

/**
 * LINUX_KERNEL_VERSION; undefined where this is no Linux. Ubuntu's and Debian's releases hide the patch level, which
 * they tell elsewhere.
 */
function hostKernelVersion(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const ubuntu = textOf('/proc/version_signature')?.split(' ')[2];
  const debian = / Debian (\d+\.\d+\.\d+)/.exec(version())?.[1];
  return parseKernelVersion(ubuntu?.trim() ?? debian ?? release());
}

let cached: Kconfig | undefined | null = null;

/** The configuration from /boot or /proc; undefined where neither is there. */
function hostKconfig(): Kconfig | undefined {
  if (cached === null) {
    const text = textOf(`/boot/config-${release()}`) ?? textOf('/proc/config.gz');
    cached = text === undefined ? undefined : parseKconfig(text);
  }
  return cached;
}

/** A configuration file, unpacked if it is gzipped; undefined if it cannot be read. */
function textOf(path: string): string | undefined {
  try {
    return kconfigText(readFileSync(path));
  } catch {
    return undefined;
  }
}

/** Zlib is loaded where it is needed: it takes a process some milliseconds. */
function unpacked(bytes: Uint8Array): Uint8Array {
  const { gunzipSync } = createRequire(import.meta.url)('node:zlib') as typeof import('node:zlib');
  return gunzipSync(bytes);
}

/** Text, packed with gzip or not. Throws what gunzip throws. */
export function kconfigText(bytes: Uint8Array): string {
  return decodeUtf8(bytes[0] === 0x1f && bytes[1] === 0x8b ? unpacked(bytes) : bytes);
}
