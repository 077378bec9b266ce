/**
 * Turns program specs into programs that can run: every 64-bit immediate that names a map, a map's value, a function
 * or a kernel symbol becomes a plain constant.
 *
 * What cannot run is refused here, but only where the program can get there. Linux refuses a program whose *reachable*
 * code calls a helper that does not exist, and compilers leave much unreachable code behind: branches on `.rodata`
 * constants, accesses that CO-RE found missing and poisoned. So each doubtful instruction is looked up in the set that
 * `reachableSlots` computes, a walk over the control flow that knows constants and read-only data. What it cannot see
 * to be dead, Linux's verifier rarely can either; and what it takes for dead but is run all the same (someone changed
 * `.rodata` afterwards) stops the run with the same UnsupportedError.
 */
import { InputError, UnsupportedError, type UserError } from '../base/index.js';
import { reachableSlots } from '../code/index.js';
import { type Insn, isCall, isLddw, op } from '../isa/index.js';
import { type ObjectSpec, type ProgramSpec, xdpFitness } from '../object/index.js';
import { kfuncNumber } from '../platform/index.js';
import { mapRefusal } from './create-maps.js';
import type { GuestAddress } from './guest-address.js';
import { findHelper, helperRefusal } from './helpers/index.js';
import type { BpfMap } from './map.js';
import type { GuestMemory } from './memory.js';
import { placeOf } from './trap.js';

/**
 * A program with its references resolved to guest addresses: lddw of maps, values and functions hold addresses as
 * plain constants.
 */
export interface LoadedProgram {
  readonly spec: ProgramSpec;
  /** Position in `Machine.programs`; what PROG_ARRAY slots hold (plus one). */
  readonly index: number;
  readonly insns: readonly Insn[];
  /**
   * Guest address of its code: slot i is at `code + 8 * i`. Only callbacks accept such addresses; loads and stores
   * fault.
   */
  readonly code: GuestAddress;
  /** Why it cannot run; absent if it can. */
  readonly refusal: UserError | undefined;
}

/** The slot that a code address stands for, or -1 when it is none of `program`'s. */
export function slotAt(program: LoadedProgram, address: bigint): number {
  const offset = Number(address) - program.code;
  return offset >= 0 && offset < program.insns.length * 8 && offset % 8 === 0 ? offset / 8 : -1;
}

/**
 * Programs in the order of the object. One that cannot run here is loaded all the same, with the reason, and traps
 * when it is run.
 */
export function loadPrograms(object: ObjectSpec, maps: readonly BpfMap[], memory: GuestMemory): LoadedProgram[] {
  return object.programs.map((spec, index) => {
    const region = memory.allocate('scratch', `code of ${spec.name}`, spec.insns.length * 8);
    region.hi = region.lo;
    const code = region.start;
    const refusal = findRefusal(object, spec, maps);
    const insns = refusal === undefined ? resolve(spec, maps, code) : spec.insns;
    return { spec, index, insns, code, refusal };
  });
}

/** The program's instructions with constants for references. */
function resolve(spec: ProgramSpec, maps: readonly BpfMap[], code: number): Insn[] {
  const insns = spec.insns.map((insn) => asHelperCall(spec, insn));
  for (let pc = 0; pc < insns.length; pc++) {
    const insn = spec.insns[pc] as Insn;
    if (!isLddw(insn) || insn.src === 0) continue;
    const value = referenceAddress(spec, pc, maps, code);
    const second = insns[pc + 1];
    if (value === undefined || second === undefined) continue;
    insns[pc] = { ...insn, src: 0, imm: value | 0 };
    insns[pc + 1] = { ...second, imm: 0 };
  }
  return insns;
}

/**
 * Engines call a kernel function as a helper of a number of its own; one that reachable code does not call may have
 * none.
 */
function asHelperCall(spec: ProgramSpec, insn: Insn): Insn {
  if (!isCall(insn) || insn.src !== op.CALL_KFUNC) return insn;
  const number = kfuncNumber(spec.kfuncs[insn.imm]?.name ?? '');
  return number === undefined ? insn : { ...insn, src: op.CALL_HELPER, off: 0, imm: number };
}

