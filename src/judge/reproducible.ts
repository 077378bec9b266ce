/**
 * Is a program's outcome a function of its packets and maps? Pointers as data and stack that was never written are not
 * the same on two machines, whatever these do right, and Linux lets a privileged program use both.
 */
import { Interpreter } from '../interp/index.js';
import { possibleCpus } from '../linux/index.js';
import type { ObjectSpec } from '../object/index.js';
import { type CompareOptions, comparePackets } from './compare.js';
import { MachineSubject } from './machine-subject.js';
import type { Packet } from './subject.js';

/** Another place for everything in guest memory, and other garbage on the stack. */
const elsewhere = { slide: 0x54320, stackFill: 0x5a };

/**
 * Runs the program in two interpreters that differ in nothing else; `prepare` fills the maps of both, and gives what
 * is to be done before each packet.
 */
export function isReproducible(
  object: ObjectSpec,
  programName: string,
  packets: readonly Packet[],
  prepare: (subjects: readonly [MachineSubject, MachineSubject]) => CompareOptions['before'],
): boolean {
  const make = (differently: Partial<typeof elsewhere>): MachineSubject =>
    new MachineSubject(object, programName, (machine) => new Interpreter(machine), {
      cpus: possibleCpus(),
      ...differently,
    });
  const [here, there] = [make({}), make(elsewhere)];
  const before = prepare([here, there]);
  const comparison = comparePackets(object, here, there, packets, before === undefined ? {} : { before });
  return comparison.difference === undefined;
}
