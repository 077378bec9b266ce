/**
 * Which maps' values a program may write, by what the verifier knows of every pointer: the rest change by the hand of the control plane alone, so what a
 * trace has seen of them stays true until that hand moves.
 */
import { type Insn, insnClass, op } from '../isa/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { type InsnFacts, type ValueFact, verify } from '../verifier/index.js';

/** Longest programs that are looked at, in instructions: verifying takes about a millisecond for fifty. */
const maxInsns = 5000;

/** Helpers that only read what they are given: look-up, update (its value), delete; those that call back hand it on to a function that is looked at itself. */
const readers: ReadonlySet<number> = new Set([1, 2, 3, 164, 181]);
/** Helpers that change elements of the map in r1. */
const mutators: ReadonlySet<number> = new Set([2, 3, 87, 88]);

/** What is known already: facts about a large program take seconds. */
const known = new WeakMap<ObjectSpec, ReadonlySet<number> | 'unknown'>();

/** Positions in the object's maps; undefined where nothing can be told, so any map may be written. */
export function writtenMaps(object: ObjectSpec): ReadonlySet<number> | undefined {
  let written = known.get(object);
  if (written === undefined) {
    written = findWrittenMaps(object) ?? 'unknown';
    known.set(object, written);
  }
  return written === 'unknown' ? undefined : written;
}

function findWrittenMaps(object: ObjectSpec): ReadonlySet<number> | undefined {
  const programs = object.programs.filter((program) => program.type === 'xdp');
  if (programs.reduce((sum, program) => sum + program.insns.length, 0) > maxInsns) return undefined;
  const written = new Set<number>();
  for (const program of programs) {
    const { facts } = verify(program, object.maps, {
      btf: object.btf,
      license: object.license,
      facts: true,
      logLevel: 0,
    });
    if (facts === undefined) return undefined;
    for (const [pc, insn] of program.insns.entries()) {
      const state = facts.insns[pc];
      if (state?.reached !== true) continue;
      for (const fact of targets(program, pc, insn, state)) {
        const map = mapOf(fact);
        if (map === 'any') return undefined;
        if (map !== 'none') written.add(map);
      }
    }
  }
  return written;
}

/** What an instruction may write to: pointers to values, or to the map itself. */
function* targets(program: ProgramSpec, pc: number, insn: Insn, known: InsnFacts): Generator<ValueFact | undefined> {
  const cls = insnClass(insn);
  if (cls === op.ST || cls === op.STX) yield known.regs[insn.dst];
  if (insn.code !== op.CALL_OP) return;
  // A function of the program is looked at by itself; a global one sees no more of its arguments than that they are memory.
  const callee = program.functions.find(({ start }) => start === pc + 1 + insn.imm);
  if (insn.src === op.CALL_LOCAL && callee?.global === false) return;
  const isHelper = insn.src === op.CALL_HELPER;
  if (isHelper && mutators.has(insn.imm)) yield known.regs[1];
  if (!isHelper || !readers.has(insn.imm)) for (let r = 1; r <= 5; r++) yield known.regs[r];
}

function mapOf(fact: ValueFact | undefined): number | 'any' | 'none' {
  if (fact === undefined || fact.kind === 'scalar') return 'none';
  if (fact.kind === 'any') return 'any';
  if (fact.to !== 'map_value' && fact.to !== 'map_ptr') return 'none';
  return fact.map < 0 ? 'any' : fact.map;
}
