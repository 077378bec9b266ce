/**
 * A peer for speed measurements: bytecode as C, a statement an instruction, so that clang at -O3 makes of it what an
 * LLVM JIT compiler for user space makes of the same bytecode. Registers are 64-bit variables, memory is accessed as
 * it is, helpers are functions by number. The C knows nothing but the bytecode: no facts of a verifier, no map in
 * place of a call.
 */
import { UnsupportedError } from '../../base/index.js';
import {
  type AluName,
  describe,
  type Insn,
  isJump,
  isLddw,
  type JumpName,
  jumpTarget,
  lddwImm,
} from '../../isa/index.js';
import type { MapSpec, ProgramSpec } from '../../object/index.js';

/** C of an operator on operands `a` and `b` (unsigned, of the operation's width); `s` is their signed type. */
const alu: Readonly<Record<AluName, (a: string, b: string, s: string, width: number) => string>> = {
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  or: (a, b) => `${a} | ${b}`,
  and: (a, b) => `${a} & ${b}`,
  xor: (a, b) => `${a} ^ ${b}`,
  lsh: (a, b, _, width) => `${a} << (${b} & ${width - 1})`,
  rsh: (a, b, _, width) => `${a} >> (${b} & ${width - 1})`,
  arsh: (a, b, s, width) => `(${s})${a} >> (${b} & ${width - 1})`,
  // x / 0 = 0 and x % 0 = x; the smallest number divided by -1 wraps.
  div: (a, b) => `${b} == 0 ? 0 : ${a} / ${b}`,
  mod: (a, b) => `${b} == 0 ? ${a} : ${a} % ${b}`,
  sdiv: (a, b, s) => `${b} == 0 ? 0 : (${s})${b} == -1 ? -${a} : (${s})${a} / (${s})${b}`,
  smod: (a, b, s) => `${b} == 0 ? ${a} : (${s})${b} == -1 ? 0 : (${s})${a} % (${s})${b}`,
};

/** C of a comparison; `s` is the signed type of the operands. */
const jumps: Readonly<Record<JumpName, (a: string, b: string, s: string) => string>> = {
  jeq: (a, b) => `${a} == ${b}`,
  jne: (a, b) => `${a} != ${b}`,
  jset: (a, b) => `${a} & ${b}`,
  jgt: (a, b) => `${a} > ${b}`,
  jge: (a, b) => `${a} >= ${b}`,
  jlt: (a, b) => `${a} < ${b}`,
  jle: (a, b) => `${a} <= ${b}`,
  jsgt: (a, b, s) => `(${s})${a} > (${s})${b}`,
  jsge: (a, b, s) => `(${s})${a} >= (${s})${b}`,
  jslt: (a, b, s) => `(${s})${a} < (${s})${b}`,
  jsle: (a, b, s) => `(${s})${a} <= (${s})${b}`,
};

/** The module of a program: `run_program`, and its maps. Throws UnsupportedError at what no peer has to do. */
export function translateToC(program: ProgramSpec, maps: readonly MapSpec[]): string {
  const { insns } = program;
  const targets = new Set<number>();
  for (const [pc, insn] of insns.entries())
    if (isJump(insn) && insn.code !== 0x85 && insn.code !== 0x95) targets.add(jumpTarget(insn, pc));
  const lines: string[] = [];
  for (let pc = 0; pc < insns.length; pc++) {
    const insn = insns[pc] as Insn;
    if (targets.has(pc)) lines.push(`L${pc}:;`);
    lines.push(`\t${statement(program, maps, pc)}`);
    if (isLddw(insn)) pc++;
  }
  const registers = Array.from({ length: 10 }, (_, i) => (i === 1 ? 'r1 = (uint64_t)context' : `r${i} = 0`));
  return [
    '#include "peer.h"',
    // Loads and stores of any alignment, of memory of any type.
    ...[8, 16, 32, 64].map(
      (bits) => `typedef struct { uint${bits}_t v; } __attribute__((packed, may_alias)) m${bits};`,
    ),
    `struct map maps[] = { ${maps.map(mapRow).join(', ')}${maps.length === 0 ? '{ 0 }' : ''} };`,
    `const uint32_t map_count = ${maps.length};`,
    'uint64_t run_program(void *context, size_t size)',
    '{',
    '\tuint8_t stack[512] __attribute__((aligned(16)));',
    `\tuint64_t ${registers.join(', ')}, r10 = (uint64_t)(stack + 512);`,
    '\t(void)size, (void)r0, (void)r2, (void)r3, (void)r4, (void)r5, (void)r6, (void)r7, (void)r8, (void)r9, (void)r10;',
    ...lines,
    '\t__builtin_unreachable();',
    '}',
    '',
  ].join('\n');
}

