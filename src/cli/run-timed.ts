/** `jitnic run --card NAME`: the run with a clock, by a model of the card. */
import { UsageError } from '../base/index.js';
import type { CardDescription } from '../nic/index.js';
import { type PacketBatch, packetAt } from '../packet/index.js';
import type { Session } from '../runtime/index.js';
import { type ClockedRun, cardModel, parseHostCost, parseRate, type TimedOptions, TimedRun } from '../sim/index.js';
import { wholeNumber } from '../text/index.js';
import { openCard } from './card-file.js';
import type { Io } from './command.js';
import { CoherentCli, sideOptions } from './run-coherent.js';
import { type Chosen, noteLoaded, openProgram, sessionOptions, verifiedSession } from './run-options.js';
import { type LoopResult, type PacketDriver, runPackets } from './run-packets.js';
import { defaultShown } from './run-report.js';
import type { TimedFlags } from './timed-flags.js';

/** What a timed run comes to. */
export interface TimedResult extends LoopResult {
  readonly session: Session;
  readonly timed: ClockedRun;
  readonly coherent?: CoherentCli | undefined;
}

/** Opens program, card and capture, and runs it. Throws UsageError, InputError, UnsupportedError. */
export async function runTimed(
  file: string,
  name: string | undefined,
  flags: TimedFlags,
  io: Io,
): Promise<TimedResult> {
  const card = await openCard(String(flags.card), io);
  return await runOnCard(card, () => openProgram(file, name, flags, io), flags, io);
}

/** The same on a card that is at hand; the program is opened when flags have been found to make sense. */
export async function runOnCard(
  card: CardDescription,
  open: () => Chosen | Promise<Chosen>,
  flags: TimedFlags,
  io: Io,
): Promise<TimedResult> {
  const options: TimedOptions = {
    rate: parseRate(flags.rate ?? 'capture'),
    hostCores: wholeNumber('--host-cores', flags.hostCores, 1) ?? 4,
    hostQueue: wholeNumber('--host-queue', flags.hostQueue, 1) ?? 512,
    hostCost: parseHostCost(flags.hostCost ?? 'kernel'),
    seed: BigInt(wholeNumber('--seed', flags.seed, 0) ?? 1),
  };
  const loops = wholeNumber('--loops', flags.loops, 1) ?? 1;
  if (loops > 1 && flags.read === '-') throw new UsageError('`--loops` needs a file: stdin can be read once');
  const chosen = await open();
  requireSides(flags, card);
  const model = cardModel(card, chosen.program);
  const isCoherent = flags.coherence !== undefined;
  const given = await sessionOptions({ ...flags, ...(model.isWhole ? { engine: 'interp', card: false } : {}) }, io);
  const session = await verifiedSession(
    chosen,
    flags,
    {
      ...given,
      ...model.session,
      ...(isCoherent ? sideOptions : {}),
      card: !model.isWhole,
      cacheSize: given.cacheSize ?? (given.adaptive === undefined ? model.session.cacheSize : undefined),
      keepConditions: io.flags.json ? true : defaultShown,
    },
    io,
  );
  noteLoaded(session, flags, io);
  const coherent = isCoherent
    ? new CoherentCli({ session, card, model, timed: options, flags, options: given })
    : undefined;
  const limit = wholeNumber('--count', flags.count, 1) ?? Number.POSITIVE_INFINITY;
  const path = flags.read ?? '-';
  const loop = new CaptureLoop(session);
  const warmUp = flags.warmUp ?? 0;
  let result: LoopResult | undefined;
  for (let at = 0; loop.packets < warmUp; at = loop.packets) {
    // Without a clock: what is recorded is on the card at once.
    const warmed = await runPackets(session, io, { path, limit: warmUp, driver: loop, isRepeated: at > 0 });
    if (warmed.interrupted) result = warmed;
    if (warmed.interrupted || loop.packets === at) break;
    loop.next();
  }
  const timed = coherent ?? new TimedRun(session, card, model, options);
  loop.feed((data, time) => timed.packet(data, time));
  for (let i = 0; i < loops && loop.packets < limit && result?.interrupted !== true; i++) {
    if (i > 0) loop.next();
    const next = await runPackets(session, io, { path, limit, driver: loop, isRepeated: i > 0 || warmUp > 0 });
    result = result === undefined ? next : joined(result, next);
    if (session.difference !== undefined) break;
  }
  timed.finish();
  const run = timed instanceof TimedRun ? timed : timed.run;
  const nothing = { interrupted: false, time: { seconds: 0, cpuSeconds: 0 }, undeliverable: 0 };
  return { session, timed: run, coherent, ...(result ?? nothing) };
}

/** Throws UsageError where there are no two sides, or nobody asked for them. */
function requireSides({ coherence, order, cpus }: TimedFlags, { kind, name }: CardDescription): void {
  if (coherence === undefined) {
    if (order !== undefined)
      throw new UsageError('`--order` needs `--coherence`', {}, 'without it the order is strict');
    return;
  }
  if (kind !== 'pipeline')
    throw new UsageError(
      `\`--coherence\`: \`${name}\` runs every packet, and there is nothing to keep in step`,
      {},
      'a card that leaves packets to the host: --card pipeline',
    );
  if (cpus !== undefined)
    throw new UsageError('`--coherence` and `--cpus` exclude each other: the card is CPU 0, the host CPU 1');
}

/** Two loops as one. */
function joined(a: LoopResult, b: LoopResult): LoopResult {
  return {
    interrupted: b.interrupted,
    undeliverable: a.undeliverable + b.undeliverable,
    time: { seconds: a.time.seconds + b.time.seconds, cpuSeconds: a.time.cpuSeconds + b.time.cpuSeconds },
  };
}

/**
 * A capture over and over, packet by packet: where it begins anew, its times go on where they ended, behind a gap as
 * long as they had on average.
 */
class CaptureLoop implements PacketDriver {
  packets = 0;
  private readonly session: Session;
  private take: (data: Uint8Array, time: bigint) => void;
  /** Packets, first and last time of this loop; what is added to its times. */
  private count = 0n;
  private first: bigint | undefined;
  private last = 0n;
  private shift = 0n;

  /** Until told otherwise, packets run in the session without a clock. */
  constructor(session: Session) {
    this.session = session;
    this.take = (data, time) => session.step({ data, time });
  }

  /** From now on packets go there, and are counted from none. */
  feed(take: (data: Uint8Array, time: bigint) => void): void {
    this.take = take;
    this.packets = 0;
  }

  /** The capture begins anew. */
  next(): void {
    const { first, last, count } = this;
    if (first !== undefined) this.shift += last - first + (last - first) / (count > 1n ? count - 1n : 1n);
    this.count = 0n;
  }

  runBatch(batch: PacketBatch, from: number, most: number): number {
    const to = Math.min(batch.count, from + most, from + 256);
    let at = from;
    while (at < to && this.session.difference === undefined) {
      const { data, time } = packetAt(batch, at++);
      this.first ??= time;
      if (time > this.last) this.last = time;
      this.count++;
      this.packets++;
      this.take(data, time + this.shift);
    }
    return at - from;
  }
}
