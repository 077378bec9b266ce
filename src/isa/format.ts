/**
 * Instructions as text, in the two syntaxes that the field reads:
 *
 * - `llvm`: what `llvm-objdump -d --mcpu=v4` prints: `w1 = *(u32 *)(r1 + 0x4)`, `if r2 > r3 goto +0x5 <L12>`;
 * - `kernel`: what the verifier's log and `bpftool prog dump xlated` print: `(61) r1 = *(u32 *)(r1 +4)`,
 *   `(2d) if r2 > r3 goto pc+5`, `(85) call bpf_map_lookup_elem#1` (kernel/bpf/disasm.c is the reference).
 *
 * An instruction that uses a reserved field prints as the instruction that it would be without.
 */
import { type Insn, jumpTarget, lddwImm } from './insn.js';
import { describeLoosely, type Operation } from './instructions.js';
import { aluOperators, atomicOperators, jumpOperators } from './operators.js';

/** Whose syntax: LLVM's or the kernel's. */
export type TextStyle = 'llvm' | 'kernel';

/** What the numbers in instructions are called. Every part may be left out, every function may know nothing. */
export interface InsnNames {
  /** Name of a helper: `bpf_map_lookup_elem` for 1. */
  readonly helper?: ((number: number) => string | undefined) | undefined;
  /** Name of the map that a map load's `imm` stands for. */
  readonly map?: ((imm: number) => string | undefined) | undefined;
  /** Name of the kfunc that a kfunc call's `imm` stands for. */
  readonly kfunc?: ((imm: number) => string | undefined) | undefined;
  /** Name of the kernel symbol that a ksym load's `imm` stands for. */
  readonly ksym?: ((imm: number) => string | undefined) | undefined;
  /** Name of the function that starts at a slot. */
  readonly func?: ((slot: number) => string | undefined) | undefined;
  /** The address of a function is written as the number in the instruction, as the verifier's log has it. */
  readonly numericFunctions?: boolean;
  /** Label of a slot that is jumped to. */
  readonly label?: ((slot: number) => string | undefined) | undefined;
}

// By names of the instruction table's rows.
const aluSigns: ReadonlyMap<string, string> = new Map(aluOperators.map((row) => [row.name, row.sign]));
const jumpSigns: ReadonlyMap<string, string> = new Map(jumpOperators.map((row) => [row.name, row.sign]));
const atomicSigns: ReadonlyMap<string, string> = new Map(atomicOperators.map((row) => [row.name, row.sign]));

/**
 * The instruction at slot `pc`. The second slot of a 64-bit load, which is no instruction, yields the empty string in
 * both styles when it is asked for by itself behind its first; an unknown opcode yields `<unknown>` or the kernel's
 * `BUG_xx`.
 */
export function formatInsn(insns: readonly Insn[], pc: number, style: TextStyle, names: InsnNames = {}): string {
  const insn = insns[pc];
  if (insn === undefined) return '';
  if (insn.code === 0 && insns[pc - 1]?.code === 0x18) return '';
  const form = describeLoosely(insn);
  if (style === 'kernel') {
    const text = form === undefined ? undefined : kernelText(form.operation, insn, insns, pc, names);
    return text === undefined ? unknownKernel(insn) : `(${hex2(insn.code)}) ${text}`;
  }
  return form === undefined ? '<unknown>' : llvmText(form.operation, insn, insns, pc, names);
}

