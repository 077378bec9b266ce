/** `jitnic run --card NAME`: the run with a clock, by a model of the card. */
import { UsageError } from '../base/index.js';
import type { CardDescription } from '../nic/index.js';
import { packetAt } from '../packet/index.js';
import type { Session } from '../runtime/index.js';
import { type ClockedRun, cardModel, parseHostCost, parseRate, type TimedOptions, TimedRun } from '../sim/index.js';
import { wholeNumber } from '../text/index.js';
import { openCard } from './card-file.js';
import type { Io } from './command.js';
import { CoherentCli, sideOptions } from './run-coherent.js';
import { noteLoaded, openProgram, sessionOptions, verifiedSession } from './run-options.js';
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
  const options: TimedOptions = {
    rate: parseRate(flags.rate ?? 'capture'),
    hostCores: wholeNumber('--host-cores', flags.hostCores, 1) ?? 4,
    hostQueue: wholeNumber('--host-queue', flags.hostQueue, 1) ?? 512,
    hostCost: parseHostCost(flags.hostCost ?? 'kernel'),
    seed: BigInt(wholeNumber('--seed', flags.seed, 0) ?? 1),
  };
  const loops = wholeNumber('--loops', flags.loops, 1) ?? 1;
  if (loops > 1 && flags.read === '-') throw new UsageError('`--loops` needs a file: stdin can be read once');
  const chosen = await openProgram(file, name, flags, io);
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
  const timed = coherent ?? new TimedRun(session, card, model, options);
  const driver = timedDriver(session, timed);
  const limit = wholeNumber('--count', flags.count, 1) ?? Number.POSITIVE_INFINITY;
  const path = flags.read ?? '-';
  let result: LoopResult | undefined;
  for (let i = 0; i < loops && driver.packets < limit && result?.interrupted !== true; i++) {
    driver.nextLoop();
    const next = await runPackets(session, io, { path, limit, driver, isRepeated: i > 0 });
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

interface TimedDriver extends PacketDriver {
  /** The capture begins anew: its times go on where they ended, behind a gap as long as they had on average. */
  nextLoop(): void;
}

function timedDriver(session: Session, timed: TimedRun | CoherentCli): TimedDriver {
  /** Packets, first and last time of this loop; what is added to its times. */
  let count = 0n;
  let first: bigint | undefined;
  let last = 0n;
  let shift = 0n;
  return {
    get packets() {
      return (timed instanceof TimedRun ? timed : timed.run).counts.offered;
    },
    nextLoop() {
      if (first !== undefined) shift += last - first + (last - first) / (count > 1n ? count - 1n : 1n);
      count = 0n;
    },
    runBatch(batch, from, most) {
      const to = Math.min(batch.count, from + most, from + 256);
      let at = from;
      while (at < to && session.difference === undefined) {
        const { data, time } = packetAt(batch, at++);
        first ??= time;
        if (time > last) last = time;
        count++;
        timed.packet(data, time + shift);
      }
      return at - from;
    },
  };
}
