/** For tests: an engine beside the interpreter, packet by packet, each on a machine of its own. */
import { Interpreter } from '../interp/index.js';
import type { ObjectSpec } from '../object/index.js';
import type { Packet } from '../packet/index.js';
import { hex } from '../text/index.js';
import { type Engine, loadMaps, Machine, type MapsFile } from '../vm/index.js';

/** What a comparison ran on. */
export interface Beside {
  readonly packets: number;
  readonly verdicts: ReadonlySet<number>;
  /** The first difference in words. */
  readonly difference: string | undefined;
}

/** How packets are compared. */
export interface BesideOptions {
  readonly maps?: MapsFile | undefined;
  /** Told of each packet that the engine has run. */
  readonly ran?: () => void;
  /** Compare all of r0, which is more than the verdict; default true. */
  readonly whole?: boolean;
}

/** Runs packets on both; packets, outputs and verdicts are compared after each, maps after the last one. */
export function runEngineBeside(
  object: ObjectSpec,
  programName: string,
  packets: Iterable<Packet>,
  make: (machine: Machine) => Engine,
  { maps, ran, whole = true }: BesideOptions = {},
): Beside {
  const machines = [new Machine(object), new Machine(object)] as const;
  if (maps !== undefined) for (const machine of machines) loadMaps(machine, maps);
  const engines = [new Interpreter(machines[0]), make(machines[1])] as const;
  const verdicts = new Set<number>();
  let count = 0;
  for (const { data, time } of packets) {
    const [wanted, got] = engines.map((engine, i) => {
      const machine = machines[i] as Machine;
      const program = machine.programs.find(({ spec }) => spec.name === programName);
      if (program === undefined) throw new Error(`no program ${programName}`);
      machine.setPacket({ data, ingressIfindex: 1, now: time });
      const outcome = engine.run(program);
      const outputs = machine.outputs.map((output) => JSON.stringify(output, plain));
      const result = whole ? outcome.r0 : outcome.verdict;
      const text = `${result} ${outcome.trap === undefined ? '' : 'trap'} ${hex(machine.lane.packet.bytes())} ${outputs.join()}`;
      return { text, verdict: outcome.verdict };
    });
    ran?.();
    verdicts.add(wanted?.verdict ?? -1);
    if (wanted?.text !== got?.text)
      return { packets: count, verdicts, difference: `packet ${count}: ${wanted?.text}\n${got?.text}` };
    count++;
  }
  const [before, after] = machines.map((machine) =>
    machine.maps.map((map) => JSON.stringify([...map.entries()], plain)),
  );
  const changed = before?.findIndex((text, i) => text !== after?.[i]) ?? -1;
  const difference =
    changed < 0 ? undefined : `map ${object.maps[changed]?.name}: ${before?.[changed]}\n${after?.[changed]}`;
  return { packets: count, verdicts, difference };
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? hex(value) : value;
}
