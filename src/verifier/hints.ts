/**
 * What to do about a refusal. Most messages have one hint for all their cases (`messages.ts`); where the right advice
 * depends on what was known, it is chosen here. A hint that does not help is worse than none: programs of
 * `test/golden/verify` hold themselves as they are once the advice is taken (`#ifdef MENDED`), and load then.
 */

import { usedRegisters, writtenRegisters } from '../code/index.js';
import { formatInsn, type Insn, insnClass, isConditionalJump, op } from '../isa/index.js';
import type { Env, PathStep, Rejection } from './env.js';
import { insnNames } from './log.js';
import { fillTemplate, type MessageCode, messageRow } from './messages.js';
import type { RegState } from './reg-state.js';
import { byteMisc, byteOf, slotOf } from './stack-state.js';

type HintMaker = (env: Env, rejection: Rejection) => string | undefined;

/** The hint of a rejection; `env` where it was refused on a path, with its state at that moment. */
export function hintFor(rejection: Rejection, env: Env | undefined): string | undefined {
  const special = makers[rejection.code];
  if (env !== undefined && special !== undefined) return special(env, rejection);
  const hint = messageRow(rejection.code).hint;
  return hint === undefined ? undefined : fillTemplate(hint, rejection.values);
}

/** The register that a refusal is about, as it was. */
function culprit(env: Env, { values }: Rejection): RegState | undefined {
  const reg = values['reg'];
  return typeof reg === 'number' ? env.peek(reg) : undefined;
}

const insnText = (env: Env, pc: number): string =>
  formatInsn(env.insns, pc, 'kernel', insnNames(env.program, env.maps)).replace(/^\([0-9a-f]{2}\) /, '');

/** A number where a pointer is wanted: did a call make it one? */
const staleness: HintMaker = (env, rejection) => {
  const reg = culprit(env, rejection);
  if (reg === undefined || reg.lostAt < 0) return undefined;
  const call = `insn ${reg.lostAt} (${insnText(env, reg.lostAt)})`;
  switch (reg.lostKind) {
    case 'pkt':
    case 'pkt_meta':
    case 'pkt_end':
      return `${call} may have moved the packet: load data and data_end from the context anew behind it, and compare again`;
    default:
      return `${call} gave back what R${rejection.values['reg']} points to: use it before that`;
  }
};

/** A pointer into the packet, read where too little is known to lie ahead of it. */
const packetRange: HintMaker = (env, rejection) => {
  const reg = culprit(env, rejection);
  const { needed, range, size } = rejection.values;
  if (reg === undefined) return undefined;
  const isMeta = reg.kind === 'pkt_meta';
  const end = isMeta ? 'data' : 'data_end';
  const off = Number(rejection.values['off']);
  if (off < 0) {
    return reg.id === 0
      ? `it lies ${-off} bytes before ${isMeta ? 'the metadata' : 'the packet'}, whose beginning bpf_xdp_adjust_${isMeta ? 'meta' : 'head'} moves`
      : `behind a variable part its distance is ${off}, and must not be negative: add a constant to the pointer before the variable`;
  }
  if (!reg.range.isConst) {
    return (
      `compare the very pointer that is read, plus ${size}, with ${end} right before: with a variable part in it, what other pointers were ` +
      'compared says nothing of this one (asm volatile("" : "+r"(pointer)) before keeps the compiler from dropping the comparison)'
    );
  }
  const start = reg.id !== 0 ? 'the pointer that it was computed from' : isMeta ? 'data_meta' : 'data';
  return `packet range is ${range}, access needs ${needed}: compare ${start} + ${needed} with ${end} first`;
};

const bound = 'bound it with a comparison (or `& mask`) on every path to this access';

/** An access beside the object: bounding helps where the place varies, not where it is a constant. */
const extent: HintMaker = (env, rejection) => {
  const reg = culprit(env, rejection);
  if (reg !== undefined && !reg.range.isConst) return bound;
  const { off, length } = rejection.values;
  return Number(off) < 0
    ? 'it lies before the object'
    : `the access ends at byte ${Number(off) + Number(length)} of it`;
};

/** Steps of the path that a loop's round is searched for in. */
const maxRound = 5_000;

