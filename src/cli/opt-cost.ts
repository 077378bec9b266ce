/** What packets cost: instructions executed, by class of packet, and weighted by a table of what each kind takes. */
import { UserError } from '../base/index.js';
import { Interpreter, type Observer } from '../interp/index.js';
import { type Insn, insnClass, isCall, isConditionalJump, isLddw, op } from '../isa/index.js';
import { MachineSubject, seedMaps } from '../judge/index.js';
import { type ObjectSpec, sizeMaps, xdpFitness } from '../object/index.js';
import { helperId } from '../platform/index.js';
import type { ExecutedRow } from '../report/index.js';
import type { ProgramProfile } from '../super/index.js';
import { readPackets } from './capture-input.js';
import { makePackets } from './check/traffic.js';
import type { Io } from './command.js';
import { classRank, packetClass } from './packet-class.js';

type Packets = readonly { readonly data: Uint8Array }[];

/** Generated packets that costs are counted on where there is no capture. */
const generated = 400;
const seed = 1;

/** The packets of a capture, or generated ones. */
export async function costPackets(capture: string | undefined, io: Io): Promise<Packets> {
  if (capture !== undefined) return readPackets(capture, io);
  return makePackets(generated, seed).map((data) => ({ data }));
}

/** Rows for each program that can be run as XDP, first that of all packets. */
export function executedByClass(
  before: ObjectSpec,
  after: ObjectSpec,
  programs: readonly string[] | undefined,
  packets: Packets,
): ExecutedRow[] {
  return before.programs
    .filter((program) => xdpFitness(program) !== 'other' && (programs?.includes(program.name) ?? true))
    .flatMap(({ name }) => {
      const [old, now] = [before, after].map((object) => executedEach(object, name, packets));
      if (old === undefined || now === undefined) return [];
      const rows = new Map<string, ExecutedRow>();
      for (const [i, { data }] of packets.entries())
        for (const each of ['all', packetClass(data)]) {
          const row = rows.get(each);
          rows.set(each, {
            program: name,
            class: each,
            packets: (row?.packets ?? 0) + 1,
            before: (row?.before ?? 0) + (old[i]?.steps ?? 0),
            after: (row?.after ?? 0) + (now[i]?.steps ?? 0),
            nsBefore: (row?.nsBefore ?? 0) + (old[i]?.ns ?? 0),
            nsAfter: (row?.nsAfter ?? 0) + (now[i]?.ns ?? 0),
          });
        }
      return [...rows.values()].sort((a, b) => classRank(a.class) - classRank(b.class));
    });
}

/** Nanoseconds a packet by the cost table, by program, for those that run. */
export function costOf(object: ObjectSpec, packets: Packets): ReadonlyMap<string, number> {
  const costs = new Map<string, number>();
  for (const program of object.programs) {
    if (xdpFitness(program) === 'other') continue;
    const each = executedEach(object, program.name, packets);
    if (each !== undefined) costs.set(program.name, each.reduce((sum, { ns }) => sum + ns, 0) / packets.length);
  }
  return costs;
}

/** What packets did in each program that runs. */
export function profilesOf(object: ObjectSpec, packets: Packets): ReadonlyMap<string, ProgramProfile> {
  const lengths = packets.map(({ data }) => data.length);
  const profiles = new Map<string, ProgramProfile>();
  for (const { name, ...program } of object.programs) {
    if (xdpFitness({ name, ...program }) === 'other') continue;
    Counter.ran = [];
    Counter.taken = [];
    if (executedEach(object, name, packets) === undefined) continue;
    profiles.set(name, { ran: Counter.ran, taken: Counter.taken, lengths });
  }
  return profiles;
}

/** What one packet took. */
interface Executed {
  readonly steps: number;
  readonly ns: number;
}

/** Of each packet; undefined where the program can't be run. Maps are filled from a seed. */
function executedEach(object: ObjectSpec, name: string, packets: Packets): Executed[] | undefined {
  try {
    const subject = new MachineSubject(sizeMaps(object, 64).object, name, (machine) => new Counter(machine), {
      cpus: 1,
    });
    seedMaps(
      object,
      [subject],
      seed,
      1,
      packets.slice(0, 64).map(({ data }) => data),
    );
    return packets.map((packet) => {
      Counter.steps = 0;
      Counter.ns = 0;
      subject.run(packet);
      return { steps: Counter.steps, ns: Counter.ns };
    });
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** The interpreter, which counts. */
class Counter extends Interpreter {
  static steps = 0;
  static ns = 0;
  /** By slot of the program: how often it ran, and how often its jump was taken. */
  static ran: number[] = [];
  static taken: number[] = [];
  private last = 0;
  /** The program that is counted: what it calls by tail calls is not. */
  private own: readonly Insn[] | undefined;

  override readonly observer: Observer = {
    before: ({ insns }, pc) => {
      const insn = insns[pc] as Insn; // the instruction that runs
      Counter.steps++;
      Counter.ns += nanoseconds(insn);
      this.own ??= insns;
      if (insns !== this.own) return;
      const last = insns[this.last];
      const isTaken = last !== undefined && isConditionalJump(last) && pc !== this.last + 1;
      if (isTaken) Counter.taken[this.last] = (Counter.taken[this.last] ?? 0) + 1;
      Counter.ran[pc] = (Counter.ran[pc] ?? 0) + 1;
      this.last = pc;
    },
  };
}

/** Single instructions in nanoseconds: measurements of the authors of K2 (SIGCOMM 2021, artifact). */
function nanoseconds(insn: Insn): number {
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
      return (insn.code & 0xf0) === op.MOV ? 0.09 : 0.37;
    case op.LDX:
      return 0.18;
    case op.ST:
      return 0.38;
    case op.STX: {
      if ((insn.code & 0xe0) !== op.MODE_ATOMIC) return 0.38;
      return (insn.code & 0x18) === op.SIZE_DW ? 6.6 : 5.5;
    }
    case op.LD:
      return isLddw(insn) ? 0.36 : 1.5;
    default:
      if (isCall(insn)) return insn.src === op.CALL_HELPER ? (helperNs.get(insn.imm) ?? 1.5) : 0.37;
      // Turning a jump round changes nothing of what it costs.
      return (insn.code & 0xf0) === op.JEQ || (insn.code & 0xf0) === op.JNE ? 1.87 : 0.19;
  }
}

const helperNs: ReadonlyMap<number, number> = new Map([
  [helperId.map_lookup_elem, 1.5],
  [helperId.map_update_elem, 19],
  [helperId.tail_call, 1.85],
]);
