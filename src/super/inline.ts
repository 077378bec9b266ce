/**
 * Small static functions inlined into those that call them, callees first. What comes out is an object file like any
 * other: references, CO-RE records and source lines go with their instructions, and a function that nobody calls any
 * more goes with its symbol and its records. Global functions stay: Linux verifies each by itself, once.
 *
 * A call is replaced where both frames fit into 512 bytes. How much of its frame a caller uses is told by our
 * verifier; of programs that it does not know, by their code, if no pointer into the frame is lost sight of.
 */
import { UnsupportedError } from '../base/index.js';
import { followStackPointers, isFunctionAddress, isLocalCall, liveSlots } from '../code/index.js';
import { type Insn, op } from '../isa/index.js';
import {
  editElf,
  type FileFunction,
  type FunctionEdit,
  type FunctionPlace,
  fileFunctions,
  type ObjectSpec,
  type ProgramSpec,
  xdpFitness,
} from '../object/index.js';
import { stackSize } from '../platform/index.js';
import { verify } from '../verifier/index.js';
import { accessOf } from './effects.js';
import { unknownContent } from './function-facts.js';
import type { Goal } from './passes/pass.js';
import { isSpliceable, replaceSlot, type Slot, slotsOf, spliceBody, spliceEdit } from './splice.js';

/** A static function that could be inlined. */
export interface InlineCandidate {
  readonly name: string;
  readonly key: string;
  readonly slots: number;
  /** Calls of it. */
  readonly sites: number;
}

/** A file with functions inlined. */
export interface InlinedFile {
  readonly bytes: Uint8Array;
  /** Functions that are gone, and those that have others in them. */
  readonly gone: ReadonlySet<string>;
  readonly callers: ReadonlySet<string>;
}

/** Slots up to which a body is no longer than what its call takes: call, exit, copies of arguments and result. */
const shortBody = 4;
/** Slots up to which `speed` is worth a copy for each call. */
const hotBody = 64;
/** Most slots of a function that is called once. */
const maxBody = 1000;

/** The calls of one file's functions. */
export class Inliner {
  private readonly bytes: Uint8Array;
  private readonly functions: ReadonlyMap<string, FileFunction>;
  private readonly sites = new Map<string, number>();
  /** Functions that something else than a call names, or that are programs. */
  private readonly pinned = new Set<string>();
  private readonly depths = new Map<string, number | undefined>();

  /** `object` is what the bytes are, as `sizeMaps` leaves it. */
  constructor(bytes: Uint8Array, object: ObjectSpec) {
    this.bytes = bytes;
    const functions = fileFunctions(bytes);
    this.functions = new Map(functions.map((fn) => [keyOf({ section: fn.section, slot: fn.start }), fn]));
    for (const { insns, start, callees } of functions) {
      for (const [slot, place] of callees) {
        const key = keyOf(place);
        if (isLocalCall(insns[slot - start] as Insn)) this.sites.set(key, (this.sites.get(key) ?? 0) + 1);
        else this.pinned.add(key);
      }
    }
    const hasCalls = functions.some((fn) => this.sites.has(keyOf({ section: fn.section, slot: fn.start })));
    for (const program of hasCalls ? object.programs : []) this.measure(program, object);
  }

  /** By the goal: what is called once or is hardly more than its calls, or what is short. Fewest slots first. */
  candidates(goal: Goal): InlineCandidate[] {
    const found: InlineCandidate[] = [];
    for (const [key, fn] of this.functions) {
      const sites = this.sites.get(key) ?? 0;
      const slots = fn.end - fn.start;
      const most = goal === 'speed' ? hotBody : shortBody;
      const isWorth = (sites === 1 && !this.pinned.has(key) && slots <= maxBody) || slots <= most;
      if (fn.isStatic && sites > 0 && isWorth && this.depths.get(key) !== undefined)
        found.push({ name: fn.name, key, slots, sites });
    }
    return found.sort((a, b) => a.slots - b.slots);
  }

  /** The file with these functions inlined wherever that goes; undefined: nowhere. */
  inlined(chosen: readonly InlineCandidate[]): InlinedFile | undefined {
    const keys = new Set(chosen.map(({ key }) => key));
    const left = new Map(this.sites);
    const done = new Map<string, Made>();
    for (const key of this.functions.keys()) this.make(key, keys, done, left, []);
    const callers = new Set<string>();
    const gone = new Set<string>();
    const edits: FunctionEdit[] = [];
    for (const [key, fn] of this.functions) {
      const made = done.get(key);
      if (keys.has(key) && left.get(key) === 0 && !this.pinned.has(key)) {
        gone.add(fn.name);
        edits.push({ section: fn.section, start: fn.start, end: fn.end, insns: [] });
      } else if (made?.hasOthers === true) {
        const edit = spliceEdit(fn, made.slots);
        if (edit === undefined) return undefined;
        callers.add(fn.name);
        edits.push(edit);
      }
    }
    if (callers.size === 0) return undefined;
    try {
      return { bytes: editElf(this.bytes, edits).bytes, gone, callers };
    } catch (error) {
      if (error instanceof UnsupportedError) return undefined;
      throw error;
    }
  }

