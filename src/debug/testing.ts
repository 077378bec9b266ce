/**
 * Programs for the debugger's tests: every way of opening and leaving a frame, and every kind of state that changes.
 */
import { assemble, type ObjectSpec } from '../object/index.js';
import { buildPacket } from '../packet/index.js';
import { Machine, type PacketInput } from '../vm/index.js';
import { Execution, type ExecutionOptions } from './execution.js';

/**
 * Maps `flows` (hash), `seen` (array) and `jumps`; functions, a callback that runs three times, a tail call, a packet
 * that moves, and stores into all of it.
 */
export const travels = `
	.license "GPL"
	.map jumps type=prog_array key=4 value=4 max_entries=2
	.slot 0, other
	.map seen type=array key=4 value=8 max_entries=2
	.map flows type=hash key=4 value=8 max_entries=8
	.section xdp
	.globl main
main:
	r6 = r1
	*(u64 *)(r10 - 8) = 5
	r2 = 8
	call helper
	*(u64 *)(r10 - 24) = r0
	r1 = 3
	r2 = turn ll
	r3 = r10
	r3 += -8
	r4 = 0
	call bpf_loop
	r7 = *(u64 *)(r10 - 8)
	*(u32 *)(r10 - 12) = 7
	*(u64 *)(r10 - 24) = r7
	r1 = flows ll
	r2 = r10
	r2 += -12
	r3 = r10
	r3 += -24
	r4 = 0
	call bpf_map_update_elem
	r1 = r6
	r2 = 4
	call bpf_xdp_adjust_head
	r2 = *(u32 *)(r6 + 0)
	r3 = *(u32 *)(r6 + 4)
	r4 = r2
	r4 += 14
	if r4 > r3 goto +1
	*(u8 *)(r2 + 3) = 9
	r1 = r6
	r2 = jumps ll
	r3 = 0
	call bpf_tail_call
	r0 = 0
	exit
	.type helper, @function
helper:
	*(u64 *)(r10 - 8) = r2
	r0 = *(u64 *)(r10 - 8)
	r0 += 1
	exit
	.type turn, @function
turn:
	r3 = *(u64 *)(r2 + 0)
	r3 += 1
	*(u64 *)(r2 + 0) = r3
	*(u64 *)(r10 - 16) = r3
	r0 = 0
	exit
	.section xdp/other
	.globl other
other:
	*(u64 *)(r10 - 8) = 77
	*(u32 *)(r10 - 12) = 1
	r1 = seen ll
	r2 = r10
	r2 += -12
	call bpf_map_lookup_elem
	if r0 == 0 goto +2
	r1 = 1
	lock *(u64 *)(r0 + 0) += r1
	r0 = 2
	exit
`;

/** A loop of three instructions a turn. */
export function loop(turns: number): string {
  return `
	.license "GPL"
	.map seen type=array key=4 value=8 max_entries=1
	.section xdp
	.globl main
main:
	*(u64 *)(r10 - 8) = 0
	r6 = 0
again:
	r6 += 1
	*(u64 *)(r10 - 8) = r6
	if r6 != ${turns} goto again
	r0 = 2
	exit
`;
}

/** A packet of the usual kind, or of layers. */
export function arriving(layers = 'eth/ip/udp/zeros(32)'): PacketInput {
  return { data: buildPacket(layers), ingressIfindex: 1 };
}

/** A recorded packet through the object's first program. */
export function recorded(
  source: string | ObjectSpec,
  options: ExecutionOptions = {},
  input: PacketInput = arriving(),
): Execution {
  const object = typeof source === 'string' ? assemble(source) : source;
  const machine = new Machine(object);
  return new Execution(machine, machine.programs[0] as Machine['programs'][number], input, options);
}
