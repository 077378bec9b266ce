import { describe, expect, it } from 'vitest';
import { assemble } from '../object/index.js';
import { Machine, MapLog, type MapOp } from '../vm/index.js';
import { Interpreter } from './index.js';

/** Looks `1` up in a hash map; counts there if it is in, else puts it in; then deletes `2`. */
const program = `
	.license "GPL"
	.map flows type=hash key=4 value=8 max_entries=8 flags=0x0
	.map total type=array key=4 value=8 max_entries=4 flags=0x0

	.section xdp
	.globl main
	.type main, @function
main:
	*(u32 *)(r10 - 4) = 1
	*(u64 *)(r10 - 16) = 7
	r1 = flows ll
	r2 = r10
	r2 += -4
	call 0x1
	if r0 == 0 goto absent
	r1 = 1
	lock *(u64 *)(r0 + 0) += r1
	*(u8 *)(r0 + 7) = 5
	goto next
absent:
	r1 = flows ll
	r2 = r10
	r2 += -4
	r3 = r10
	r3 += -16
	r4 = 0
	call 0x2
next:
	*(u32 *)(r10 - 4) = 2
	r1 = flows ll
	r2 = r10
	r2 += -4
	call 0x3
	r1 = total ll
	r2 = r10
	r2 += -4
	call 0x1
	if r0 == 0 goto out
	*(u32 *)(r0 + 4) = 9
out:
	r0 = 2
	exit
`;

function machineOf(): { machine: Machine; run: () => void } {
  const machine = new Machine(assemble(program));
  const interpreter = new Interpreter(machine);
  return {
    machine,
    run: () => {
      machine.setPacket({ data: new Uint8Array(20) });
      const [main] = machine.programs;
      if (main !== undefined) expect(interpreter.run(main).verdict).toBe(2);
    },
  };
}

/** An operation in short. */
function words(op: MapOp): string {
  if (op.kind === 'write') return `write ${op.map}[${op.at.element}]+${op.at.offset}: ${op.bytes.join(' ')}`;
  if (op.kind === 'lookup') return `${op.side} lookup ${op.map}: ${op.isFound ? `[${op.found?.element}]` : 'none'}`;
  return `${op.side} ${op.kind} ${op.map}: ${op.result}`;
}

describe('a log of map operations', () => {
  it('has what programs look up, change and write, each as one operation', () => {
    const { machine, run } = machineOf();
    const log = MapLog.open(machine);
    run();
    expect(log.ops.map(words)).toEqual([
      'program lookup 0: none',
      'program update 0: 0',
      'program delete 0: -2',
      'program lookup 1: [2]',
      'write 1[2]+4: 9 0 0 0',
    ]);
    log.clear();
    run();
    expect(log.ops.map(words)).toEqual([
      'program lookup 0: [0]',
      'write 0[0]+0: 8 0 0 0 0 0 0 0',
      'write 0[0]+7: 5',
      'program delete 0: -2',
      'program lookup 1: [2]',
      'write 1[2]+4: 9 0 0 0',
    ]);
    expect(log.ops[3]).toMatchObject({ key: new Uint8Array([2, 0, 0, 0]) });
  });

  it('hears the control plane, too', () => {
    const { machine } = machineOf();
    const log = MapLog.open(machine);
    const key = new Uint8Array([3, 0, 0, 0]);
    machine.maps[0]?.updateElem(key, new Uint8Array(8));
    machine.maps[0]?.lookupElem(key);
    machine.maps[0]?.deleteElem(key);
    machine.maps[0]?.deleteElem(key);
    const said = log.ops.map((op) => (op.kind === 'lookup' ? `lookup ${op.isFound}` : words(op)));
    expect(said).toEqual(['control update 0: 0', 'lookup true', 'control delete 0: 0', 'control delete 0: -2']);
  });

  it('forgets what is rolled back, to the beginning or to a savepoint', () => {
    const { machine, run } = machineOf();
    const log = MapLog.open(machine);
    run();
    const before = log.ops.length;
    machine.transaction.begin();
    run();
    const savepoint = machine.transaction.savepoint();
    const between = log.ops.length;
    run();
    expect(log.ops.length).toBeGreaterThan(between);
    machine.transaction.rollbackTo(savepoint);
    expect(log.ops.length).toBe(between);
    machine.transaction.rollback();
    expect(log.ops.length).toBe(before);
  });

  it('leaves no trace when it is closed', () => {
    const { machine, run } = machineOf();
    const log = MapLog.open(machine);
    expect(() => MapLog.open(machine)).toThrow('has one already');
    log.close();
    run();
    expect(log.ops).toEqual([]);
    for (const object of [machine.memory, machine, ...machine.maps])
      expect(Object.keys(object).filter((key) => typeof Reflect.get(object, key) === 'function')).toEqual([]);
  });
});
