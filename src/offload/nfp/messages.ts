/**
 * Every reason for which the driver for Netronome's cards refuses a program: its own words (without the `[nfp] ` that
 * the log has before them), its error number, and what to do about it. Texts are those of nfp/bpf/verifier.c of Linux
 * 6.1, so that people can search for them; `{name}` is filled in.
 *
 * EINVAL is said of what the program does, EOPNOTSUPP mostly of what this firmware lacks: another card may take it.
 * The driver does not keep to that everywhere, and its errno stands. Hints are ours: the driver has none.
 */
import type { ErrnoName } from '../../platform/index.js';
import type { DeviceRefusal } from '../../verifier/index.js';

/** A reason for refusal. */
export interface NfpMessageRow {
  readonly text: string;
  readonly errno: ErrnoName;
  readonly hint: string;
}

/** Hints that several rows share. */
const stackPointer = 'keys and values are built on the stack: copy it there first';
const firmware = 'the firmware of this card lacks it: see `jitnic feature probe dev`, or attach to the driver';
const product = 'the cores multiply numbers of 32 bits: mask the operand (`& 0xffffffff`) or use a u32';
const quotient = 'the cores divide by multiplying with the reciprocal of a constant: use a u32 and a constant divisor';

/** Stable names of all reasons. */
export const nfpMessageCodes = [
  'insn-unsupported',
  'extended-registers',
  'adjust-head-firmware',
  'adjust-head-meta',
  'adjust-tail-firmware',
  'helper-firmware',
  'stack-arg-type',
  'stack-arg-variable',
  'stack-arg-unaligned',
  'update-non-zero',
  'random',
  'output-firmware',
  'output-cpu',
  'output-type',
  'output-type-changed',
  'helper-unsupported',
  'exit-unknown',
  'exit-value',
  'stack-variable',
  'stack-moved',
  'map-use-conflict',
  'map-non-zero',
  'map-variable',
  'map-outside',
  'pointer-unsupported',
  'map-write',
  'pointer-changed',
  'queue-select',
  'context-store',
  'atomic-operation',
  'atomic-place',
  'atomic-operand',
  'multiplier',
  'multiplicand',
  'multiplicand-sign',
  'dividend',
  'divisor-variable',
  'divisor',
  'divisor-sign',
  'stack-size',
] as const;

/** A reason's stable name. */
export type NfpMessageCode = (typeof nfpMessageCodes)[number];