  /** A function with those of its callees inlined that are chosen; `left` counts the calls that stay. */
  private make(
    key: string,
    chosen: ReadonlySet<string>,
    done: Map<string, Made>,
    left: Map<string, number>,
    path: readonly string[],
  ): Made | undefined {
    const known = done.get(key);
    if (known !== undefined) return known;
    const fn = this.functions.get(key);
    const own = this.depths.get(key);
    if (fn === undefined || path.includes(key)) return undefined;
    const slots = slotsOf(fn);
    const body = [...slots];
    const live = liveSlots(fn.insns);
    let depth = roundUp(own ?? 0);
    let hasOthers = false;
    // All calls of a callee or none, so that it is gone from here.
    for (const [callee, sites] of own === undefined ? [] : sitesOf(fn)) {
      if (!chosen.has(callee)) continue;
      const inner = this.make(callee, chosen, done, left, [...path, key]);
      if (inner === undefined || !this.fits(inner, fn.section)) continue;
      const made = sites.flatMap((at) => {
        const [call, after] = [slots[at], slots[at + 1]];
        if (call === undefined || after === undefined) return [];
        return [
          { call, after, ...spliceBody(inner.slots, call, after, roundUp(own ?? 0), (r) => live.isLive(at + 1, r)) },
        ];
      });
      const needed = Math.max(...made.map(({ saved }) => roundUp(own ?? 0) + saved + inner.depth));
      if (needed > stackSize || made.length < sites.length) continue;
      depth = Math.max(depth, needed);
      hasOthers = true;
      left.set(callee, (left.get(callee) ?? 0) - sites.length);
      for (const { call, after, slots: spliced } of made) replaceSlot(body, call, spliced, after);
    }
    const made = { slots: body, depth, hasOthers, isWhole: own !== undefined };
    done.set(key, made);
    return made;
  }

  /** Can the body stand in that section? */
  private fits({ slots, isWhole }: Made, section: number): boolean {
    if (!isWhole || !isSpliceable(slots)) return false;
    return slots.every(({ insn, refers, home }) => {
      const isNear = isLocalCall(insn) || isFunctionAddress(insn);
      if (!isNear || home === section) return true;
      // What only a distance tells is lost in another section.
      return [...this.functions.values()].some((fn) => fn.section === home && fn.references.has(refers));
    });
  }

  /** How much of its frame each function of a program uses. */
  private measure(program: ProgramSpec, { maps, btf, kernelBtf, license }: ObjectSpec): void {
    const isKnown = xdpFitness(program) !== 'other';
    const result = isKnown
      ? verify(program, maps.map(unknownContent), { btf, kernelBtf, license, logLevel: 0 })
      : undefined;
    for (const [i, { origin, start }] of program.functions.entries()) {
      if (origin === undefined) continue;
      const key = keyOf(origin);
      if (i === 0) this.pinned.add(key);
      const fn = this.functions.get(key);
      const shown = fn && shownDepth(fn);
      const told = result?.accepted === true ? result.stackDepths.get(start) : undefined;
      const own = told === undefined ? shown : Math.max(told, fn === undefined ? 0 : namedDepth(fn.insns));
      const known = this.depths.get(key) ?? 0;
      const isLost = own === undefined || (this.depths.has(key) && this.depths.get(key) === undefined);
      this.depths.set(key, isLost ? undefined : Math.max(known, own));
    }
  }
}

/** Calls of a function by callee, counted from its first slot. */
function sitesOf({ insns, start, callees }: FileFunction): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const [slot, place] of callees) {
    const at = slot - start;
    if (isLocalCall(insns[at] as Insn)) found.set(keyOf(place), [...(found.get(keyOf(place)) ?? []), at]);
  }
  return found;
}

/** What became of a function. */
interface Made {
  readonly slots: readonly Slot[];
  /** Bytes of its frame, those of inlined functions included. */
  readonly depth: number;
  readonly hasOthers: boolean;
  /** Its frame's size is known. */
  readonly isWhole: boolean;
}

function keyOf({ section, slot }: FunctionPlace): string {
  return `${section}:${slot}`;
}

function roundUp(bytes: number): number {
  return 8 * Math.ceil(bytes / 8);
}

/** Bytes of the frame that accesses by r10 alone reach. */
function namedDepth(insns: readonly Insn[]): number {
  return insns.reduce((depth, insn) => {
    const access = accessOf(insn);
    return access?.base === fp ? Math.max(depth, -access.off) : depth;
  }, 0);
}

/**
 * Bytes of the frame that a function reaches by what its code shows: r10 and sums of it and constants; undefined where
 * a pointer is lost sight of, or handed to a function that may move it.
 */
function shownDepth({ insns, start, callees }: FileFunction): number | undefined {
  if ([...callees.keys()].some((slot) => !isLocalCall(insns[slot - start] as Insn))) return undefined;
  // Distances to other functions are not the file's yet.
  const own = insns.map((insn) => (isLocalCall(insn) ? { ...insn, src: op.CALL_KFUNC } : insn));
  const pointers = followStackPointers(own);
  if (pointers.escaped) return undefined;
  let depth = namedDepth(insns);
  for (const [pc, insn] of insns.entries()) {
    for (let r = 0; r < fp; r++) depth = Math.max(depth, -(pointers.offsetAt(pc, r) ?? 0));
    const access = accessOf(insn);
    const offset = access === undefined ? undefined : pointers.offsetAt(pc, access.base);
    if (access !== undefined && offset !== undefined) depth = Math.max(depth, -(offset + access.off));
    if (!isLocalCall(insn)) continue;
    for (let r = 1; r <= 5; r++) if (pointers.offsetAt(pc, r) !== undefined) return undefined;
  }
  return depth;
}

const fp = 10;
