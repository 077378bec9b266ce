import { describe, expect, it } from 'vitest';
import {
  brokenRecoveries,
  exploreRecovery,
  logEntries,
  publishedRecoverable,
  recoveryProtocol,
  recoveryStates,
  simulateRecovery,
} from './index.js';

// Three cores and six packets are `npm run scr`'s matter: they take a minute.
const small: readonly { readonly cores: number; readonly packets: number; readonly entries?: number }[] = [
  { cores: 2, packets: 6 },
  { cores: 3, packets: 3 },
  // Rings that come round.
  { cores: 2, packets: 6, entries: 2 },
  { cores: 2, packets: 6, entries: 3 },
  { cores: 3, packets: 4, entries: 3 },
];

/** Rings that come round show nearly all that can be wrong, after few interleavings. */
const telling = [...small].sort((a, b) => Number(b.entries === 3) - Number(a.entries === 3) || a.cores - b.cores);

describe('every interleaving of every set of losses', () => {
  it.each(small)('$cores cores, $packets packets, entries: $entries', (world) => {
    const { fault, isCut, sets } = exploreRecovery({ protocol: recoveryProtocol, ...world });
    expect(fault).toBeUndefined();
    expect(isCut).toBe(false);
    expect(sets).toBe(2 ** world.packets);
  });

  it('as published, where a packet before the last is lost, waits for a core that hears nothing more', () => {
    const published = { ...recoveryProtocol, heartbeats: false, recoverable: publishedRecoverable };
    const { fault } = exploreRecovery({ protocol: published, cores: 2, packets: 4 });
    expect(fault).toMatch(/lost: core \d waits for ever/);
  });
});

describe('a protocol with a rule broken is found', () => {
  it.each(brokenRecoveries.map((broken) => [broken.what, broken.protocol] as const))('%s', (_, protocol) => {
    let fault: string | undefined;
    for (const world of telling) fault ??= exploreRecovery({ protocol, ...world }).fault;
    expect(fault).toMatch(/waits for ever|takes|skips|gives up/);
  });

  it('and every state is left by a row that always holds', () => {
    for (const { name } of recoveryStates)
      expect(recoveryProtocol.rows.filter(({ at }) => at === name).at(-1)?.when, name).toBe('always');
  });
});

describe('random losses', () => {
  it.each([0.005, 0.01, 0.015])('14 cores, share %d: all copies are the sequential state', (loss) => {
    const result = simulateRecovery({ cores: 14, packets: 5000, loss, seed: 3 });
    expect(result).toMatchObject({ divergence: undefined, isComplete: true, fallen: [], refused: 0, skipped: 0 });
    expect(result.lost).toBeGreaterThan(0);
    // Each lost packet takes k items from its core, of which its own number is always the last.
    expect(result.recovered).toBe(14 * result.lost);
  });

  it('of which even those are survived that reach no core', () => {
    const result = simulateRecovery({ cores: 2, packets: 20_000, loss: 0.1 });
    expect(result).toMatchObject({ divergence: undefined, isComplete: true, fallen: [] });
    expect(result.skipped).toBeGreaterThan(100);
  });

  it('past the window a core falls out of step, says so, and holds up nobody', () => {
    const result = simulateRecovery({ cores: 14, packets: 8000, loss: 0.01, entries: 28, queue: 64 });
    expect(result).toMatchObject({ divergence: undefined, isComplete: true });
    expect(result.fallen.length).toBeGreaterThan(0);
    expect(result.refused).toBeGreaterThan(0);
  });

  it('as published two losses in a row for one core are congestion', () => {
    const protocol = { ...recoveryProtocol, recoverable: publishedRecoverable };
    const { fallen, divergence } = simulateRecovery({ cores: 14, packets: 30_000, loss: 0.015, protocol });
    expect(divergence).toBeUndefined();
    expect(fallen.length).toBeGreaterThan(0);
    expect(logEntries).toBe(1024);
  });
});
