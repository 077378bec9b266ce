/**
 * The instruction table: one row for each instruction form of RFC 9669 and of Linux beyond it. It is the one source
 * for checking ({@link checkInsn}), text in and out, and generated tests.
 *
 * A row says what each field of a slot holds. A field is either an operand (`reg`, `s16`, `s32`) or has one fixed
 * value; a fixed value other than 0 selects the form (`off` = 1 makes `div` signed, `imm` = 0xe1 makes an atomic an
 * exchange), a fixed 0 is what the RFC calls unused and Linux calls reserved. An instruction *is* a form when its
 * opcode and all fixed fields agree.
 */
import type { Insn } from './insn.js';
import * as op from './opcode.js';
import {
  type AluName,
  type AtomicName,
  aluOperators,
  atomicOperators,
  type JumpName,
  jumpOperators,
  sizes,
} from './operators.js';

/** RFC 9669, section 2.4; `linux` is what Linux added since (`may_goto`, load-acquire, store-release). */
export type ConformanceGroup =
  | 'base32'
  | 'base64'
  | 'divmul32'
  | 'divmul64'
  | 'atomic32'
  | 'atomic64'
  | 'packet'
  | 'linux';

/** As `-mcpu` of clang: v1 the classic set, v2 more jumps, v3 32-bit jumps, v4 sign extension and long jumps. */
export type IsaVersion = 'v1' | 'v2' | 'v3' | 'v4' | 'linux';

/** What an instruction does, as far as engines and text tell forms apart. */
export type Operation =
  /** `dst = dst <name> (src | imm)`. */
  | { readonly kind: 'alu'; readonly name: AluName; readonly width: 32 | 64; readonly source: 'imm' | 'reg' }
  /** `dst = src | imm`; `from` < width sign-extends the low `from` bits of src. */
  | { readonly kind: 'mov'; readonly width: 32 | 64; readonly source: 'imm' | 'reg'; readonly from: 8 | 16 | 32 | 64 }
  | { readonly kind: 'neg'; readonly width: 32 | 64 }
  /** `le`, `be`: to that byte order, truncating to `bits`; `bswap`: swap, truncating to `bits`. */
  | { readonly kind: 'swap'; readonly to: 'le' | 'be' | 'bswap'; readonly bits: 16 | 32 | 64 }
  | { readonly kind: 'load'; readonly bytes: 1 | 2 | 4 | 8; readonly signed: boolean }
  | { readonly kind: 'store'; readonly bytes: 1 | 2 | 4 | 8; readonly source: 'imm' | 'reg' }
  | { readonly kind: 'atomic'; readonly name: AtomicName; readonly bytes: 4 | 8; readonly fetch: boolean }
  | { readonly kind: 'xchg' | 'cmpxchg'; readonly bytes: 4 | 8 }
  | { readonly kind: 'load-acquire' | 'store-release'; readonly bytes: 1 | 2 | 4 | 8 }
  /** 64-bit immediate in two slots; `what` by the source field. */
  | { readonly kind: 'lddw'; readonly what: LddwKind }
  | { readonly kind: 'packet'; readonly bytes: 1 | 2 | 4; readonly indirect: boolean }
  | { readonly kind: 'jump'; readonly name: JumpName; readonly width: 32 | 64; readonly source: 'imm' | 'reg' }
  /** `ja`; `long` keeps the distance in `imm`. */
  | { readonly kind: 'goto'; readonly long: boolean }
  | { readonly kind: 'may-goto' }
  | { readonly kind: 'call'; readonly what: 'helper' | 'local' | 'kfunc' }
  | { readonly kind: 'exit' };

/** What the 64 bits of an `lddw` stand for, by its source field. */
export type LddwKind = 'number' | 'map' | 'map-value' | 'ksym' | 'function' | 'map-index' | 'map-index-value';

/** What a field holds: an operand, or always that number. */
export type RegField = 'reg' | number;
/** What the offset field holds. */
export type OffField = 's16' | number;
/** What the immediate field holds. */
export type ImmField = 's32' | number;

