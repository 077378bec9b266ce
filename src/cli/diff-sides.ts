/** One version of a program, alive: what it decides on a packet, and how that differs from what the other one does. */
import { Interpreter } from '../interp/index.js';
import type { ProgramSpec } from '../object/index.js';
import { type FieldDifference, packetDifferences } from '../packet/index.js';
import { verdictName } from '../platform/index.js';
import { formatOutput, formatTrap, loadMaps, Machine, type MapsFile, type PacketInput } from '../vm/index.js';
import type { MapPairs } from './diff-maps.js';
import type { Chosen } from './run-options.js';

/** One of the two, alive. */
export interface Side {
  readonly machine: Machine;
  readonly run: (input: PacketInput) => Decision;
}

/** What a version did with a packet. */
export interface Decision {
  readonly verdict: string;
  readonly bytes: Uint8Array;
  readonly redirect: string;
  readonly outputs: string;
  readonly trap: string | undefined;
  readonly steps: number;
  /** It came by a slot that is asked about. */
  readonly isBy: boolean;
}

/** Packets of a device map's entry leave by some interface. */
export function egressOf({ attach }: ProgramSpec): number {
  return attach === 'xdp_devmap' ? 2 : 0;
}

/** `changed`: slots by program, of which is to be known whether a run came by them. */
export function sideOf(
  { object, program }: Chosen,
  contents: MapsFile | undefined,
  changed?: readonly Uint8Array[],
): Side {
  const machine = new Machine(object);
  if (contents !== undefined) loadMaps(machine, contents);
  const loaded = machine.programs[object.programs.indexOf(program)] as Machine['programs'][number]; // it is the object's
  machine.admit(loaded);
  const interpreter = new Interpreter(machine);
  let isBy = false;
  if (changed !== undefined)
    interpreter.observer = {
      before: (running, pc) => {
        if (changed[running.index]?.[pc] === 1) isBy = true;
      },
    };
  const run = (input: PacketInput): Decision => {
    isBy = false;
    machine.setPacket({ ...input, egressIfindex: egressOf(program), frags: program.frags });
    const { verdict, steps, trap } = interpreter.run(loaded);
    const name = verdictName(verdict);
    return {
      verdict: name,
      bytes: machine.lane.packet.bytes(),
      redirect: name === 'REDIRECT' ? JSON.stringify(machine.redirect) : '',
      outputs: machine.outputs.map((output) => formatOutput(object, output, new Map()).text).join(' | '),
      trap: trap === undefined ? undefined : formatTrap(trap),
      steps,
      isBy,
    };
  };
  return { machine, run };
}

/** In what two decisions part. */
export interface Difference {
  readonly what: string;
  readonly old: string;
  readonly new: string;
  readonly fields: readonly FieldDifference[];
}

/** Undefined where both decide alike. */
export function partingOf(left: Decision, right: Decision): Difference | undefined {
  const say = (what: string, a: string, b: string, fields: readonly FieldDifference[] = []): Difference => ({
    what,
    old: a,
    new: b,
    fields,
  });
  if (left.trap !== undefined || right.trap !== undefined)
    return left.trap === right.trap ? undefined : say('what stops it', left.trap ?? 'nothing', right.trap ?? 'nothing');
  if (left.verdict !== right.verdict) return say('verdict', left.verdict, right.verdict);
  if (left.redirect !== right.redirect) return say('redirect', left.redirect, right.redirect);
  // Nobody sees what became of a packet that is dropped.
  const fields =
    left.verdict === 'DROP' || left.verdict === 'ABORTED' ? [] : packetDifferences(left.bytes, right.bytes);
  if (fields.length > 0) return say('packet', `${left.bytes.length} bytes`, `${right.bytes.length} bytes`, fields);
  return left.outputs === right.outputs
    ? undefined
    : say('lines and records', left.outputs || 'none', right.outputs || 'none');
}

/** What a packet has left in the maps. */
export function mapParting(pairs: MapPairs, a: Side, b: Side): Difference | undefined {
  const found = pairs.parting(a.machine, b.machine);
  return found && { what: `${found.what}, after the packet`, old: found.old, new: found.fresh, fields: found.fields };
}