/** What the `lddw` at `pc` loads; undefined where that cannot be said (and was found unreachable). */
function referenceAddress(spec: ProgramSpec, pc: number, maps: readonly BpfMap[], code: number): number | undefined {
  const insn = spec.insns[pc] as Insn;
  switch (insn.src) {
    case op.PSEUDO_MAP_FD:
      return maps[insn.imm]?.handle;
    case op.PSEUDO_MAP_VALUE: {
      const value = maps[insn.imm]?.directValue() ?? 0;
      return value === 0 ? undefined : value + (spec.insns[pc + 1]?.imm ?? 0);
    }
    case op.PSEUDO_FUNC:
      return code + (pc + 1 + insn.imm) * 8;
    case op.PSEUDO_BTF_ID:
      // A weak symbol that the kernel does not have is null; others were refused.
      return 0;
    default:
      return undefined;
  }
}

function findRefusal(object: ObjectSpec, spec: ProgramSpec, maps: readonly BpfMap[]): UserError | undefined {
  // A section that says nothing (`prog`, `balancer_ingress`) may well be XDP: who asks for it by name knows.
  if (xdpFitness(spec) === 'other') {
    const what = `of type ${spec.type}`;
    const place = { file: object.name, section: spec.section };
    return new UnsupportedError(`program ${spec.name} is ${what}; only xdp programs run here`, place);
  }
  const reachable = reachableSlots(object, spec);
  for (const unresolved of spec.unresolved) {
    if (reachable[unresolved.insn] === 1) {
      return new UnsupportedError(unresolved.what, placeOf(spec, unresolved.insn, object.name));
    }
  }
  for (let pc = 0; pc < spec.insns.length; pc++) {
    if (reachable[pc] !== 1) continue;
    const refusal = refuseInsn(spec, spec.insns[pc] as Insn, pc, maps);
    if (refusal !== undefined) {
      const place = placeOf(spec, pc, object.name);
      return refusal.malformed ? new InputError(refusal.what, place) : new UnsupportedError(refusal.what, place);
    }
  }
  return undefined;
}

interface Refusal {
  readonly what: string;
  /** The code itself is wrong, rather than asking for something that is missing. */
  readonly malformed?: boolean;
}

function refuseInsn(spec: ProgramSpec, insn: Insn, pc: number, maps: readonly BpfMap[]): Refusal | undefined {
  if (isLddw(insn)) return refuseLddw(spec, insn, pc, maps);
  if (!isCall(insn)) return undefined;
  switch (insn.src) {
    case op.CALL_HELPER:
      return findHelper(insn.imm) === undefined ? { what: helperRefusal(insn.imm) } : undefined;
    case op.CALL_KFUNC: {
      const name = spec.kfuncs[insn.imm]?.name ?? `#${insn.imm}`;
      return kfuncNumber(name) === undefined
        ? { what: `kernel function \`${name}\` is not supported by jitnic` }
        : undefined;
    }
    default:
      return undefined;
  }
}

function refuseLddw(spec: ProgramSpec, insn: Insn, pc: number, maps: readonly BpfMap[]): Refusal | undefined {
  if (spec.insns[pc + 1] === undefined)
    return { what: 'a 64-bit immediate load lacks its second slot', malformed: true };
  switch (insn.src) {
    case op.PSEUDO_MAP_FD:
    case op.PSEUDO_MAP_VALUE: {
      const map = maps[insn.imm];
      if (map === undefined) return { what: `map ${insn.imm} is not in this object`, malformed: true };
      const refusal = mapRefusal(map.spec);
      if (refusal !== undefined) return { what: refusal };
      if (insn.src === op.PSEUDO_MAP_VALUE && map.directValue() === 0) {
        return {
          what: `map ${map.spec.name}: type ${map.spec.type} has no directly addressable value`,
          malformed: true,
        };
      }
      return undefined;
    }
    case op.PSEUDO_BTF_ID: {
      const symbol = spec.ksyms[insn.imm];
      if (symbol?.weak === true) return undefined;
      return { what: `kernel symbol ${symbol?.name ?? `#${insn.imm}`} is not available here` };
    }
    case 0:
    case op.PSEUDO_FUNC:
      return undefined;
    default:
      return { what: `a 64-bit immediate of kind ${insn.src} needs a running kernel` };
  }
}
