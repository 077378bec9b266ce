/**
 * Which helper an address in a rewritten program is. Calls have the distance of the helper's code from
 * `__bpf_call_base`; /proc/kallsyms has the names of addresses. Operations on maps go to functions of the map's own
 * kind, named by kind and operation.
 *
 * The distance is a 32-bit number in `imm`, which reaches since kernel code lies within 2 GiB. The list is some
 * megabytes; it is searched as text and not parsed, for a program calls few helpers. Several names may have one
 * address.
 */
import { readFileSync } from 'node:fs';
import { UnsupportedError } from '../base/index.js';
import { type HelperName, helperNames, helperNumber } from '../platform/index.js';

/** Functions whose names are not the helper's. */
const special: Readonly<Record<string, HelperName>> = {
  bpf_xdp_event_output: 'perf_event_output',
  bpf_user_rnd_u32: 'get_prandom_u32',
};

/** How names of functions for one kind of map end, and the helper that calls them. */
const mapOperations: readonly (readonly [RegExp, HelperName])[] = [
  [/_lookup_percpu_elem$/, 'map_lookup_percpu_elem'],
  [/_lookup_elem$/, 'map_lookup_elem'],
  [/_update_elem$/, 'map_update_elem'],
  [/_delete_elem$/, 'map_delete_elem'],
  [/_push_elem$/, 'map_push_elem'],
  [/_pop_elem$/, 'map_pop_elem'],
  [/_peek_elem$/, 'map_peek_elem'],
  [/_redirect$/, 'redirect_map'],
  [/^bpf_for_each_/, 'for_each_map_elem'],
];

/** Names of the kernel's functions by what calls of programs have for them. */
export class KernelSymbols {
  private static cached: KernelSymbols | undefined;
  private readonly text: string;
  private readonly base: bigint;
  private readonly found = new Map<number, readonly string[]>();

  private constructor(text: string, base: bigint) {
    this.text = text;
    this.base = base;
  }

  /** Throws UnsupportedError where the kernel hides its addresses. Read once: helpers stay where they are. */
  static read(): KernelSymbols {
    KernelSymbols.cached ??= KernelSymbols.fromKernel();
    return KernelSymbols.cached;
  }

  /** With kptr_restrict all addresses read as 0, rather than not at all. */
  private static fromKernel(): KernelSymbols {
    const text = readFileSync('/proc/kallsyms', 'latin1');
    const at = text.indexOf(' __bpf_call_base\n');
    const base = at < 0 ? 0n : BigInt(`0x${text.slice(text.lastIndexOf('\n', at) + 1, at - 2)}`);
    if (base !== 0n) return new KernelSymbols(text, base);
    throw new UnsupportedError(
      'the kernel hides the addresses of its functions, so calls in a loaded program cannot be told',
      {},
      'run as root, with `kernel.kptr_restrict` below 2, or name the object file with `--object`',
    );
  }

  /** Number of the helper that a call's `imm` is, if it is known. */
  helperAt(imm: number): number | undefined {
    // Tail calls are shown by the helper's number.
    if (imm === helperNumber('tail_call')) return imm;
    for (const name of this.namesAt(imm)) {
      const helper = helperOf(name);
      if (helper !== undefined) return helperNumber(helper);
    }
    return undefined;
  }

  /** The function that hash tables' written-out look-ups call. */
  isHashLookup(imm: number): boolean {
    return this.namesAt(imm).includes('__htab_map_lookup_elem');
  }

  /** All names of the address. The list has a line each: address, kind, name; looked through once an address. */
  private namesAt(imm: number): readonly string[] {
    const known = this.found.get(imm);
    if (known !== undefined) return known;
    const names: string[] = [];
    const address = (this.base + BigInt(imm)).toString(16).padStart(16, '0');
    for (let at = this.text.indexOf(address); at >= 0; at = this.text.indexOf(address, at + 1)) {
      const end = this.text.indexOf('\n', at);
      names.push(this.text.slice(at + address.length + 3, end).replace(/\t.*$/, ''));
    }
    this.found.set(imm, names);
    return names;
  }
}

/** All helpers that we know by name, without `bpf_`. */
const known: ReadonlySet<string> = new Set(helperNames);

/** The helper of a function's name: exact names go first, as endings also fit functions that are no map operation. */
function helperOf(name: string): HelperName | undefined {
  const found = special[name];
  if (found !== undefined) return found;
  for (const prefix of ['bpf_', 'bpf_xdp_']) {
    const rest = name.slice(prefix.length);
    if (name.startsWith(prefix) && known.has(rest)) return rest as HelperName;
  }
  return mapOperations.find(([end]) => end.test(name))?.[1];
}
