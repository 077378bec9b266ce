/**
 * Where a program looks something up that can be specialised: calls of `bpf_map_lookup_elem` in a hash or LPM trie
 * that is always the same one, by a key that stands at a fixed place of the stack. Look-ups in arrays are written out
 * by the kernel and cost less than what would take their place.
 *
 * What r1 and r2 point to is asked of our verifier, over all ways to the call. Keys elsewhere than on the stack are
 * left: generated code reads them by the frame pointer, which needs no check of bounds.
 */
import { calledHelper } from '../code/index.js';
import { assembleInsns, type Insn, isCall } from '../isa/index.js';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../object/index.js';
import { helperNumber } from '../platform/index.js';
import { verify } from '../verifier/index.js';

/** A look-up. */
export interface LookupSite {
  /** Slot of the call. */
  readonly pc: number;
  /** Index in the object's maps. */
  readonly map: number;
  /** Where the key begins, in bytes from the frame pointer: negative. */
  readonly keyAt: number;
  readonly keySize: number;
  readonly valueSize: number;
}

/** Longest key that is compared. */
const longestKey = 64;
const lookedUp: readonly MapSpec['type'][] = ['hash', 'lpm_trie'];

/** Sites of the program, or why there is nothing to be known of it. */
export function findSites(object: ObjectSpec, program: ProgramSpec): readonly LookupSite[] | { readonly why: string } {
  const { btf, kernelBtf, license, maps } = object;
  const result = verify(program, maps, { btf, kernelBtf, license, logLevel: 0, facts: true });
  if (!result.accepted || result.facts === undefined) {
    return { why: `our verifier does not accept it: ${result.message ?? 'no reason given'}` };
  }
  const sites: LookupSite[] = [];
  for (const [pc, insn] of program.insns.entries()) {
    if (!isCall(insn) || calledHelper(insn)?.name !== 'map_lookup_elem') continue;
    const facts = result.facts.insns[pc];
    const map = facts?.regs[1];
    const key = facts?.regs[2];
    if (facts?.reached !== true || map?.kind !== 'pointer' || key?.kind !== 'pointer') continue;
    const spec = maps[map.map];
    if (spec === undefined || map.nullable || key.nullable || !lookedUp.includes(spec.type)) continue;
    const { min, max } = signedRange(key.offset);
    if (key.to !== 'fp' || key.framesUp !== 0 || min !== max || spec.keySize > longestKey) continue;
    sites.push({ pc, map: map.map, keyAt: min, keySize: spec.keySize, valueSize: spec.valueSize });
  }
  return sites;
}

/** Offsets in the frame are small: a number holds them exactly. */
function signedRange(range: { readonly smin: bigint; readonly smax: bigint }): { min: number; max: number } {
  return { min: Number(range.smin), max: Number(range.smax) };
}

/** Bytes of each piece in which a key is read: as wide as its place on the stack allows. */
export function pieceWidth({ keyAt, keySize }: LookupSite): 1 | 2 | 4 {
  const low = (keyAt & 0x1ff) | keySize;
  return (low & 3) === 0 ? 4 : (low & 1) === 0 ? 2 : 1;
}

/** Assembles a sequence that names maps by index: `map3`, `map3 + 0` for its value. */
export function assembleSequence(text: string): Insn[] {
  return assembleInsns(text, {
    helper: (name) => helperNumber(name.replace(/^bpf_/, '')),
    map: (name) => (/^map\d+$/.test(name) ? Number(name.slice(3)) : undefined),
  });
}
