import { describe, expect, it } from 'vitest';
import { shippedCard } from '../nic/index.js';
import { Link } from './link.js';

const card = shippedCard('pipeline');
if (card === undefined) throw new Error('no card');

describe('a traffic class of its own', () => {
  it('does not wait for what is queued, and what is queued waits for it', () => {
    const [busy, alone] = [new Link(card, 1n), new Link(card, 1n)];
    for (const link of [busy, alone]) for (let i = 0; i < 100; i++) link.send(0, 1024);
    const queued = alone.free;
    const arrives = busy.sendAhead(0, 64);
    expect(arrives).toBeLessThan(queued / 2);
    expect(busy.free).toBeGreaterThan(queued);
    expect(busy.bytes).toBe(alone.bytes + 64);
    // One of the class behind the other.
    expect(busy.freeAhead).toBeGreaterThan(0);
    const first = busy.freeAhead;
    busy.sendAhead(0, 64);
    expect(busy.freeAhead).toBeGreaterThan(first);
  });
});