/** One row of the instruction table: which opcode, what each field of the slot holds, and since when it is there. */
export interface InsnForm {
  /** Unique: mnemonic, then `imm` or `reg` where there are both. */
  readonly name: string;
  readonly code: number;
  readonly dst: RegField;
  readonly src: RegField;
  readonly off: OffField;
  readonly imm: ImmField;
  readonly operation: Operation;
  readonly version: IsaVersion;
  readonly group: ConformanceGroup;
  /** 2 for `lddw`, else 1. */
  readonly slots: 1 | 2;
}

/** What a row says of a slot's fields; what is left out has to be 0. */
type Fields = Partial<Pick<InsnForm, 'dst' | 'src' | 'off' | 'imm'>>;

/** A row; fields that are not named are reserved. */
function form(
  name: string,
  code: number,
  operation: Operation,
  version: IsaVersion,
  group: ConformanceGroup,
  fields: Fields,
): InsnForm {
  const slots = operation.kind === 'lddw' ? 2 : 1;
  return { name, code, operation, version, group, slots, dst: 0, src: 0, off: 0, imm: 0, ...fields };
}

/** Arithmetic (RFC 9669, section 4.1). Signed division and sign-extending moves are told by `off`. */
function aluForms(): InsnForm[] {
  const rows: InsnForm[] = [];
  for (const width of [64, 32] as const) {
    const aluClass = width === 64 ? op.ALU64 : op.ALU;
    const base = `base${width}` as const;
    for (const row of aluOperators) {
      const divmul = ['mul', 'div', 'mod', 'sdiv', 'smod'].includes(row.name);
      const group = divmul ? (`divmul${width}` as const) : base;
      const off = row.signed === true ? 1 : 0;
      const version = off === 1 ? 'v4' : 'v1';
      const { name } = row;
      const mnemonic = `${name}${width}`;
      const reg = { kind: 'alu', name, width, source: 'reg' } as const;
      const imm = { kind: 'alu', name, width, source: 'imm' } as const;
      rows.push(
        form(`${mnemonic} imm`, aluClass | row.bits | op.K, imm, version, group, { dst: 'reg', off, imm: 's32' }),
        form(`${mnemonic} reg`, aluClass | row.bits | op.X, reg, version, group, { dst: 'reg', src: 'reg', off }),
      );
    }
    rows.push(
      form(`neg${width}`, aluClass | op.NEG, { kind: 'neg', width }, 'v1', base, { dst: 'reg' }),
      form(
        `mov${width} imm`,
        aluClass | op.MOV | op.K,
        { kind: 'mov', width, source: 'imm', from: width },
        'v1',
        base,
        {
          dst: 'reg',
          imm: 's32',
        },
      ),
      form(
        `mov${width} reg`,
        aluClass | op.MOV | op.X,
        { kind: 'mov', width, source: 'reg', from: width },
        'v1',
        base,
        {
          dst: 'reg',
          src: 'reg',
        },
      ),
    );
    for (const from of [8, 16, 32] as const) {
      if (from === width) continue;
      const operation = { kind: 'mov', width, source: 'reg', from } as const;
      const fields = { dst: 'reg', src: 'reg', off: from } as const;
      rows.push(form(`movsx${from}to${width}`, aluClass | op.MOV | op.X, operation, 'v4', base, fields));
    }
  }
  return rows;
}

/** Byte swaps (section 4.2): the width is the immediate. */
function swapForms(): InsnForm[] {
  const orders = [
    { to: 'le', code: op.ALU | op.END | op.K, version: 'v1' },
    { to: 'be', code: op.ALU | op.END | op.X, version: 'v1' },
    { to: 'bswap', code: op.ALU64 | op.END | op.K, version: 'v4' },
  ] as const;
  return orders.flatMap(({ to, code, version }) =>
    ([16, 32, 64] as const).map((bits) => {
      const group = bits === 64 ? 'base64' : 'base32';
      return form(`${to}${bits}`, code, { kind: 'swap', to, bits }, version, group, { dst: 'reg', imm: bits });
    }),
  );
}