/** Number in LLVM's way: `0x1f`, `-0x1`. */
export function signedHex(value: number | bigint): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** One instruction as llvm-objdump prints it. */
function llvmText(operation: Operation, insn: Insn, insns: readonly Insn[], pc: number, names: InsnNames): string {
  const { dst, src, off, imm } = insn;
  const address = (base: number): string => `r${base} ${off < 0 ? '-' : '+'} 0x${Math.abs(off).toString(16)}`;
  const target = (distance: number): string => {
    const label = names.label?.(jumpTarget(insn, pc));
    return `${distance < 0 ? '' : '+'}${signedHex(distance)}${label === undefined ? '' : ` <${label}>`}`;
  };
  switch (operation.kind) {
    case 'alu': {
      const reg = operation.width === 64 ? 'r' : 'w';
      const operand = operation.source === 'reg' ? `${reg}${src}` : signedHex(imm);
      return `${reg}${dst} ${aluSigns.get(operation.name)} ${operand}`;
    }
    case 'mov': {
      const reg = operation.width === 64 ? 'r' : 'w';
      const cast = operation.from === operation.width ? '' : `(s${operation.from})`;
      return `${reg}${dst} = ${operation.source === 'reg' ? `${cast}${reg}${src}` : signedHex(imm)}`;
    }
    case 'neg':
      return operation.width === 64 ? `r${dst} = -r${dst}` : `w${dst} = -w${dst}`;
    case 'swap':
      return `r${dst} = ${operation.to}${operation.bits} r${dst}`;
    case 'load': {
      const reg = operation.bytes === 8 || operation.signed ? 'r' : 'w';
      return `${reg}${dst} = *(${operation.signed ? 's' : 'u'}${8 * operation.bytes} *)(${address(src)})`;
    }
    case 'store': {
      const reg = operation.bytes === 8 ? 'r' : 'w';
      const value = operation.source === 'reg' ? `${reg}${src}` : signedHex(imm);
      return `*(u${8 * operation.bytes} *)(${address(dst)}) = ${value}`;
    }
    case 'atomic': {
      const reg = operation.bytes === 8 ? `r${src}` : `w${src}`;
      const type = `(u${8 * operation.bytes} *)`;
      if (operation.fetch) return `${reg} = atomic_fetch_${operation.name}(${type}(${address(dst)}), ${reg})`;
      return `lock *${type}(${address(dst)}) ${atomicSigns.get(operation.name)} ${reg}`;
    }
    case 'xchg':
      return operation.bytes === 8
        ? `r${src} = xchg_64(${address(dst)}, r${src})`
        : `w${src} = xchg32_32(${address(dst)}, w${src})`;
    case 'cmpxchg':
      return operation.bytes === 8
        ? `r0 = cmpxchg_64(${address(dst)}, r0, r${src})`
        : `w0 = cmpxchg32_32(${address(dst)}, w0, w${src})`;
    case 'load-acquire':
      return `${operation.bytes === 8 ? 'r' : 'w'}${dst} = load_acquire((u${8 * operation.bytes} *)(${address(src)}))`;
    case 'store-release':
      return `store_release((u${8 * operation.bytes} *)(${address(dst)}), ${operation.bytes === 8 ? 'r' : 'w'}${src})`;
    case 'lddw': {
      const name = lddwName(insn, insns, pc, names, ' + ');
      if (name === undefined && operation.what !== 'number') return ldPseudo(insn, insns[pc + 1]);
      return `r${dst} = ${name ?? signedHex(BigInt.asIntN(64, lddwImm(insns, pc)))} ll`;
    }
    case 'packet':
      return `r0 = *(u${8 * operation.bytes} *)skb[${operation.indirect ? indirect(insn) : signedHex(imm)}]`;
    case 'jump': {
      const reg = operation.width === 64 ? 'r' : 'w';
      const operand = operation.source === 'reg' ? `${reg}${src}` : signedHex(imm);
      return `if ${reg}${dst} ${jumpSigns.get(operation.name)} ${operand} goto ${target(off)}`;
    }
    case 'goto':
      return operation.long ? `gotol ${target(imm)}` : `goto ${target(off)}`;
    case 'may-goto':
      return `may_goto ${target(off)}`;
    case 'call':
      if (operation.what === 'local') return `call ${names.func?.(pc + 1 + imm) ?? signedHex(imm)}`;
      return `call ${(operation.what === 'kfunc' ? names.kfunc?.(imm) : names.helper?.(imm)) ?? signedHex(imm)}`;
    case 'exit':
      return 'exit';
  }
}

/** LLVM's text for an address that nobody names. It knows no upper half; one is added where it is not 0. */
function ldPseudo(insn: Insn, second: Insn | undefined): string {
  const high = (second?.imm ?? 0) >>> 0;
  const fields = [insn.src, insn.imm >>> 0, ...(high === 0 ? [] : [high])];
  return `ld_pseudo r${insn.dst}, ${fields.map((field) => `0x${field.toString(16)}`).join(', ')}`;
}

/** LLVM drops the displacement of an indirect packet load; it is printed where there is one. */
function indirect(insn: Insn): string {
  return insn.imm === 0 ? `r${insn.src}` : `r${insn.src} + ${signedHex(insn.imm)}`;
}

/** The symbol of a 64-bit load, with the offset into a map's value. */
function lddwName(insn: Insn, insns: readonly Insn[], pc: number, names: InsnNames, plus: string): string | undefined {
  const form = describeLoosely(insn);
  if (form?.operation.kind !== 'lddw') return undefined;
  switch (form.operation.what) {
    case 'map':
      return names.map?.(insn.imm);
    case 'map-value': {
      const name = names.map?.(insn.imm);
      const offset = (insns[pc + 1]?.imm ?? 0) >>> 0;
      return name === undefined ? undefined : `${name}${plus}0x${offset.toString(16)}`;
    }
    case 'ksym':
      return names.ksym?.(insn.imm);
    case 'function':
      return names.func?.(pc + 1 + insn.imm);
    default:
      return undefined;
  }
}

