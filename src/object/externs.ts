/**
 * Symbols that the file uses and does not define. BTF says what each is: a kernel configuration value (DATASEC `.kconfig`), which
 * is laid out in a map of its own, or a variable or function of the kernel (DATASEC `.ksyms`). libbpf: bpf_object__collect_externs.
 */
import { encodeUtf8, InputError } from '../base/index.js';
import type { Btf } from './btf.js';
import type { BtfVar } from './btf-type.js';
import type { Elf } from './elf.js';
import { STB_WEAK } from './elf.js';

export type Extern =
  /** `missing`: a strong one that has no value. */
  | { readonly kind: 'kconfig'; readonly name: string; readonly offset: number; readonly missing: boolean }
  | {
      readonly kind: 'ksym';
      readonly name: string;
      readonly weak: boolean;
      readonly btfId: number;
      readonly function: boolean;
    }
  /** BTF does not know it. */
  | { readonly kind: 'unknown'; readonly name: string; readonly weak: boolean };

export interface Externs {
  /** By symbol index. */
  readonly bySymbol: ReadonlyMap<number, Extern>;
  /** Value of the `.kconfig` map; undefined when nothing is in it. */
  readonly kconfig: Uint8Array | undefined;
}

export interface KernelConfig {
  readonly kernelVersion: number;
  readonly kconfig: ReadonlyMap<string, string>;
}

/** Linux 6.12, and what a common x86-64 distribution kernel says where no configuration is given. */
export const defaultKernelVersion: number = (6 << 16) | (12 << 8);

const defaultKconfig: ReadonlyMap<string, string> = new Map([
  ['CONFIG_HZ', '250'],
  ['CONFIG_BPF', 'y'],
  ['CONFIG_BPF_SYSCALL', 'y'],
  ['CONFIG_BPF_JIT', 'y'],
  ['CONFIG_NET', 'y'],
  ['CONFIG_INET', 'y'],
  ['CONFIG_IPV6', 'y'],
  ['CONFIG_SMP', 'y'],
  ['CONFIG_64BIT', 'y'],
  ['CONFIG_XDP_SOCKETS', 'y'],
]);

interface ConfigVariable {
  readonly symbol: number;
  readonly name: string;
  readonly weak: boolean;
  readonly type: number;
  readonly size: number;
  readonly align: number;
}

/** Throws InputError for a configuration value that does not fit its variable. */
export function readExterns(elf: Elf, btf: Btf | undefined, config: KernelConfig): Externs {
  const bySymbol = new Map<number, Extern>();
  const variables: ConfigVariable[] = [];
  const sections = datasecOfMembers(btf);
  const byName = externTypes(btf);
  for (const symbol of elf.symbols) {
    if (!symbol.extern || symbol.name === '') continue;
    const weak = symbol.bind === STB_WEAK;
    const type = byName.get(symbol.name);
    const home = type === undefined ? undefined : sections.get(type.id);
    if (btf !== undefined && type?.kind === 'var' && home === '.kconfig') {
      variables.push(configVariable(btf, symbol.index, weak, type));
    } else if (type !== undefined && (home === '.ksyms' || type.kind === 'func')) {
      const ksym = { kind: 'ksym', name: symbol.name, weak, btfId: type.id, function: type.kind === 'func' } as const;
      bySymbol.set(symbol.index, ksym);
    } else {
      bySymbol.set(symbol.index, { kind: 'unknown', name: symbol.name, weak });
    }
  }
  if (btf === undefined || variables.length === 0) return { bySymbol, kconfig: undefined };

  // libbpf's order (cmp_externs): large alignment first, then small size, then name.
  variables.sort((a, b) => b.align - a.align || a.size - b.size || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const offsets: number[] = [];
  let end = 0;
  for (const variable of variables) {
    const offset = Math.ceil(end / variable.align) * variable.align;
    offsets.push(offset);
    end = offset + variable.size;
  }
  if (end > 1 << 20) {
    throw new InputError(`configuration values take ${end} bytes; 1 MiB is the most`, { section: '.kconfig' });
  }
  const bytes = new Uint8Array(end);
  for (const [i, variable] of variables.entries()) {
    const offset = offsets[i] ?? 0;
    const text = configText(variable.name, config);
    if (text !== undefined) bytes.set(encodeConfig(btf, variable, text), offset);
    const missing = text === undefined && !variable.weak;
    bySymbol.set(variable.symbol, { kind: 'kconfig', name: variable.name, offset, missing });
  }
  return { bySymbol, kconfig: bytes };
}

function externTypes(btf: Btf | undefined): ReadonlyMap<string, { kind: 'func'; id: number } | BtfVar> {
  const found = new Map<string, { kind: 'func'; id: number } | BtfVar>();
  for (let id = 1; id < (btf?.count ?? 0); id++) {
    const kind = btf?.kind(id);
    if (kind !== 'var' && kind !== 'func') continue;
    const type = btf?.type(id);
    if ((type?.kind !== 'var' && type?.kind !== 'func') || type.linkage !== 'extern') continue;
    if (!found.has(type.name)) found.set(type.name, type.kind === 'var' ? type : { kind: 'func', id });
  }
  return found;
}

/** Type id of a VAR or FUNC -> name of the DATASEC that lists it. */
function datasecOfMembers(btf: Btf | undefined): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (let id = 1; id < (btf?.count ?? 0); id++) {
    if (btf?.kind(id) !== 'datasec') continue;
    const datasec = btf.type(id);
    if (datasec.kind !== 'datasec') continue;
    for (const entry of datasec.vars) found.set(entry.type, datasec.name);
  }
  return found;
}

