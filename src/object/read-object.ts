import { InputError } from '../base/index.js';
import type { Btf } from './btf.js';
import type { ObjectSpec } from './spec.js';

export interface ReadObjectOptions {
  /** File name, for messages and for the names of the maps that hold data sections. Default `prog.o`. */
  readonly name?: string | undefined;
  /** The kernel's BTF that CO-RE relocations are resolved against. Default: the object's own. */
  readonly btf?: Uint8Array | Btf | undefined;
  /** LINUX_KERNEL_VERSION as KERNEL_VERSION(a, b, c) packs it. */
  readonly kernelVersion?: number | undefined;
  /** Kernel configuration for `__kconfig` externs: `CONFIG_X` -> text as in `.config` (`y`, `250`, `"name"`). */
  readonly kconfig?: ReadonlyMap<string, string> | undefined;
}

/**
 * Reads an ELF object file of BPF programs. A pure function: same bytes and options in, same value out.
 *
 * Throws InputError for a damaged file and UnsupportedError for a sound one of another kind (other machine, big-endian). What
 * concerns single instructions only (an unresolved symbol, a CO-RE access that the target lacks) is recorded in
 * {@link ProgramSpec.unresolved}, so that the rest can still be shown.
 */
export function readObject(_bytes: Uint8Array, options: ReadObjectOptions = {}): ObjectSpec {
  throw new InputError('not yet written', { file: options.name });
}
