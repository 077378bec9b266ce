/** `jitnic run --card NAME --coherence`: card and host have maps of their own, and protocols keep them in step. */
import { UsageError } from '../base/index.js';
import {
  type Order,
  type ProtocolName,
  protocolNames,
  type SharedMap,
  shareMaps,
  TwoSides,
  Witness,
  type WitnessFault,
} from '../coherence/index.js';
import type { CardDescription } from '../nic/index.js';
import { flowHash, type Session, type SessionOptions } from '../runtime/index.js';
import { type CardModel, CoherentRun, CoherentTraces, type TimedOptions } from '../sim/index.js';
import { formatNumber, formatTable, nearest } from '../text/index.js';
import type { PacketInput } from '../vm/index.js';
import { loadMaps } from '../vm/map-json.js';
import type { Io } from './command.js';

/** What flags say of it. */
export interface CoherenceFlags {
  /** Each as it was given, `map=name,map=name`; true: all by analysis. */
  readonly coherence?: readonly string[] | true;
  readonly order?: string;
}

/** `--order`. Throws UsageError. */
export function parseOrder(text = 'flow'): Order {
  if (text === 'flow' || text === 'strict') return text;
  throw new UsageError(`no order \`${text}\``, {}, 'orders: flow (as packets of a flow arrive), strict (as all do)');
}

/** `--coherence`: protocols by map. Throws UsageError. */
export function parseChoices(given: readonly string[] | true = []): ReadonlyMap<string, ProtocolName> {
  const chosen = new Map<string, ProtocolName>();
  for (const word of given === true ? [] : given.flatMap((each) => each.split(','))) {
    const [, map = '', name = ''] = /^(.+)=([^=]*)$/.exec(word) ?? [];
    if (map === '') throw new UsageError(`\`--coherence ${word}\`: not MAP=PROTOCOL`);
    const protocol = protocolNames.find((each) => each === name);
    if (protocol === undefined) {
      const near = nearest(name, protocolNames);
      const hint = near === undefined ? `protocols: ${protocolNames.join(', ')}` : `did you mean \`${near}\`?`;
      throw new UsageError(`no protocol \`${name}\``, {}, hint);
    }
    if (chosen.has(map) && chosen.get(map) !== protocol)
      throw new UsageError(`\`--coherence\`: map \`${map}\` is given two protocols`);
    chosen.set(map, protocol);
  }
  return chosen;
}

/** What a session needs so that its card can be one of two sides. */
export const sideOptions: Pick<SessionOptions, 'cpus' | 'compiled' | 'countSides' | 'sideTraces' | 'check'> = {
  cpus: 2,
  compiled: false,
  countSides: false,
  sideTraces: false,
  check: false,
};

/** What a run on two sides is made of. */
export interface CoherentSetup {
  readonly session: Session;
  readonly card: CardDescription;
  readonly model: CardModel;
  readonly timed: TimedOptions;
  readonly flags: CoherenceFlags;
  /** As the session was made; `check` as it was asked for. */
  readonly options: SessionOptions;
}

/** The run: packets one by one, then {@link CoherentCli.finish}. */
export class CoherentCli {
  readonly run: CoherentRun;
  readonly shared: readonly SharedMap[];
  readonly order: Order;
  private readonly session: Session;
  private readonly witness: Witness | undefined;
  private readonly inputs = new Map<number, { readonly input: PacketInput; readonly flow: number }>();

  /** Throws UsageError, InputError, UnsupportedError. */
  constructor({ session, card, model, timed, flags, options }: CoherentSetup) {
    const { machine, program } = session.runtime;
    const { object } = machine;
    this.session = session;
    this.order = parseOrder(flags.order);
    this.shared = shareMaps(object, { chosen: parseChoices(flags.coherence) });
    const machineOptions = { ...options, ...sideOptions };
    const traces = new CoherentTraces(session, { machine: machineOptions, limits: options.limits });
    const { maps } = options;
    const fill = (filled: typeof machine): void => {
      if (maps !== undefined) loadMaps(filled, maps.contents, maps.file);
    };
    fill(traces.engines.host.machine);
    if (options.check === true) {
      this.witness = new Witness(object, program.index, machineOptions, fill);
      session.comparedBeside = 'in the order of decisions';
    }
    this.run = new CoherentRun({ ...timed, card, model, traces }, (hooks) => {
      return new TwoSides(object, program.index, {
        ...hooks,
        machine: machineOptions,
        engines: traces.engines,
        order: this.order,
        shared: this.shared,
        onDecided: (number) => this.decided(number),
        onLost: (number) => this.lost(number),
      });
    });
    traces.ship(this.run);
  }

