/** The flags of a run with a clock, apart from the run: most runs have none of it to load. */
import type { Command } from 'commander';
import { protocolNames } from '../coherence/protocol.js';
import { cardFlagHelp } from './card-file.js';
import type { CoherenceFlags } from './run-coherent.js';
import type { RunFlags } from './run-options.js';

/** The flags of the timed run; without `--card NAME` they say nothing. */
export interface TimedFlags extends RunFlags, CoherenceFlags {
  readonly rate?: string;
  readonly hostCores?: string;
  readonly hostQueue?: string;
  readonly hostCost?: string;
  readonly loops?: string;
  /** Packets that run before the clock starts, so that their traces are on the card; no flag of `run`. */
  readonly warmUp?: number;
}

/** The flags that need a card with a clock. */
export const timedFlags = ['rate', 'hostCores', 'hostQueue', 'hostCost', 'loops', 'coherence', 'order'] as const;

/** Declares {@link TimedFlags}. */
export function declareTimed(command: Command): void {
  command
    .optionsGroup('A card with a clock (model):')
    .option('--card <card>', `times by ${cardFlagHelp}`)
    .option('--rate <rate>', 'when packets arrive: capture (default), 100G, 148Mpps, 80% of the port; poisson:RATE')
    .option('--host-cores <n>', 'cores of the host that take misses, each with a queue (default 4)')
    .option('--host-queue <n>', 'packets that wait for a core at most (default 512)')
    .option('--host-cost <cost>', 'what a packet costs a core: kernel (default), wasm, interp, or a time as 250ns')
    .option('--loops <n>', 'run the capture so many times (default 1)')
    .option(
      '--coherence [map=protocol,...]',
      `card and host have maps of their own, kept in step by ${protocolNames.join(', ')}, or what fits each map; -v says why`,
      (words: string, before: readonly string[] | true | undefined) => [
        ...(before === true ? [] : (before ?? [])),
        words,
      ],
    )
    .option('--order <order>', 'with --coherence: flow (default; as packets of a flow arrive) or strict (as all do)')
    .optionsGroup('Options:');
}
