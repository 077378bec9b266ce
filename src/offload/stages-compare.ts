/** Does a cut change anything? The same packets through the whole chain and through both stages, in our engines. */
import { Interpreter } from '../interp/index.js';
import { WasmEngine } from '../jit/index.js';
import type { ObjectSpec } from '../object/index.js';
import { XDP_PASS } from '../platform/index.js';
import { hex } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { contentsText, type Engine, Machine, type PacketInput } from '../vm/index.js';
import { dispatcherName, type Stages, stageMetadata } from './stages.js';

/** What became of a comparison. */
export interface StagesComparison {
  /** Compared so far. */
  readonly packets: number;
  /** Packets that went on in the driver. */
  readonly crossed: number;
  /** Where they part, in words. */
  readonly difference: string | undefined;
}

/** What a packet came to. */
interface Outcome {
  readonly verdict: string;
  readonly data: Uint8Array;
  readonly meta: Uint8Array;
}

class Side {
  readonly machine: Machine;
  private readonly engine: Engine;

  constructor(object: ObjectSpec, engine: 'interp' | 'wasm') {
    this.machine = new Machine(object);
    for (const program of this.machine.programs) this.machine.admit(program);
    this.engine =
      engine === 'interp'
        ? new Interpreter(this.machine)
        : new WasmEngine(this.machine, { verdicts: Verdicts.of(object) });
  }

  run(name: string, packet: PacketInput): Outcome {
    const { machine } = this;
    const program = machine.programs.find(({ spec }) => spec.name === name);
    if (program === undefined) throw new Error(`no program ${name}`);
    machine.setPacket(packet);
    const { verdict, trap } = this.engine.run(program);
    const { packet: buffer } = machine.lane;
    return {
      verdict: trap === undefined ? String(verdict) : 'trap',
      data: buffer.bytes().slice(),
      meta: buffer.metaBytes().slice(),
    };
  }
}

/**
 * Verdict, bytes, metadata and, after the last packet, all maps that the chain has. Stops at the first difference.
 * Both begin with the object's own contents of maps.
 */
export function compareStages(
  object: ObjectSpec,
  stages: Stages,
  packets: Iterable<PacketInput>,
  engine: 'interp' | 'wasm' = 'wasm',
): StagesComparison {
  const [entry = ''] = stages.card;
  const whole = new Side(object, engine);
  const cut = new Side(stages.object, engine);
  const result = { packets: 0, crossed: 0 };
  for (const packet of packets) {
    const expected = whole.run(entry, packet);
    let got = cut.run(stages.object.programs[0]?.name ?? '', packet);
    if (got.verdict === String(XDP_PASS)) {
      const left = got.meta.length;
      got = cut.run(dispatcherName, { ...packet, data: got.data, meta: got.meta });
      if (left - got.meta.length === stageMetadata) result.crossed++;
    }
    const [a, b] = [expected, got].map(({ verdict, data, meta }) => `${verdict} ${hex(data)} ${hex(meta)}`);
    if (a !== b) return { ...result, difference: `packet ${result.packets}: ${a} whole, ${b} in two stages` };
    result.packets++;
  }
  for (const [index, { name, type }] of object.maps.entries())
    if (type !== 'prog_array' && contentsText(whole.machine.maps[index]) !== contentsText(cut.machine.maps[index]))
      return { ...result, difference: `map \`${name}\` differs after the last packet` };
  return { ...result, difference: undefined };
}