  /** A packet of the capture; `time` is what the run's clock goes by. */
  packet(data: Uint8Array, time: bigint): void {
    const { session, run } = this;
    const input = session.arrive({ data: data.slice(), time });
    session.runtime.packets++;
    const flow = flowHash(data, 0, data.length);
    const number = run.sides.next;
    if (this.witness !== undefined) this.inputs.set(number, { input, flow });
    run.packet(input, time, flow, true);
    // Lost before the card: it has no number, and never ran.
    if (run.sides.next === number) this.lost(number);
  }

  /** Everything ends, and the session's maps are what both sides have together. */
  finish(): void {
    const { session, run } = this;
    run.finish();
    if (session.difference === undefined) this.note(this.witness?.maps(run.sides), 0);
    run.sides.gather('card');
  }

  private lost(number: number): void {
    this.inputs.delete(number);
    this.session.runtime.packets--;
  }

  private decided(number: number): void {
    const known = this.inputs.get(number);
    if (this.witness === undefined || known === undefined || this.session.difference !== undefined) return;
    this.inputs.delete(number);
    const { sides } = this.run;
    const decision = sides.decision(number);
    if (decision === undefined) return;
    const flow = this.order === 'strict' ? 0 : known.flow;
    this.note(this.witness.packet(known.input, sides.sideOf(number), number, flow, decision), number + 1, known.input);
  }

  private note(fault: WitnessFault | undefined, packet: number, input?: PacketInput): void {
    if (fault === undefined) return;
    const { where, what, found, expected } = fault;
    const trace = packet === 0 ? undefined : this.run.options.traces?.hitOf(packet - 1);
    const named = `${what} (${where})`;
    this.session.difference = { packet, what: named, card: found, interpreter: expected, trace, input };
  }
}

/** The key `coherence` of `jitnic.run/1`. */
export function coherenceJson({ order, shared, run }: CoherentCli): Record<string, unknown> {
  return {
    order,
    maps: shared.map((map) => ({
      map: map.name,
      protocol: map.protocol ?? null,
      possible: map.possible,
      reads: map.reads,
      writes: map.writes,
      commutes: map.commutes,
      keyed_by: map.keyedBy,
      reason: map.reason,
    })),
    messages: Object.fromEntries(run.messages),
  };
}

/** Which protocol each map has; with `-v` what that follows from. */
export function coherenceText({ order, shared, run }: CoherentCli, io: Pick<Io, 'style' | 'width' | 'flags'>): string {
  const kept = shared.filter(({ protocol }) => protocol !== undefined);
  const head = `\n${io.style.bold('two sides')}, order ${order}: `;
  const messages = [...run.messages].map(([kind, times]) => `${formatNumber(times)} ${kind}`).join(', ');
  const sent = messages === '' ? '' : `messages: ${messages}\n`;
  if (io.flags.verbosity > 0) return `${head}\n\n${sharingTable(shared, io.width)}${sent}`;
  const names = kept.map(({ name, protocol }) => `${name} ${protocol}`).join(', ');
  return `${head}${names === '' ? 'no map that both may change' : names}\n${sent}`;
}

/** Who does what to each map, and what follows. */
function sharingTable(shared: readonly SharedMap[], width: number): string {
  const done = ({ reads, writes, control }: SharedMap): string => {
    const packets = [...(reads ? ['read'] : []), ...(writes ? ['write'] : [])].join(', ');
    return control ? `${packets}; control writes` : packets;
  };
  return formatTable(
    ['map', 'packets', 'commutes', 'keyed by', 'protocol', 'because'].map((title) => ({ title })),
    shared.map((map) => [
      map.name,
      done(map),
      map.writes ? (map.commutes ? 'yes' : 'no') : '',
      map.keyedBy,
      map.protocol ?? '-',
      map.reason,
    ]),
    '',
    width,
  );
}
