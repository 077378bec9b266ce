import { describe, expect, it } from 'vitest';
import { steered } from '../condition/index.js';
import { Interpreter } from '../interp/index.js';
import { assemble } from '../object/index.js';
import { Machine } from '../vm/index.js';
import { Recorder } from './recorder.js';

const verdicts = (machine: Machine, packets: readonly Uint8Array[]): number[] => {
  const [program] = machine.programs;
  const interpreter = new Interpreter(machine);
  return packets.map((data) => {
    machine.setPacket({ data });
    return program === undefined ? -1 : interpreter.run(program).verdict;
  });
};

/** Verdicts of the packets that are made to leave, at each of its guards, the path that `packet` takes. */
function steeredVerdicts(body: string, packet: Uint8Array, prepare?: (machine: Machine) => void): number[][] {
  const machine = new Machine(
    assemble(`
	.license "GPL"
	.map known type=hash key=4 value=4 max_entries=8 flags=0x0

	.section xdp
	.globl main
	.type main, @function
main:
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
${body}
`),
  );
  prepare?.(machine);
  const keysOf = (map: number): Uint8Array[] => Array.from(machine.maps[map]?.entries() ?? [], ({ key }) => key);
  const [program] = machine.programs;
  if (program === undefined) throw new Error('no program');
  const recorder = new Recorder(machine);
  const interpreter = new Interpreter(machine);
  machine.setPacket({ data: packet });
  recorder.start(program, interpreter.registers);
  interpreter.observer = recorder;
  const recording = recorder.finish(interpreter.run(program));
  if (recording.kind !== 'trace') throw new Error(recording.site.code);
  return recording.trace.history.guards.map((guard) => verdicts(machine, steered(guard, packet, keysOf)));
}

describe('a packet is steered off its path', () => {
  it('by its length, and by a field that is compared in network order', () => {
    const [short, port] = steeredVerdicts(
      `
	r4 = r2
	r4 += 20
	if r4 > r3 goto short
	r0 = *(u16 *)(r2 + 12)
	r0 = be16 r0
	if r0 > 1023 goto other
	r0 = 1
	exit
short:
	r0 = 0
	exit
other:
	r0 = 2
	exit`,
      new Uint8Array(40),
    );
    expect(short).toContain(0);
    expect(port).toContain(2);
  });

  it('by one field compared with another, at an offset that the packet tells', () => {
    const packet = new Uint8Array(64);
    packet[0] = 0x45;
    const guards = steeredVerdicts(
      `
	r4 = r2
	r4 += 64
	if r4 > r3 goto out
	r5 = *(u8 *)(r2 + 0)
	r5 &= 15
	r5 <<= 2
	if r5 > 40 goto out
	r6 = r2
	r6 += r5
	r0 = *(u8 *)(r6 + 1)
	r1 = *(u8 *)(r2 + 2)
	if r0 != r1 goto differ
	r0 = 1
	exit
differ:
	r0 = 3
	exit
out:
	r0 = 0
	exit`,
      packet,
    );
    expect(guards.at(-1)).toContain(3);
  });

  it('to an element that a map has', () => {
    const guards = steeredVerdicts(
      `
	r4 = r2
	r4 += 20
	if r4 > r3 goto out
	r0 = *(u32 *)(r2 + 8)
	*(u32 *)(r10 - 4) = r0
	r1 = known ll
	r2 = r10
	r2 += -4
	call 0x1
	if r0 == 0 goto out
	r0 = 3
	exit
out:
	r0 = 1
	exit`,
      new Uint8Array(40),
      (machine) => machine.maps[0]?.updateElem(Uint8Array.of(1, 2, 3, 4), new Uint8Array(4)),
    );
    expect(guards.at(-1)).toContain(3);
  });
});
