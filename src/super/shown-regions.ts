/**
 * Accesses to the packet as the code itself shows them, for programs that our verifier does not know (TC, sockets):
 * what is loaded from the context's field `data` and goes from register to register, by sums and through the frame.
 * Only where all ways lead from there: what is no packet on some way is not said to be one.
 */
import { successors } from '../code/index.js';
import { type Insn, insnClass, isCall, isExit, isLddw, op } from '../isa/index.js';
import type { ProgramTypeName } from '../object/index.js';
import {
  accessOf,
  callerSaved,
  isAlu,
  isAtomic,
  isLoad,
  isPacketLoad,
  isStore,
  usesSource,
  writes,
} from './effects.js';
import { contextModel } from './proof/context.js';

/** What is known of a register, or of eight bytes of the frame. */
type Kind = 'context' | 'packet' | 'number' | { readonly frame: number };

/** Registers by number and eight bytes of the frame by offset from its top; what is not there is anything. */
type State = ReadonlyMap<number | string, Kind>;

/** Is the access at a slot one to the packet? `insns`: a program of `type` from its first slot on. */
export function packetAccesses(insns: readonly Insn[], type: ProgramTypeName): (slot: number) => boolean {
  const { pointers } = contextModel(type);
  const fields = pointers.filter(({ what }) => what !== 'dataEnd');
  if (fields.length === 0) return () => false;
  const isPacketField = ({ off }: Insn, size: number): boolean =>
    fields.some((field) => field.offset === off && field.size === size);
  // Whoever is handed an address of the frame may put another address there.
  const hasCallbacks = insns.some((insn) => isLddw(insn) && insn.src === op.PSEUDO_FUNC);
  const before: (State | undefined)[] = [new Map<number | string, Kind>([[1, 'context']]).set(10, { frame: 0 })];
  const open = [0];
  for (let slot = open.pop(); slot !== undefined; slot = open.pop()) {
    const insn = insns[slot];
    const state = before[slot];
    if (insn === undefined || state === undefined || isExit(insn)) continue;
    const isForeign = isCall(insn) && (hasCallbacks || insn.src !== op.CALL_HELPER);
    const after = stepped(isForeign ? registersOf(state) : state, insn, isPacketField);
    for (const next of successors(insns, slot)) {
      const known = before[next];
      const joined = known === undefined ? after : common(known, after);
      if (known !== undefined && joined.size === known.size) continue;
      before[next] = joined;
      open.push(next);
    }
  }
  return (slot) => {
    const access = insns[slot] && accessOf(insns[slot]);
    return access !== undefined && before[slot]?.get(access.base) === 'packet';
  };
}

/** All but what the frame holds. */
function registersOf(state: State): State {
  return new Map([...state].filter(([place]) => typeof place === 'number'));
}

/** What both say. */
function common(a: State, b: State): State {
  return new Map([...a].filter(([place, kind]) => isSame(kind, b.get(place))));
}

function isSame(a: Kind, b: Kind | undefined): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && a.frame === b.frame);
}

function stepped(state: State, insn: Insn, isPacketField: (insn: Insn, size: number) => boolean): State {
  const next = new Map(state);
  const access = accessOf(insn);
  const base = access && state.get(access.base);
  const at = access !== undefined && typeof base === 'object' ? base.frame + access.off : undefined;
  if (access?.isWrite === true) {
    // Where it may go to the frame, what is kept there may be gone.
    for (const place of next.keys())
      if (typeof place === 'string' && mayMeet(Number(place), at, access.size, base)) next.delete(place);
    const kind = isStore(insn) && insnClass(insn) === op.STX && access.size === 8 ? state.get(insn.src) : undefined;
    if (at !== undefined && kind !== undefined) next.set(String(at), kind);
  }
  for (let r = 0; r <= 10; r++) if ((writes(insn) & (1 << r)) !== 0) next.delete(r);
  if (isCall(insn) || isPacketLoad(insn)) {
    for (let r = 0; r <= 5; r++) if ((callerSaved & (1 << r)) !== 0) next.delete(r);
    return next;
  }
  const result = resultOf(state, insn, access?.size ?? 0, at, isPacketField);
  if (result !== undefined && !isAtomic(insn)) next.set(insn.dst, result);
  return next;
}

/** Can a write of `size` bytes meet the eight bytes at `place`? `at`: where in the frame it goes, if that is known. */
function mayMeet(place: number, at: number | undefined, size: number, base: Kind | undefined): boolean {
  if (at === undefined) return base !== 'packet' && base !== 'context';
  return at < place + 8 && place < at + size;
}

/** What an instruction leaves in its target; undefined for anything, and where it has none. */
function resultOf(
  state: State,
  insn: Insn,
  size: number,
  at: number | undefined,
  isPacketField: (insn: Insn, size: number) => boolean,
): Kind | undefined {
  if (isLoad(insn)) {
    if (at !== undefined && size === 8) return state.get(String(at));
    const isSigned = (insn.code & 0xe0) === op.MODE_MEMSX;
    if (state.get(insn.src) === 'context' && !isSigned && isPacketField(insn, size)) return 'packet';
    // Less than an address is a number.
    return size < 8 && state.get(insn.src) === 'packet' ? 'number' : undefined;
  }
  if (isLddw(insn)) return insn.src === 0 ? 'number' : undefined;
  if (!isAlu(insn)) return undefined;
  const kind = insn.code & 0xf0;
  const [own, other] = [state.get(insn.dst), usesSource(insn) ? state.get(insn.src) : 'number'];
  if (insnClass(insn) === op.ALU) return 'number';
  if (kind === op.MOV) return insn.off === 0 ? other : 'number';
  if (kind !== op.ADD && kind !== op.SUB) return 'number';
  if (typeof own === 'object')
    return usesSource(insn) ? undefined : { frame: own.frame + (kind === op.ADD ? insn.imm : -insn.imm) };
  // The verifier lets a number be added to an address, and nothing else.
  if (own === 'packet') return kind === op.ADD || other === 'number' ? 'packet' : undefined;
  if (other === 'packet') return kind === op.ADD ? 'packet' : undefined;
  return own === 'number' && other === 'number' ? 'number' : undefined;
}