function configVariable(btf: Btf, symbol: number, weak: boolean, type: BtfVar): ConfigVariable {
  const size = btf.sizeOf(type.type) ?? 0;
  const align = btf.alignOf(type.type);
  if (size === 0 || align === 0) btf.fail(type.id, `configuration value \`${type.name}\` has no size`);
  return { symbol, name: type.name, weak, type: type.type, size, align };
}

function configText(name: string, config: KernelConfig): string | undefined {
  if (name === 'LINUX_KERNEL_VERSION') return String(config.kernelVersion);
  // Both are facts about how tracing programs are attached; an XDP program sees the values of a current x86-64 kernel.
  if (name === 'LINUX_HAS_BPF_COOKIE' || name === 'LINUX_HAS_SYSCALL_WRAPPER') return '1';
  return config.kconfig.get(name) ?? defaultKconfig.get(name);
}

function encodeConfig(btf: Btf, variable: ConfigVariable, text: string): Uint8Array {
  const { name, size } = variable;
  const bad = (why: string): never => {
    throw new InputError(`configuration value \`${name}\` is ${text}, ${why}`, { section: '.kconfig' });
  };
  const bytes = new Uint8Array(size);
  const type = btf.resolve(variable.type);
  if (text.startsWith('"')) {
    const element = type.kind === 'array' ? btf.resolve(type.type) : undefined;
    if (element?.kind !== 'int' || element.size !== 1) bad('text, and the variable is no array of char');
    // Longer text is cut, and a zero byte always ends it.
    bytes.set(encodeUtf8(text.slice(1, text.endsWith('"') ? -1 : undefined)).subarray(0, size - 1));
    return bytes;
  }
  if (text === 'y' || text === 'm' || text === 'n') {
    if (type.kind === 'int' && type.bool)
      bytes[0] = text === 'y' ? 1 : text === 'n' ? 0 : bad('and the variable is bool');
    else if (type.kind === 'int' && size === 1) bytes[0] = text.charCodeAt(0);
    // enum libbpf_tristate: no, yes, module
    else if (type.kind === 'enum' && size === 4) bytes[0] = text === 'y' ? 1 : text === 'm' ? 2 : 0;
    else bad('and the variable is neither bool, char nor `enum libbpf_tristate`');
    return bytes;
  }
  if (!/^-?(?:0[xX][0-9a-fA-F]+|\d+)$/.test(text)) bad('no number, `y`, `m`, `n` or quoted text');
  if (type.kind !== 'int' || size > 8) bad('a number, and the variable is no integer');
  const value = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  const bits = size * 8;
  const signed = type.kind === 'int' && type.signed;
  const fits = signed ? BigInt.asIntN(bits, value) === value : BigInt.asUintN(bits, value) === value;
  if (!fits) bad(`which does not fit in ${size} bytes`);
  for (let i = 0; i < size; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
}
