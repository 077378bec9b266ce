/** Judges rewrites in two ways that share nothing: by proof, and by running both versions on the same packets. */
import { Interpreter } from '../../interp/index.js';
import { assemble, type ObjectSpec } from '../../object/index.js';
import { Prng } from '../../packet/index.js';
import type { Solver } from '../../solve/index.js';
import { type Validation, validateFunction } from '../../super/proof/index.js';
import { comparePackets } from '../compare.js';
import { MachineSubject } from '../machine-subject.js';
import type { Packet } from '../subject.js';

const packets = 600;

/** The whole program around a piece of code of a row. */
function programOf(piece: string): ObjectSpec {
  return assemble(`.license "GPL"
.map counters type=array key=4 value=16 max_entries=4
.map flows type=hash key=4 value=16 max_entries=8
.section xdp
.globl prog
prog:
r6 = r1
*(u32 *)(r10 - 8) = 0
r1 = counters ll
r2 = r10
r2 += -8
call bpf_map_lookup_elem
r8 = r0
r0 = 1
if r8 == 0 goto out
r2 = *(u32 *)(r6 + 0)
r3 = *(u32 *)(r6 + 4)
r4 = r2
r4 += 34
if r4 > r3 goto out
r1 = r6
${piece}
out:
exit
`);
}

/** What the validation says of a piece and what became of it. */
export async function judgeByProof(before: string, after: string, solver: Solver | undefined): Promise<Validation> {
  const [old, fresh] = [programOf(before), programOf(after)];
  const [a, b] = [old.programs[0], fresh.programs[0]];
  if (a === undefined || b === undefined) throw new Error('the text holds no program');
  return validateFunction({ program: a, index: 0 }, { program: b, index: 0 }, { type: 'xdp', maps: old.maps }, solver);
}

/** The first difference on random packets; undefined: none. */
export function judgeByRun(before: string, after: string, seed: number): string | undefined {
  const subjectOf = (piece: string): MachineSubject => {
    const object = programOf(piece);
    return new MachineSubject(object, 'prog', (machine) => new Interpreter(machine), {});
  };
  const object = programOf(before);
  const [a, b] = [subjectOf(before), subjectOf(after)];
  return comparePackets(object, a, b, randomPackets(seed)).difference?.what;
}

function randomPackets(seed: number): Packet[] {
  const prng = new Prng(seed);
  return Array.from({ length: packets }, () => {
    const data = new Uint8Array(30 + prng.below(40));
    for (let i = 0; i < data.length; i++) data[i] = prng.below(3) === 0 ? prng.below(4) : prng.below(256);
    return { data };
  });
}