/** A `struct map` of bench/peers/peer.h. Two kinds are all that the measured programs use. */
function mapRow({ name, type, keySize, valueSize, maxEntries }: MapSpec): string {
  if (type !== 'array' && type !== 'hash') throw new UnsupportedError(`${name}: the peer has no map of type ${type}`);
  const isHash = type === 'hash' ? 1 : 0;
  return `{ .is_hash = ${isHash}, .key_size = ${keySize}, .value_size = ${valueSize}, .max_entries = ${maxEntries} }`;
}

/** One instruction. */
function statement(program: ProgramSpec, maps: readonly MapSpec[], pc: number): string {
  const insn = program.insns[pc] as Insn;
  const form = describe(insn);
  const refuse = (what: string): never => {
    throw new UnsupportedError(`${program.name}: the peer does not translate ${what}`, { insn: pc });
  };
  if (form === undefined) return refuse(`opcode ${insn.code}`);
  const { operation } = form;
  const dst = `r${insn.dst}`;
  const src = `r${insn.src}`;
  const at = (register: string, bytes: number): string => `((m${8 * bytes} *)(${register} + ${insn.off}))->v`;
  /** The operand in a width: immediates are extended by their sign. */
  const operand = (source: 'imm' | 'reg', width: number): string =>
    source === 'reg' ? `(uint${width}_t)${src}` : `(uint${width}_t)(int64_t)${insn.imm}`;
  switch (operation.kind) {
    case 'alu': {
      const { name, width, source } = operation;
      return `${dst} = (uint${width}_t)(${alu[name](`(uint${width}_t)${dst}`, operand(source, width), `int${width}_t`, width)});`;
    }
    case 'mov': {
      const { width, source, from } = operation;
      return from === width
        ? `${dst} = ${operand(source, width)};`
        : `${dst} = (uint${width}_t)(int${width}_t)(int${from}_t)${src};`;
    }
    case 'neg':
      return `${dst} = (uint${operation.width}_t)-${dst};`;
    case 'swap': {
      const { to, bits } = operation;
      return `${dst} = ${to === 'le' ? '' : `__builtin_bswap${bits}`}((uint${bits}_t)${dst});`;
    }
    case 'load':
      return operation.signed
        ? `${dst} = (uint64_t)(int64_t)(int${8 * operation.bytes}_t)${at(src, operation.bytes)};`
        : `${dst} = ${at(src, operation.bytes)};`;
    case 'store':
      return `${at(dst, operation.bytes)} = ${operand(operation.source, 64)};`;
    case 'atomic': {
      const { name, bytes, fetch } = operation;
      return `${fetch ? `${src} = ` : ''}__atomic_fetch_${name}(&${at(dst, bytes)}, ${src}, __ATOMIC_SEQ_CST);`;
    }
    case 'lddw': {
      if (operation.what === 'number') return `${dst} = ${lddwImm(program.insns, pc)}ull;`;
      if (operation.what === 'map' && maps[insn.imm] !== undefined) return `${dst} = (uint64_t)&maps[${insn.imm}];`;
      return refuse(`a 64-bit load of a ${operation.what}`);
    }
    case 'jump': {
      const { name, width, source } = operation;
      const condition = jumps[name](`(uint${width}_t)${dst}`, operand(source, width), `int${width}_t`);
      return `if (${condition}) goto L${jumpTarget(insn, pc)};`;
    }
    case 'goto':
      return `goto L${jumpTarget(insn, pc)};`;
    case 'call':
      // bpf_map_lookup_elem and bpf_map_update_elem: bench/peers/helpers.c.
      if (operation.what !== 'helper' || (insn.imm !== 1 && insn.imm !== 2)) return refuse('this call');
      return `r0 = helper_${insn.imm}(r1, r2, r3, r4, r5);`;
    case 'exit':
      return 'return r0;';
    default:
      return refuse(form.name);
  }
}