/** As kernel/bpf/disasm.c prints it; undefined for what it does not know. */
function kernelText(
  operation: Operation,
  insn: Insn,
  insns: readonly Insn[],
  pc: number,
  names: InsnNames,
): string | undefined {
  const { dst, src, off, imm } = insn;
  const address = (base: number): string => `r${base} ${signed(off)}`;
  switch (operation.kind) {
    case 'alu': {
      const reg = operation.width === 64 ? 'r' : 'w';
      return `${reg}${dst} ${aluSigns.get(operation.name)} ${operation.source === 'reg' ? `${reg}${src}` : imm}`;
    }
    case 'mov': {
      const reg = operation.width === 64 ? 'r' : 'w';
      const cast = operation.from === operation.width ? '' : `(s${operation.from})`;
      return `${reg}${dst} = ${operation.source === 'reg' ? `${cast}${reg}${src}` : imm}`;
    }
    case 'neg':
    case 'swap':
    case 'exit':
      return llvmText(operation, insn, insns, pc, names);
    case 'load':
      return `r${dst} = *(${operation.signed ? 's' : 'u'}${8 * operation.bytes} *)(${address(src)})`;
    case 'store':
      return `*(u${8 * operation.bytes} *)(${address(dst)}) = ${operation.source === 'reg' ? `r${src}` : imm}`;
    case 'atomic': {
      const at = `(u${8 * operation.bytes} *)(${address(dst)})`;
      if (!operation.fetch) return `lock *${at} ${atomicSigns.get(operation.name)} r${src}`;
      return `r${src} = atomic${operation.bytes === 8 ? '64' : ''}_fetch_${operation.name}(${at}, r${src})`;
    }
    case 'xchg':
    case 'cmpxchg': {
      const name = `atomic${operation.bytes === 8 ? '64' : ''}_${operation.kind}`;
      const at = `(u${8 * operation.bytes} *)(${address(dst)})`;
      return operation.kind === 'xchg' ? `r${src} = ${name}(${at}, r${src})` : `r0 = ${name}(${at}, r0, r${src})`;
    }
    case 'load-acquire':
      return `r${dst} = load_acquire((u${8 * operation.bytes} *)(${address(src)}))`;
    case 'store-release':
      return `store_release((u${8 * operation.bytes} *)(${address(dst)}), r${src})`;
    case 'lddw':
      return `r${dst} = ${kernelLddw(operation, insn, insns, pc, names)}`;
    case 'packet':
      return `r0 = *(u${8 * operation.bytes} *)skb[${operation.indirect ? `r${src} + ${imm}` : imm}]`;
    case 'jump': {
      const reg = operation.width === 64 ? 'r' : 'w';
      const operand = operation.source === 'reg' ? `${reg}${src}` : `0x${(imm >>> 0).toString(16)}`;
      return `if ${reg}${dst} ${jumpSigns.get(operation.name)} ${operand} goto pc${signed(off)}`;
    }
    case 'goto':
      return operation.long ? `gotol pc${signed(imm)}` : `goto pc${signed(off)}`;
    case 'may-goto':
      return `may_goto pc${signed(off)}`;
    case 'call': {
      if (operation.what === 'local') {
        const name = names.func?.(pc + 1 + imm);
        return `call pc${signed(imm)}${name === undefined ? '' : `#${name}`}`;
      }
      const name = operation.what === 'kfunc' ? (names.kfunc?.(imm) ?? 'kernel-function') : names.helper?.(imm);
      return `call ${name ?? 'unknown'}#${imm}`;
    }
  }
}

/** A 64-bit load; the kernel prints pointers as such. */
function kernelLddw(
  operation: Operation & { kind: 'lddw' },
  insn: Insn,
  insns: readonly Insn[],
  pc: number,
  names: InsnNames,
): string {
  const name = lddwName(insn, insns, pc, names, '[0]+');
  switch (operation.what) {
    case 'map':
      return name === undefined ? `map[${insn.imm}]` : `map[${name}]`;
    case 'map-value': {
      const offset = (insns[pc + 1]?.imm ?? 0) >>> 0;
      return `map[${names.map?.(insn.imm) ?? insn.imm}][0]+${offset}`;
    }
    case 'function':
      if (names.numericFunctions === true) break;
      return `subprog[${name ?? signed(insn.imm)}]`;
    default:
      if (name !== undefined) return name;
  }
  return `0x${lddwImm(insns, pc).toString(16)}`;
}

/** How disasm.c prints what it cannot decode. */
function unknownKernel(insn: Insn): string {
  const code = hex2(insn.code);
  switch (insn.code & 0x07) {
    case 0:
      return `BUG_ld_${code}`;
    case 1:
      return `BUG_ldx_${code}`;
    case 2:
      return `BUG_st_${code}`;
    case 7:
      return `BUG_alu64_${code}`;
    default:
      return `BUG_${code}`;
  }
}

function signed(value: number): string {
  return value < 0 ? String(value) : `+${value}`;
}

function hex2(value: number): string {
  return value.toString(16).padStart(2, '0');
}