/** All reasons by their stable name. */
export const nfpMessages: Readonly<Record<NfpMessageCode, NfpMessageRow>> = {
  'insn-unsupported': {
    text: 'instruction {code} not supported',
    errno: 'EINVAL',
    hint: 'compile for an older instruction set (`-mcpu=v2`); remainders and 64-bit shifts of data are not there at all',
  },
  'extended-registers': {
    text: 'program uses extended registers - jit hardening?',
    errno: 'EINVAL',
    hint: 'switch off hardening: sysctl net.core.bpf_jit_harden=0',
  },
  'adjust-head-firmware': { text: 'adjust_head not supported by FW', errno: 'EOPNOTSUPP', hint: firmware },
  'adjust-head-meta': {
    text: 'adjust_head: FW requires shifting metadata, not supported by the driver',
    errno: 'EOPNOTSUPP',
    hint: 'the firmware keeps metadata before the packet: a newer one does not',
  },
  'adjust-tail-firmware': { text: 'adjust_tail not supported by FW', errno: 'EOPNOTSUPP', hint: firmware },
  'helper-firmware': { text: '{helper}: not supported by FW', errno: 'EOPNOTSUPP', hint: firmware },
  'stack-arg-type': { text: '{helper}: unsupported ptr type {type}', errno: 'EOPNOTSUPP', hint: stackPointer },
  'stack-arg-variable': {
    text: '{helper}: variable pointer',
    errno: 'EOPNOTSUPP',
    hint: 'the place on the stack has to be one constant: use a variable of its own instead of an element of an array',
  },
  'stack-arg-unaligned': {
    text: '{helper}: unaligned stack pointer {off}',
    errno: 'EOPNOTSUPP',
    hint: 'align the variable: __attribute__((aligned(4)))',
  },
  'update-non-zero': {
    text:
      'value at offset {at}/{slot} may be non-zero, bpf_map_update_elem() is required to initialize atomic counters to zero ' +
      'to avoid offload endian issues',
    errno: 'EOPNOTSUPP',
    hint: 'put zero where the counter is, then add to it',
  },
  random: {
    text: "bpf_get_prandom_u32(): FW doesn't support random number generation",
    errno: 'EOPNOTSUPP',
    hint: firmware,
  },
  'output-firmware': { text: 'event_output: not supported by FW', errno: 'EOPNOTSUPP', hint: firmware },
  'output-cpu': {
    text: 'event_output: must use BPF_F_CURRENT_CPU, var_off: {bits}',
    errno: 'EOPNOTSUPP',
    hint: 'the card does not know which CPU hears of an event: pass BPF_F_CURRENT_CPU',
  },
  'output-type': {
    text: 'event_output: unsupported ptr type: {type}',
    errno: 'EOPNOTSUPP',
    hint: 'data of an event lies on the stack, in the packet or in the value of a map',
  },
  'output-type-changed': {
    text: 'event_output: ptr type changed: {old} {type}',
    errno: 'EINVAL',
    hint: 'make one call for each kind of memory',
  },
  'helper-unsupported': {
    text: 'unsupported function id: {id}',
    errno: 'EOPNOTSUPP',
    hint: 'the card runs bpf_map_lookup_elem, _update_elem, _delete_elem, bpf_get_prandom_u32, bpf_perf_event_output and bpf_xdp_adjust_head, _tail',
  },
  'exit-unknown': {
    text: 'unsupported exit state: {type}, var_off: {bits}',
    errno: 'EINVAL',
    hint: 'a classifier on the card returns a constant',
  },
  'exit-value': {
    text: 'unsupported exit state: {type}, imm: {value}',
    errno: 'EINVAL',
    hint: 'a classifier on the card returns TC_ACT_SHOT, TC_ACT_STOLEN, TC_ACT_QUEUED, or passes',
  },
  'stack-variable': {
    text: 'variable ptr stack access',
    errno: 'EINVAL',
    hint: 'index arrays on the stack with constants: unroll the loop',
  },
  'stack-moved': {
    text: 'stack access changed location was:{old} is:{now}',
    errno: 'EINVAL',
    hint: 'one instruction accesses places whose distance is no multiple of 4: inline the function, or align what it is given',
  },
  'map-use-conflict': {
    text: 'map value use type conflict {old} vs {now} off: {off}',
    errno: 'EOPNOTSUPP',
    hint: 'a word of a value is either read or added to atomically, in all programs that share the map: use two words',
  },
  'map-non-zero': {
    text: 'atomic counter in map value may already be initialized to non-zero value off: {off}',
    errno: 'EOPNOTSUPP',
    hint: 'counters start at zero: make the map anew, and put zero where the counter is',
  },
  'map-variable': {
    text: 'map value offset is variable',
    errno: 'EOPNOTSUPP',
    hint: 'index arrays in values with constants, or make the index part of the key',
  },
  'map-outside': {
    text: 'map value access out-of-bounds',
    errno: 'EINVAL',
    hint: 'the access reaches past the value',
  },
  'pointer-unsupported': {
    text: 'unsupported ptr type: {type}',
    errno: 'EINVAL',
    hint: 'the card reads packet, stack, context and values of maps through pointers to their beginning',
  },
  'map-write': {
    text: 'map writes not supported',
    errno: 'EOPNOTSUPP',
    hint: 'add atomically (__sync_fetch_and_add), or put a whole value with bpf_map_update_elem',
  },
  'pointer-changed': {
    text: 'ptr type changed for instruction {old} -> {now}',
    errno: 'EINVAL',
    hint: 'one instruction accesses two kinds of memory: write the access once for each',
  },
  'queue-select': { text: 'queue selection not supported by FW', errno: 'EOPNOTSUPP', hint: firmware },
  'context-store': {
    text: 'unsupported store to context field',
    errno: 'EOPNOTSUPP',
    hint: 'of the context only rx_queue_index can be written, where the firmware selects queues',
  },
  'atomic-operation': {
    text: 'atomic op not implemented: {imm}',
    errno: 'EOPNOTSUPP',
    hint: 'the card adds atomically and nothing else; it does not give the old value back',
  },
  'atomic-place': {
    text: 'atomic add not to a map value pointer: {type}',
    errno: 'EOPNOTSUPP',
    hint: 'the memory unit adds in values of maps only',
  },
  'atomic-operand': {
    text: 'atomic add not of a scalar: {type}',
    errno: 'EOPNOTSUPP',
    hint: 'add a number, not an address',
  },
  multiplier: { text: 'multiplier is not within u32 value range', errno: 'EINVAL', hint: product },
  multiplicand: { text: 'multiplicand is not within u32 value range', errno: 'EINVAL', hint: product },
  'multiplicand-sign': {
    text: "sign extended multiplicand won't be within u32 value range",
    errno: 'EINVAL',
    hint: 'multiply by the positive number and negate the product',
  },
  dividend: { text: 'dividend is not within u32 value range', errno: 'EINVAL', hint: quotient },
  'divisor-variable': { text: 'divisor is not constant', errno: 'EINVAL', hint: quotient },
  divisor: { text: 'divisor is not within u32 value range', errno: 'EINVAL', hint: quotient },
  'divisor-sign': { text: 'divide by negative constant is not supported', errno: 'EINVAL', hint: quotient },
  'stack-size': {
    text: 'stack too large: program {size}B > FW stack {most}B',
    errno: 'EOPNOTSUPP',
    hint: 'use smaller variables, or put them into a map; each function takes at least 64 bytes',
  },
};

/** What the log says where the driver warns of events. */
export const outputWarning = '[nfp] warning: return codes and behavior of event_output helper differ for offload!';

/** The refusal with its values filled in, as the log has it. */
export function refusal(
  code: NfpMessageCode,
  values: Readonly<Record<string, string | number | bigint>> = {},
): DeviceRefusal {
  const { text, errno, hint } = nfpMessages[code];
  const filled = text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
  return { message: `[nfp] ${filled}`, errno, hint };
}
