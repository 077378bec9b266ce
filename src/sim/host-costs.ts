/**
 * What a packet costs a core of the host: so much for any, and so much for each instruction that runs. Recording is
 * done by a core of its own, so that packets do not wait for it. In nanoseconds, of one core of a server's processor.
 */
import { UsageError } from '../base/index.js';

/** A way to run programs on the host. */
export interface EngineCost {
  /** Nanoseconds of any packet. */
  readonly packet: number;
  /** Nanoseconds of an instruction. */
  readonly instruction: number;
  /** Where the figures are from. */
  readonly source: string;
}

const line = 'a line through the origin for time and instructions of the examples (jitnic bench, AMD EPYC)';

/** By name. `packet` is what XDP itself costs before the program begins. */
export const hostEngines: Readonly<Record<string, EngineCost>> = {
  kernel: { packet: 38, instruction: 0.38, source: `the kernel's compiled code: ${line}; XDP itself 38 ns` },
  wasm: { packet: 38, instruction: 0.44, source: `jitnic's compiled code: ${line}; XDP itself 38 ns` },
  interp: { packet: 38, instruction: 52, source: "jitnic's interpreter: docs/traces.md, recording; XDP itself 38 ns" },
};

/** Recording a packet's path, by instructions, and making the trace, by values that were recorded. */
export const recordingCost = {
  /** Nanoseconds of an instruction that is followed. */
  instruction: 1550,
  /** Nanoseconds of a value: normal form of the condition, code for the card. */
  value: 1300,
  /** Recordings that wait for the recorder at most; while there are so many, misses are only run. */
  backlog: 4,
  source: 'docs/traces.md, recording: medians over the examples; the backlog is assumed',
} as const;

/** `kernel`, `wasm`, `interp`, or nanoseconds of any packet. Throws UsageError. */
export function parseHostCost(text: string): EngineCost {
  const known = Object.hasOwn(hostEngines, text) ? hostEngines[text] : undefined;
  if (known !== undefined) return known;
  const [, digits] = /^(\d+(?:\.\d+)?)ns$/.exec(text) ?? [];
  if (digits === undefined || Number(digits) === 0)
    throw new UsageError(
      `\`--host-cost ${text}\` is none`,
      {},
      `engines: ${Object.keys(hostEngines).join(', ')}; or a time for each packet, 250ns`,
    );
  return { packet: Number(digits), instruction: 0, source: 'given' };
}
