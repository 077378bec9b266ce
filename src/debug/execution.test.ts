/** Going anywhere in an execution finds what was there: against the interpreter, stopped there. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../interp/index.js';
import { assemble, type ObjectSpec, readObject } from '../object/index.js';
import { decodeCapture } from '../packet/index.js';
import { loadMaps, Machine, type PacketInput, parseMapsFile } from '../vm/index.js';
import { Execution } from './execution.js';
import { arriving, loop, recorded, travels } from './testing.js';

/** Everything that a program can see or change. */
interface Seen {
  readonly registers: readonly bigint[];
  readonly memory: string;
}

/** Memory of all regions but stack frames that are not open: those hold what nobody reads. */
function memoryOf(machine: Machine, depth: number): string {
  const parts: string[] = [];
  for (const region of machine.memory.regions) {
    if (region.size > 1 << 16 && region.kind !== 'packet') continue;
    const frame = machine.lane.frames.indexOf(region);
    if (frame > depth || region.name === 'helper scratch') continue;
    const bytes = Buffer.from(machine.memory.u8.subarray(region.start, region.start + Math.min(region.size, 8192)));
    parts.push(`${region.name}: ${bytes.toString('base64')}`);
  }
  return parts.join('\n');
}

/** What the interpreter finds before each step, as it goes. */
function seenBy(machine: Machine, input: PacketInput): Seen[] {
  const interpreter = new Interpreter(machine);
  const seen: Seen[] = [];
  interpreter.observer = {
    before: (_program, _pc, depth) => {
      seen.push({ registers: [...interpreter.registers.u64], memory: memoryOf(machine, depth) });
    },
  };
  machine.setPacket(input);
  interpreter.run(machine.programs[0] as Machine['programs'][number]);
  return seen;
}

function stateOf(execution: Execution): Seen {
  const depth = execution.depthOf(execution.position);
  return { registers: [...execution.registers.u64], memory: memoryOf(execution.machine, depth) };
}

function exampleOf(name: string): { object: ObjectSpec; maps: string | undefined; packets: Uint8Array[] } {
  const folder = `examples/${name}`;
  const object = readObject(readFileSync(`${folder}/${name}.o`));
  const maps = name === 'ipv6-filter' ? undefined : readFileSync(`${folder}/${name}.maps.json`, 'utf8');
  const { packets } = decodeCapture(readFileSync(`${folder}/traffic.pcap`));
  return { object, maps, packets: packets.slice(0, 2).map(({ data }) => data) };
}

function machineOf(object: ObjectSpec, maps: string | undefined): Machine {
  const machine = new Machine(object);
  if (maps !== undefined) loadMaps(machine, parseMapsFile(maps));
  return machine;
}

describe('an execution', () => {
  it.each([1 << 16, 7, 1])(
    'is the interpreter at every position, forward, back and by leaps (stretch %i)',
    (stretch) => {
      const seen = seenBy(new Machine(assemble(travels)), arriving());
      const execution = recorded(travels, { stretch });
      expect(execution.length).toBe(seen.length);
      expect(execution.ending).toEqual({ verdict: 2, trap: undefined });
      const positions = [...seen.keys()];
      const leaps = positions.map((i) => (i * 29) % seen.length);
      for (const position of [...positions, ...positions.toReversed(), ...leaps]) {
        execution.moveTo(position);
        expect(stateOf(execution), `at ${position}`).toEqual(seen[position]);
      }
    },
  );

  it.each(['firewall', 'nat', 'port-knocking'])('is the interpreter on packets of %s', (name) => {
    const { object, maps, packets } = exampleOf(name);
    for (const data of packets) {
      const input = { data, ingressIfindex: 1, now: 5_000_000_000n };
      const seen = seenBy(machineOf(object, maps), input);
      const machine = machineOf(object, maps);
      const program = machine.programs[0] as Machine['programs'][number];
      const execution = new Execution(machine, program, input, { stretch: 64 });
      for (let i = 0; i < 25; i++) {
        const position = (i * 7919) % seen.length;
        execution.moveTo(position);
        expect(stateOf(execution), `${name} at ${position}`).toEqual(seen[position]);
      }
    }
  });

  it('leaves maps and packet as the run left them at its end', () => {
    const machine = new Machine(assemble(travels));
    machine.setPacket(arriving());
    new Interpreter(machine).run(machine.programs[0] as Machine['programs'][number]);
    const execution = recorded(travels, { stretch: 5 });
    execution.moveTo(execution.length);
    expect(execution.machine.lane.packet.bytes()).toEqual(machine.lane.packet.bytes());
    for (const [i, map] of machine.maps.entries())
      expect([...(execution.machine.maps[i]?.entries() ?? [])]).toEqual([...map.entries()]);
  });

  it('stops at a fault, before the instruction and behind it', () => {
    const execution = recorded('.section xdp\n.globl main\nmain:\nr1 = 4\nr0 = *(u8 *)(r1 + 0)\nexit');
    expect(execution.length).toBe(2);
    expect(execution.ending.trap).toContain('insn 1');
    execution.moveTo(1);
    expect(execution.registers.u64[1]).toBe(4n);
  });

  it('knows the frames that are open, in functions and callbacks', () => {
    const execution = recorded(travels);
    const inside = Array.from({ length: execution.length }, (_, i) => i).filter((i) => execution.depthOf(i) === 1);
    expect(inside.length).toBe(4 + 3 * 6);
    expect(execution.callStack(inside[0] ?? 0).map(({ pc }) => pc)).toEqual([39, 3]);
    for (const at of inside) expect(execution.callStack(at)).toHaveLength(2);
  });

  it('keeps twelve bytes a step and one stretch of a long program', () => {
    const execution = recorded(loop(80_000));
    expect(execution.length).toBe(2 + 3 * 80_000 + 2);
    for (const turn of [80_000, 1]) {
      const position = 2 + 3 * (turn - 1) + 1;
      execution.moveTo(position);
      expect(execution.registers.u64[6]).toBe(BigInt(turn));
      expect(execution.machine.memory.load64((execution.machine.lane.frames[0]?.hi ?? 0) - 8)).toBe(BigInt(turn - 1));
    }
    const { deltas, pcs } = execution as unknown as { deltas: unknown[]; pcs: Uint32Array };
    expect(deltas.length).toBeLessThanOrEqual(1 << 16);
    expect(pcs.length).toBeLessThanOrEqual(1 << 18);
  });
});
