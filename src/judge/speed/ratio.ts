/** Compiled code's time relative to the kernel's net time. */
import type { Speed } from './measure.js';

/** Below 1: compiled code is faster. */
export interface Ratio {
  readonly value: number;
  /** The kernel's net figure is below its noise: the ratio is at least this, and what it is cannot be told. */
  readonly isBound: boolean;
}

/** wasm / `kernel` net; where the net figure is lost in its noise, wasm / noise. */
export function ratioOf({ wasm }: Pick<Speed, 'wasm'>, kernel: Speed['kernel']): Ratio | undefined {
  if (wasm === undefined || kernel === undefined) return undefined;
  const isBound = kernel.median < kernel.noise;
  return { value: wasm.median / Math.max(kernel.median, kernel.noise), isBound };
}

/** `0.75`, or `> 1.40`. */
export function formatRatio(ratio: Ratio): string {
  return `${ratio.isBound ? '> ' : ''}${ratio.value.toFixed(2)}`;
}