/** Loads and stores (section 5.1), sign-extending loads (5.2) included. */
function memoryForms(): InsnForm[] {
  const rows: InsnForm[] = [];
  for (const { bits, bytes, letter } of sizes) {
    const group = bytes === 8 ? 'base64' : 'base32';
    const access = { dst: 'reg', src: 'reg', off: 's16' } as const;
    rows.push(
      form(`ldx${letter}`, op.LDX | op.MODE_MEM | bits, { kind: 'load', bytes, signed: false }, 'v1', group, access),
      form(`stx${letter}`, op.STX | op.MODE_MEM | bits, { kind: 'store', bytes, source: 'reg' }, 'v1', group, access),
      form(`st${letter}`, op.ST | op.MODE_MEM | bits, { kind: 'store', bytes, source: 'imm' }, 'v1', group, {
        dst: 'reg',
        off: 's16',
        imm: 's32',
      }),
    );
    if (bytes !== 8) {
      const code = op.LDX | op.MODE_MEMSX | bits;
      rows.push(form(`ldxs${letter}`, code, { kind: 'load', bytes, signed: true }, 'v4', 'base64', access));
    }
  }
  return rows;
}

/** Atomic operations (section 5.3); the operation is the immediate. */
function atomicForms(): InsnForm[] {
  const rows: InsnForm[] = [];
  const access = { dst: 'reg', src: 'reg', off: 's16' } as const;
  for (const { bits, bytes, letter } of sizes) {
    const code = op.STX | op.MODE_ATOMIC | bits;
    if (bytes === 4 || bytes === 8) {
      const suffix = bytes === 8 ? '64' : '32';
      const group = `atomic${suffix}` as const;
      for (const { name, bits: imm } of atomicOperators) {
        const plain = { kind: 'atomic', name, bytes, fetch: false } as const;
        const fetch = { kind: 'atomic', name, bytes, fetch: true } as const;
        rows.push(
          form(`atomic_${name}${suffix}`, code, plain, name === 'add' ? 'v1' : 'v3', group, { ...access, imm }),
          form(`atomic_fetch_${name}${suffix}`, code, fetch, 'v3', group, { ...access, imm: imm | op.ATOMIC_FETCH }),
        );
      }
      rows.push(
        form(`xchg${suffix}`, code, { kind: 'xchg', bytes }, 'v3', group, { ...access, imm: op.ATOMIC_XCHG }),
        form(`cmpxchg${suffix}`, code, { kind: 'cmpxchg', bytes }, 'v3', group, { ...access, imm: op.ATOMIC_CMPXCHG }),
      );
    }
    const acquire = { ...access, imm: op.ATOMIC_LOAD_ACQ };
    const release = { ...access, imm: op.ATOMIC_STORE_REL };
    rows.push(
      form(`load_acquire_${letter}`, code, { kind: 'load-acquire', bytes }, 'linux', 'linux', acquire),
      form(`store_release_${letter}`, code, { kind: 'store-release', bytes }, 'linux', 'linux', release),
    );
  }
  return rows;
}

/** What a 64-bit load loads, by `src` (section 5.4). */
const lddwKinds: readonly LddwKind[] = [
  'number',
  'map',
  'map-value',
  'ksym',
  'function',
  'map-index',
  'map-index-value',
];

/** 64-bit immediates and the legacy packet loads (sections 5.4 and 5.5). */
function loadForms(): InsnForm[] {
  const rows = lddwKinds.map((what, src) =>
    form(`lddw ${what}`, op.LDDW, { kind: 'lddw', what }, 'v1', 'base64', { dst: 'reg', src, imm: 's32' }),
  );
  for (const { bits, bytes, letter } of sizes) {
    if (bytes === 8) continue;
    const abs = { kind: 'packet', bytes, indirect: false } as const;
    const ind = { kind: 'packet', bytes, indirect: true } as const;
    rows.push(
      form(`ldabs${letter}`, op.LD | op.MODE_ABS | bits, abs, 'v1', 'packet', { imm: 's32' }),
      form(`ldind${letter}`, op.LD | op.MODE_IND | bits, ind, 'v1', 'packet', { src: 'reg', imm: 's32' }),
    );
  }
  return rows;
}

