/**
 * For each reason for which the driver refuses a program, one that it refuses for it: as text of the assembler, with
 * the words of the log. What Linux's own verifier would refuse before the driver can, or what XDP can't say, has no
 * program; `unreachable` says so, and tests put such instructions before the driver by hand.
 */
import type { CapabilityName } from '../capabilities.js';
import type { NfpMessageCode } from './messages.js';

/** A program that is refused. */
export interface RefusedProgram {
  readonly code: NfpMessageCode;
  /** Of section `xdp`; map `m` is a hash of u32 to 16 bytes, `events` a perf event array. */
  readonly text: string;
  /** As the log has it. */
  readonly message: string;
  /** What the firmware lacks. */
  readonly off?: readonly CapabilityName[];
}

/** Text around a body: one program, and the maps that it may name. */
export function programText(body: string): string {
  return `.license "GPL"
.section xdp
.globl f
f:
${body}
  r0 = 2
  exit
.map m type=hash key=4 value=16 max_entries=16
.map events type=perf_event_array key=4 value=4 max_entries=4
`;
}

/** A value of `m` in r0 that is not null, and the context in r6; it wants the label of `out` at the end. */
const lookup = `
  r6 = r1
  r1 = 0
  *(u32 *)(r10 - 4) = r1
  r2 = r10
  r2 += -4
  r1 = m ll
  call bpf_map_lookup_elem
  if r0 == 0 goto out
`;
const out = 'out:';

/** A number in r0 of which nothing is known, and the context in r6. */
const random = `
  r6 = r1
  call bpf_get_prandom_u32
`;

/** The packet in r6, of which 16 bytes are there. */
const packet = `
  r6 = *(u32 *)(r1 + 0)
  r7 = *(u32 *)(r1 + 4)
  r8 = r6
  r8 += 16
  if r8 > r7 goto out
`;

const update = (value: string): string => `
  r1 = 0
  *(u32 *)(r10 - 4) = r1
  *(u64 *)(r10 - 24) = r1
  ${value}
  r2 = r10
  r2 += -4
  r3 = r10
  r3 += -24
  r4 = 0
  r1 = m ll
  call bpf_map_update_elem
`;

const output = (flags: string, data: string): string => `
  ${data}
  r3 = ${flags} ll
  r2 = events ll
  r5 = 4
  call bpf_perf_event_output
`;

