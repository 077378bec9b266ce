/**
 * What the verifier knows of a function of the file, over all programs that have it. What holds only for one kernel or
 * one configuration (CO-RE values, weak symbols, `.kconfig`, constants in `.rodata` that loaders may set before they
 * load) is not believed: of such programs only what accesses reach is taken, which no value changes.
 */
import { type Insn, insnClass, isCall, isConditionalJump, op } from '../isa/index.js';
import type { FileFunction, MapSpec, ObjectSpec, ProgramSpec, ProgramTypeName } from '../object/index.js';
import { type InsnFacts, type ProgramFacts, type ValueFact, verify } from '../verifier/index.js';
import { accessOf, usesSource } from './effects.js';
import type { FactsOf, OpFacts, Region } from './function-code.js';
import { packetAccesses } from './shown-regions.js';

/** BPF_F_RDONLY_PROG: what makes the verifier read a map's content. */
const readOnly = 0x80;

/** One occurrence of a function in a program. */
interface Occurrence {
  readonly facts: ProgramFacts;
  readonly start: number;
  /** Values may be believed. */
  readonly isFixed: boolean;
}

/** What is known of an object's functions. */
export class FunctionFacts {
  private readonly byOrigin = new Map<string, Occurrence[] | undefined>();
  /** Types of the programs that begin with a function; undefined: others call it. */
  private readonly types = new Map<string, ReadonlySet<ProgramTypeName> | undefined>();

  /** Programs that `accepted` names; a function that others have too has no facts. */
  constructor(object: ObjectSpec, accepted: (program: ProgramSpec) => boolean) {
    const maps = object.maps.map(unknownContent);
    for (const program of object.programs) {
      const facts = accepted(program) ? factsOf(program, maps, object) : undefined;
      const isFixed = isTheSameEverywhere(object, program);
      for (const [i, { origin, start }] of program.functions.entries()) {
        if (origin === undefined) continue;
        const key = `${origin.section}:${origin.slot}`;
        const types = this.types.has(key) ? this.types.get(key) : new Set<ProgramTypeName>();
        this.types.set(key, i > 0 ? undefined : types && new Set([...types, program.type]));
        const known = this.byOrigin.get(key);
        if (facts === undefined) this.byOrigin.set(key, undefined);
        else if (known !== undefined) known.push({ facts, start, isFixed });
        else if (!this.byOrigin.has(key)) this.byOrigin.set(key, [{ facts, start, isFixed }]);
      }
    }
  }

  /** Facts by slot: those in which all programs that have the function agree. */
  of(fn: FileFunction): FactsOf {
    const occurrences = this.byOrigin.get(`${fn.section}:${fn.start}`) ?? [];
    const [type, ...others] = this.types.get(`${fn.section}:${fn.start}`) ?? [];
    if (occurrences.length === 0 && type !== undefined && others.length === 0) {
      const isPacket = packetAccesses(fn.insns, type);
      return (slot) => ({ region: isPacket(slot) ? 'packet' : undefined, facts: undefined });
    }
    return (slot) => {
      const insn = fn.insns[slot];
      if (occurrences.length === 0 || insn === undefined) return { region: undefined, facts: undefined };
      const at = occurrences
        .map(({ facts, start }) => facts.insns[start + slot])
        .filter((each) => each?.reached === true);
      const access = accessOf(insn);
      const region = access === undefined ? checkedRegion(insn, at) : commonRegion(at, access.base);
      const isFixed = occurrences.every((each) => each.isFixed);
      if (!isFixed || at.length === 0 || isCall(insn)) return { region, facts: undefined };
      // Which pointers can't be null is told by newer verifiers only: without its check an older one refuses the
      // access.
      const isNullCheck = at.some((each) => each?.regs[insn.dst]?.kind !== 'scalar');
      const isJump = isConditionalJump(insn) && !isNullCheck;
      const facts: OpFacts = {
        dst: commonConstant(at, insn.dst),
        src: commonConstant(at, insn.src),
        taken: !isJump || at.some((each) => each?.taken === true),
        fallThrough: !isJump || at.some((each) => each?.fallThrough === true),
      };
      return { region, facts };
    };
  }
}

/** Has a program the same numbers for every kernel and configuration? */
export function isTheSameEverywhere({ kconfig }: ObjectSpec, { core = [], ksyms }: ProgramSpec): boolean {
  return core.length === 0 && ksyms.every(({ weak }) => !weak) && kconfig === undefined;
}

/** Constant data as if anyone could change it: loaders may set it before they load. */
export function unknownContent(map: MapSpec): MapSpec {
  return map.init?.kind === 'data' ? { ...map, init: undefined, flags: map.flags & ~readOnly } : map;
}

/** Facts of one program; undefined if the verifier refuses it. */
function factsOf(
  program: ProgramSpec,
  maps: readonly MapSpec[],
  { btf, kernelBtf, license }: ObjectSpec,
): ProgramFacts | undefined {
  return verify(program, maps, { btf, kernelBtf, license, facts: true, logLevel: 0 }).facts;
}

/** The verifier's pointer types by what they lead into; all others are `any`. */
const regions: Readonly<Record<string, Region>> = {
  ctx: 'ctx',
  pkt: 'packet',
  pkt_meta: 'packet',
  map_value: 'map',
};

/** Where a register points in all programs; undefined if they differ. */
function commonRegion(at: readonly (InsnFacts | undefined)[], register: number): Region | undefined {
  let region: Region | undefined;
  for (const facts of at) {
    const fact = facts?.regs[register];
    if (fact?.kind !== 'pointer') return undefined;
    const own = fact.to === 'fp' ? (fact.framesUp === 0 ? 'stack' : 'any') : (regions[fact.to] ?? 'any');
    if (region !== undefined && region !== own) return undefined;
    region = own;
  }
  return region;
}

/** The packet, where an address in it is compared with its end in all programs. */
function checkedRegion(insn: Insn, at: readonly (InsnFacts | undefined)[]): Region | undefined {
  if (!isConditionalJump(insn) || !usesSource(insn) || insnClass(insn) !== op.JMP || at.length === 0) return undefined;
  const pointsTo = (facts: InsnFacts | undefined, register: number): string | undefined => {
    const fact = facts?.regs[register];
    return fact?.kind === 'pointer' ? fact.to : undefined;
  };
  const isCheck = at.every((facts) => {
    const pair = [pointsTo(facts, insn.dst), pointsTo(facts, insn.src)];
    return pair.includes('pkt') && pair.includes('pkt_end');
  });
  return isCheck ? 'packet' : undefined;
}

/** A number that the register holds in all programs. */
function commonConstant(at: readonly (InsnFacts | undefined)[], register: number): ValueFact | undefined {
  const [first, ...rest] = at.map((facts) => facts?.regs[register]);
  if (first?.kind !== 'scalar' || !first.range.isConst) return undefined;
  const { value } = first.range;
  return rest.every((fact) => fact?.kind === 'scalar' && fact.range.isConst && fact.range.value === value)
    ? first
    : undefined;
}