/** Jumps and calls (section 4.3). */
function jumpForms(): InsnForm[] {
  const rows: InsnForm[] = [];
  for (const width of [64, 32] as const) {
    const jumpClass = width === 64 ? op.JMP : op.JMP32;
    const group = `base${width}` as const;
    for (const { name, bits } of jumpOperators) {
      const newer = name === 'jlt' || name === 'jle' || name === 'jslt' || name === 'jsle' ? 'v2' : 'v1';
      const version = width === 32 ? 'v3' : newer;
      const mnemonic = width === 64 ? name : `${name}32`;
      const imm = { kind: 'jump', name, width, source: 'imm' } as const;
      const reg = { kind: 'jump', name, width, source: 'reg' } as const;
      rows.push(
        form(`${mnemonic} imm`, jumpClass | bits | op.K, imm, version, group, { dst: 'reg', off: 's16', imm: 's32' }),
        form(`${mnemonic} reg`, jumpClass | bits | op.X, reg, version, group, { dst: 'reg', src: 'reg', off: 's16' }),
      );
    }
  }
  const calls = ['helper', 'local', 'kfunc'] as const;
  rows.push(
    form('ja', op.JA_OP, { kind: 'goto', long: false }, 'v1', 'base32', { off: 's16' }),
    form('gotol', op.JA32_OP, { kind: 'goto', long: true }, 'v4', 'base32', { imm: 's32' }),
    ...calls.map((what, src) =>
      // The offset of a kfunc call picks the BTF that declares it.
      form(`call ${what}`, op.CALL_OP, { kind: 'call', what }, 'v1', 'base32', {
        src,
        imm: 's32',
        off: what === 'kfunc' ? 's16' : 0,
      }),
    ),
    form('exit', op.EXIT_OP, { kind: 'exit' }, 'v1', 'base32', {}),
    form('may_goto', op.JMP | op.JCOND, { kind: 'may-goto' }, 'linux', 'linux', { off: 's16' }),
  );
  return rows;
}

/** Every form, arithmetic first. */
export const instructions: readonly InsnForm[] = [
  ...aluForms(),
  ...swapForms(),
  ...memoryForms(),
  ...atomicForms(),
  ...loadForms(),
  ...jumpForms(),
];

/** Forms by opcode byte; a hole is no instruction. */
const byCode: (readonly InsnForm[] | undefined)[] = Array.from({ length: 256 }, (_, code) => {
  const forms = instructions.filter((row) => row.code === code);
  return forms.length === 0 ? undefined : forms;
});

const byName: ReadonlyMap<string, InsnForm> = new Map(instructions.map((row) => [row.name, row]));

/** All forms of an opcode byte; empty for an unknown opcode. */
export function formsOf(code: number): readonly InsnForm[] {
  return byCode[code & 0xff] ?? [];
}

/** The form with that name. Throws RangeError for a name that is not in the table. */
export function formNamed(name: string): InsnForm {
  const found = byName.get(name);
  if (found === undefined) throw new RangeError(`no instruction form is called ${name}`);
  return found;
}

/** The form of an instruction; undefined for an unknown opcode or where a reserved field is used. */
export function describe(insn: Insn): InsnForm | undefined {
  return formsOf(insn.code).find(
    (row) =>
      agrees(row.dst, insn.dst) && agrees(row.src, insn.src) && agrees(row.off, insn.off) && agrees(row.imm, insn.imm),
  );
}

/**
 * The form that the fields which select one point to, whatever the reserved ones hold: what an engine that ignores
 * reserved fields would run. Undefined where no form fits.
 */
export function describeLoosely(insn: Insn): InsnForm | undefined {
  const forms = formsOf(insn.code);
  if (forms.length <= 1) return forms[0];
  return describe(insn) ?? forms.find((row) => selects(row, insn));
}

/** Do the fields that tell forms of one opcode apart say that it is this one? */
function selects(row: InsnForm, insn: Insn): boolean {
  const siblings = formsOf(row.code);
  for (const field of ['src', 'off', 'imm'] as const) {
    const selecting = siblings.some((other) => typeof other[field] === 'number' && other[field] !== row[field]);
    if (selecting && !agrees(row[field], insn[field])) return false;
  }
  return true;
}

function agrees(field: RegField | OffField | ImmField, value: number): boolean {
  return typeof field !== 'number' || field === value;
}