/** What a loop tests came from the stack, and Linux had forgotten what was stored there: finds the store. */
const endlessLoop: HintMaker = (env, rejection) => {
  const counter = forgottenCounter(env);
  if (counter === undefined) return fillTemplate(messageRow(rejection.code).hint ?? '', rejection.values);
  const { off, tested } = counter;
  return (
    `insn ${tested} tests what lies on the stack at fp${off}, in the upper half of an 8-byte slot, where Linux keeps no numbers: ` +
    'count in a variable whose address is not taken, and give the helper a copy of it'
  );
};

/** The condition of this round that compares a number which was loaded from half a slot. */
function forgottenCounter(env: Env): { readonly off: number; readonly tested: number } | undefined {
  const round = roundOf(env);
  for (const [i, pc] of round.entries()) {
    const insn = env.insns[pc];
    if (insn === undefined || !isConditionalJump(insn)) continue;
    const off = loadedFrom(env, round, i, usedRegisters(insn));
    if (off !== undefined && isForgotten(env, off)) return { off, tested: pc };
  }
  return undefined;
}

/** Slots of the path since it was last here, newest first. */
function roundOf(env: Env): readonly number[] {
  const round: number[] = [];
  for (let step: PathStep | undefined = env.path; step !== undefined && round.length < maxRound; step = step.before) {
    round.push(step.insn);
    if (step.insn === env.pc) break;
  }
  return round;
}

/** Frame offset that one of the registers in `regs`, as of step `from`, was loaded from. */
function loadedFrom(env: Env, round: readonly number[], from: number, regs: number): number | undefined {
  let wanted = regs;
  for (const pc of round.slice(from + 1)) {
    const insn = env.insns[pc] as Insn; // the path is made of instructions
    const written = writtenRegisters(insn) & wanted;
    if (written === 0) continue;
    if (insnClass(insn) === op.LDX && insn.src === 10) return insn.off;
    wanted = (wanted & ~written) | (usedRegisters(insn) & ~(1 << 10));
  }
  return undefined;
}

function isForgotten(env: Env, off: number): boolean {
  return off < 0 && byteOf(off) !== 0 && env.frame.stack[slotOf(off)]?.byte(byteOf(off)) === byteMisc;
}

const contextFields: HintMaker = (env, { values }) => {
  const off = Number(values['off']);
  const egress = 20;
  if (off === egress && values['size'] === 4 && env.program.attach !== 'xdp_devmap') {
    return 'egress_ifindex is for programs of device maps only: SEC("xdp/devmap")';
  }
  return messageRow('ctx-access').hint;
};

const unsetRegister: HintMaker = (env, { values }) => {
  const reg = Number(values['reg']);
  for (let step = env.path?.before; step !== undefined; step = step.before) {
    const insn = env.insns[step.insn];
    if (insn === undefined || (writtenRegisters(insn) & (1 << reg)) === 0) continue;
    const isCall = insnClass(insn) === op.JMP && (insn.code & 0xf0) === op.CALL;
    if (!isCall || reg === 0) break;
    return `insn ${step.insn} (${insnText(env, step.insn)}) leaves nothing in R1 to R5: keep the value in R6 to R9 or on the stack`;
  }
  return messageRow('not-readable').hint;
};

const alignment: HintMaker = (_, { values }) =>
  values['kind'] === 'stack access'
    ? messageRow('misaligned-access').hint
    : `it must lie at a multiple of ${values['size']}`;

const readonlyMap: HintMaker = (env, rejection) => {
  const type = culprit(env, rejection)?.map?.type;
  return type === 'devmap' || type === 'devmap_hash'
    ? "values of device maps are the kernel's: programs may only read them"
    : messageRow('map-write-forbidden').hint;
};

const makers: { readonly [code in MessageCode]?: HintMaker } = {
  'mem-access-kind': staleness,
  'arg-type': staleness,
  'packet-access': packetRange,
  'min-outside': extent,
  'max-outside': extent,
  'infinite-loop': endlessLoop,
  'ctx-access': contextFields,
  'not-readable': unsetRegister,
  'misaligned-access': alignment,
  'map-write-forbidden': readonlyMap,
};