/** In the order of the messages. */
export const refusedPrograms: readonly RefusedProgram[] = [
  {
    code: 'insn-unsupported',
    text: 'r1 = 7\n  r1 %= 3',
    message: '[nfp] instruction 0x97 not supported',
  },
  {
    code: 'adjust-head-firmware',
    text: 'r2 = -4\n  call bpf_xdp_adjust_head',
    message: '[nfp] adjust_head not supported by FW',
    off: ['adjust_head'],
  },
  {
    code: 'adjust-tail-firmware',
    text: 'r2 = -4\n  call bpf_xdp_adjust_tail',
    message: '[nfp] adjust_tail not supported by FW',
    off: ['adjust_tail'],
  },
  {
    code: 'helper-firmware',
    text: `${lookup}${out}`,
    message: '[nfp] map_lookup: not supported by FW',
    off: ['map_lookup'],
  },
  {
    code: 'helper-firmware',
    text: update('*(u64 *)(r10 - 16) = r1'),
    message: '[nfp] map_update: not supported by FW',
    off: ['map_update'],
  },
  {
    code: 'helper-firmware',
    text: 'r1 = 0\n  *(u32 *)(r10 - 4) = r1\n  r2 = r10\n  r2 += -4\n  r1 = m ll\n  call bpf_map_delete_elem',
    message: '[nfp] map_delete: not supported by FW',
    off: ['map_delete'],
  },
  {
    code: 'stack-arg-type',
    text: `${packet}  r1 = m ll\n  r2 = r6\n  call bpf_map_lookup_elem\n${out}`,
    message: '[nfp] map_lookup: unsupported ptr type 8',
  },
  {
    code: 'stack-arg-variable',
    text: `${random}
  r0 &= 4
  r1 = 0
  *(u64 *)(r10 - 16) = r1
  *(u64 *)(r10 - 8) = r1
  r2 = r10
  r2 += -16
  r2 += r0
  r1 = m ll
  call bpf_map_lookup_elem`,
    message: '[nfp] map_lookup: variable pointer',
  },
  {
    code: 'stack-arg-unaligned',
    text: 'r1 = 0\n  *(u64 *)(r10 - 8) = r1\n  r2 = r10\n  r2 += -6\n  r1 = m ll\n  call bpf_map_delete_elem',
    message: '[nfp] map_delete: unaligned stack pointer 6',
  },
  {
    code: 'update-non-zero',
    text: `${lookup}  r1 = 1\n  lock *(u32 *)(r0 + 8) += r1\n${out}\n${update('r5 = 7\n  *(u64 *)(r10 - 16) = r5')}`,
    message:
      '[nfp] value at offset 8/15 may be non-zero, bpf_map_update_elem() is required to initialize atomic counters to zero ' +
      'to avoid offload endian issues',
  },
  {
    code: 'random',
    text: random,
    message: "[nfp] bpf_get_prandom_u32(): FW doesn't support random number generation",
    off: ['random'],
  },
  {
    code: 'output-firmware',
    text: output('0xffffffff', 'r4 = 0\n  *(u32 *)(r10 - 4) = r4\n  r4 = r10\n  r4 += -4'),
    message: '[nfp] event_output: not supported by FW',
    off: ['perf_event_output'],
  },
  {
    code: 'output-cpu',
    text: output('0', 'r4 = 0\n  *(u32 *)(r10 - 4) = r4\n  r4 = r10\n  r4 += -4'),
    message: '[nfp] event_output: must use BPF_F_CURRENT_CPU, var_off: (0; 0)',
  },
  {
    code: 'output-type',
    text: output('0xffffffff', 'r4 = r1'),
    message: '[nfp] event_output: unsupported ptr type: 2',
  },
  {
    code: 'output-type-changed',
    text: `
  r9 = r1
${lookup}
  r7 = r0
  call bpf_get_prandom_u32
  r4 = r10
  r4 += -4
  if r0 > 7 goto send
  r4 = r7
send:
  r1 = r9
  r2 = events ll
  r3 = 0xffffffff ll
  r5 = 4
  call bpf_perf_event_output
${out}`,
    message: '[nfp] event_output: ptr type changed: 4 6',
  },
  {
    code: 'helper-unsupported',
    text: 'call bpf_ktime_get_ns',
    message: '[nfp] unsupported function id: 5',
  },
  {
    code: 'stack-variable',
    text: `${random}
  r0 &= 4
  r1 = 0
  *(u64 *)(r10 - 8) = r1
  r2 = r10
  r2 += -8
  r2 += r0
  r1 = *(u8 *)(r2 + 0)`,
    message: '[nfp] variable ptr stack access',
  },
  {
    code: 'stack-moved',
    text: `${random}
  r1 = 0
  *(u64 *)(r10 - 8) = r1
  r2 = r10
  r2 += -8
  if r0 > 7 goto read
  r2 += 1
read:
  r1 = *(u8 *)(r2 + 0)`,
    message: '[nfp] stack access changed location was:-7 is:-8',
  },
  {
    code: 'map-use-conflict',
    text: `${lookup}  r1 = *(u32 *)(r0 + 4)\n  r1 = 1\n  lock *(u64 *)(r0 + 0) += r1\n${out}`,
    message: '[nfp] map value use type conflict read vs atomic off: 4',
  },
  {
    code: 'map-non-zero',
    text: `${update('r5 = 7\n  *(u64 *)(r10 - 16) = r5')}${lookup.replace('r6 = r1', '')}  r1 = 1\n  lock *(u32 *)(r0 + 8) += r1\n${out}`,
    message: '[nfp] atomic counter in map value may already be initialized to non-zero value off: 8',
  },
  {
    code: 'map-variable',
    text: `${lookup}  r7 = r0\n  call bpf_get_prandom_u32\n  r0 &= 4\n  r7 += r0\n  r1 = *(u32 *)(r7 + 0)\n${out}`,
    message: '[nfp] map value offset is variable',
  },
  {
    code: 'map-outside',
    text: `${lookup}  r1 = *(u32 *)(r0 + 16)\n${out}`,
    message: '[nfp] map value access out-of-bounds',
  },
  {
    code: 'pointer-unsupported',
    text: `r2 = *(u32 *)(r1 + 8)\n  r3 = *(u32 *)(r1 + 0)\n  r4 = r2\n  r4 += 4\n  if r4 > r3 goto out\n  r0 = *(u32 *)(r2 + 0)\n${out}`,
    message: '[nfp] unsupported ptr type: 7',
  },
  {
    code: 'map-write',
    text: `${lookup}  r1 = 1\n  *(u32 *)(r0 + 0) = r1\n${out}`,
    message: '[nfp] map writes not supported',
  },
  {
    code: 'pointer-changed',
    text: `
${packet}
  call bpf_get_prandom_u32
  r1 = 0
  *(u64 *)(r10 - 8) = r1
  r2 = r10
  r2 += -8
  if r0 > 7 goto read
  r2 = r6
read:
  r1 = *(u8 *)(r2 + 0)
${out}`,
    message: '[nfp] ptr type changed for instruction 8 -> 6',
  },
  {
    code: 'queue-select',
    text: 'r2 = 1\n  *(u32 *)(r1 + 16) = r2',
    message: '[nfp] queue selection not supported by FW',
    off: ['queue_select'],
  },
  {
    code: 'context-store',
    text: 'r2 = 1\n  *(u32 *)(r1 + 12) = r2',
    message: '[nfp] unsupported store to context field',
  },
  {
    code: 'atomic-operation',
    text: `${lookup}  r1 = 1\n  lock *(u32 *)(r0 + 0) |= r1\n${out}`,
    message: '[nfp] atomic op not implemented: 64',
  },
  {
    code: 'atomic-place',
    text: 'r1 = 0\n  *(u64 *)(r10 - 8) = r1\n  r2 = 1\n  lock *(u64 *)(r10 - 8) += r2',
    message: '[nfp] atomic add not to a map value pointer: 6',
  },
  {
    code: 'atomic-operand',
    text: `${lookup}  lock *(u64 *)(r0 + 0) += r6\n${out}`,
    message: '[nfp] atomic add not of a scalar: 2',
  },
  {
    code: 'multiplier',
    text: `${packet}  r1 = *(u64 *)(r6 + 0)\n  r1 *= 3\n${out}`,
    message: '[nfp] multiplier is not within u32 value range',
  },
  {
    code: 'multiplicand',
    text: `${packet}  r1 = *(u64 *)(r6 + 0)\n  r2 = 3\n  r2 *= r1\n${out}`,
    message: '[nfp] multiplicand is not within u32 value range',
  },
  {
    code: 'multiplicand-sign',
    text: 'r1 = 3\n  r1 *= -1',
    message: "[nfp] sign extended multiplicand won't be within u32 value range",
  },
  {
    code: 'dividend',
    text: `${packet}  r1 = *(u64 *)(r6 + 0)\n  r1 /= 3\n${out}`,
    message: '[nfp] dividend is not within u32 value range',
  },
  {
    code: 'divisor-variable',
    text: `${packet}  r1 = *(u8 *)(r6 + 0)\n  r2 = 100\n  r2 /= r1\n${out}`,
    message: '[nfp] divisor is not constant',
  },
  {
    code: 'divisor',
    text: 'r1 = 0x100000000 ll\n  r2 = 100\n  r2 /= r1',
    message: '[nfp] divisor is not within u32 value range',
  },
  {
    code: 'divisor-sign',
    text: 'r1 = 100\n  r1 /= -3',
    message: '[nfp] divide by negative constant is not supported',
  },
  {
    code: 'stack-size',
    text: 'r1 = 0\n  *(u64 *)(r10 - 488) = r1\n  call inner\n  r0 = 2\n  exit\ninner:\n  r6 = 0\n  *(u64 *)(r10 - 8) = r6',
    message: '[nfp] stack too large: program 576B > FW stack 512B',
  },
];

/** Reasons without a program, and why. */
export const unreachable: Readonly<Partial<Record<NfpMessageCode, string>>> = {
  'extended-registers': "Linux's verifier refuses registers above r10 before the driver sees them",
  'adjust-head-meta': 'a firmware that keeps metadata, which has a test of its own',
  'exit-unknown': 'a classifier; XDP programs may return anything',
  'exit-value': 'a classifier; XDP programs may return anything',
};
