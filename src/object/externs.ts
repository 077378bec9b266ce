/**
 * Symbols that the file uses and does not define. BTF says what each is: a kernel configuration value (DATASEC
 * `.kconfig`), which is laid out in a map of its own, or a variable or function of the kernel (DATASEC `.ksyms`).
 * libbpf: bpf_object__collect_externs.
 */
import { encodeUtf8, InputError } from '../base/index.js';
import type { Btf } from './btf.js';
import type { BtfVar } from './btf-type.js';
import type { Elf } from './elf.js';
import { STB_WEAK } from './elf.js';
import type { KernelConfig } from './kconfig.js';
import type { KconfigSpec } from './spec.js';

/** What a symbol that the file does not define turns out to be. */
export type Extern =
  /** `problem`: why it has no value though it has to have one. Libbpf would refuse the whole object. */
  | {
      readonly kind: 'kconfig';
      readonly name: string;
      readonly weak: boolean;
      readonly offset: number;
      readonly problem: string | undefined;
    }
  | {
      readonly kind: 'ksym';
      readonly name: string;
      readonly weak: boolean;
      readonly btfId: number;
      readonly function: boolean;
    }
  /** BTF does not know it, or knows it outside of both sections: a function that another file was to define. */
  | { readonly kind: 'unknown'; readonly name: string; readonly weak: boolean };

/** All undefined symbols of a file. */
export interface Externs {
  /** By symbol index. */
  readonly bySymbol: ReadonlyMap<number, Extern>;
  /** Value of the `.kconfig` map; undefined when nothing is in it. */
  readonly kconfig: Uint8Array | undefined;
  /** What lies where in it. */
  readonly variables: readonly KconfigSpec[];
}

/** A `__kconfig` variable: which symbol, and what type it has. */
interface ConfigVariable {
  readonly symbol: number;
  readonly name: string;
  readonly weak: boolean;
  readonly type: number;
  readonly size: number;
  readonly align: number;
}

/**
 * Finds out what each undefined symbol is. What is wrong with one is kept with it: it concerns the programs that use
 * it, and no others. Throws InputError for damaged types only.
 */
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
    } else if (type !== undefined && home === '.ksyms') {
      const ksym = { kind: 'ksym', name: symbol.name, weak, btfId: type.id, function: type.kind === 'func' } as const;
      bySymbol.set(symbol.index, ksym);
    } else {
      bySymbol.set(symbol.index, { kind: 'unknown', name: symbol.name, weak });
    }
  }
  if (btf === undefined || variables.length === 0) return { bySymbol, kconfig: undefined, variables: [] };

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
    const { name, weak } = variable;
    const encoded = encodeVariable(btf, variable, config);
    if (typeof encoded !== 'string') bytes.set(encoded, offset);
    const problem = typeof encoded === 'string' ? encoded : undefined;
    bySymbol.set(variable.symbol, { kind: 'kconfig', name, weak, offset, problem });
  }
  const placed = variables.map(({ name, weak }, i) => ({ name, weak, offset: offsets[i] ?? 0 }));
  return { bySymbol, kconfig: bytes, variables: placed };
}

/** Extern variables and functions of the program's BTF by name; the first of a name counts, as in libbpf. */
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

/**
 * Facts about the attachment of tracing programs that libbpf finds out by trying: what has to be configured for the
 * trial to work.
 */
const virtualValues: ReadonlyMap<string, readonly string[]> = new Map([
  ['LINUX_HAS_BPF_COOKIE', ['CONFIG_BPF_EVENTS']],
  ['LINUX_HAS_SYSCALL_WRAPPER', ['CONFIG_KPROBES', 'CONFIG_ARCH_HAS_SYSCALL_WRAPPER']],
]);

/** What a name that is no `CONFIG_` stands for; undefined where no kernel says anything by it. */
function virtualValue(name: string, config: KernelConfig): string | undefined {
  if (name === 'LINUX_KERNEL_VERSION') return String(config.kernelVersion);
  const needed = virtualValues.get(name);
  return needed && (needed.every((entry) => config.kconfig().get(entry) === 'y') ? '1' : '0');
}

/** The variable's bytes, or what is wrong (bpf_object__resolve_externs, bpf_object__process_kconfig_line). */
function encodeVariable(btf: Btf, variable: ConfigVariable, config: KernelConfig): Uint8Array | string {
  const { name, weak, size } = variable;
  const kconfig = config.kconfig();
  let text = kconfig.get(name);
  if (!name.startsWith('CONFIG_')) {
    text ??= virtualValue(name, config);
    if (text === undefined && !(weak && name.startsWith('LINUX_'))) {
      return `\`${name}\` is no value that a kernel has; they are called CONFIG_... or LINUX_...`;
    }
  }
  if (text !== undefined) return encodeConfig(btf, variable, text, !name.startsWith('CONFIG_'));
  if (weak) return new Uint8Array(size);
  return `kernel configuration value \`${name}\` is not set; set it (\`--kconfig ${name}=VALUE\`) or declare it __weak`;
}

/** Libbpf's `enum libbpf_tristate`: no, yes, module. */
const tristate = { n: 0, y: 1, m: 2 } as const;

/** `virtual`: not from a `.config`; numbers then fit bool, too. */
function encodeConfig(
  btf: Btf,
  { name, size, type: typeId }: ConfigVariable,
  text: string,
  virtual: boolean,
): Uint8Array | string {
  const bad = (why: string): string => `kernel configuration value \`${name}\` is ${text}, ${why}`;
  const bytes = new Uint8Array(size);
  const type = btf.resolve(typeId);
  if (text.startsWith('"')) {
    const element = type.kind === 'array' ? btf.resolve(type.type) : undefined;
    if (element?.kind !== 'int' || element.size !== 1 || element.bool) {
      return bad('text, and the variable is no array of char');
    }
    if (text.length < 2 || !text.endsWith('"')) return bad('and the quotation mark at the end is missing');
    // Longer text is cut, and a zero byte always ends it.
    bytes.set(encodeUtf8(text.slice(1, -1)).subarray(0, size - 1));
    return bytes;
  }
  if (text === 'y' || text === 'm' || text === 'n') {
    if (type.kind === 'int' && type.bool && size === 1) {
      if (text === 'm') return bad('and the variable is bool');
      bytes[0] = tristate[text];
    } else if (type.kind === 'int' && size === 1) bytes[0] = text.charCodeAt(0);
    else if ((type.kind === 'enum' || type.kind === 'enum64') && type.name === 'libbpf_tristate')
      bytes[0] = tristate[text];
    else return bad('and the variable is neither bool, char nor `enum libbpf_tristate`');
    return bytes;
  }
  if (!/^-?(?:0[xX][0-9a-fA-F]+|\d+)$/.test(text)) return bad('no number, `y`, `m`, `n` or quoted text');
  const isNumber = type.kind === 'int' && (!type.bool || virtual);
  if (!isNumber || ![1, 2, 4, 8].includes(size)) {
    return bad('a number, and the variable is no integer');
  }
  const value = parseInteger(text);
  if (type.bool && value > 1n) return bad('and the variable is bool');
  const bits = size * 8;
  // Libbpf takes what fits 64 bits either way for a variable of 64 bits.
  const fits = size === 8 || (type.signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)) === value;
  if (!fits) return bad(`which does not fit in ${size} bytes`);
  for (let i = 0; i < size; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

/** As strtoull with base 0: decimal, 0x, or octal behind a 0. */
function parseInteger(text: string): bigint {
  const digits = text.replace(/^-/, '');
  const octal = /^0[0-7]+$/.test(digits);
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  return text.startsWith('-') ? -value : value;
}
