/** Cases from TypeScript. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CaseError, matchers, test } from './index.js';

const say = test(readFileSync('test/support/say.o'), { set: { limit: 100 } });

describe('a program under test', () => {
  it('checks a case on our three engines', () => {
    const { engines, status, instructions } = say.check({
      packet: 'eth/ip/udp/"x"*200',
      expect: { verdict: 'DROP', printed: [/^long packet/], records: { events: [{ len: 242 }] }, globals: { seen: 1 } },
    });
    expect({ engines, status, instructions }).toEqual({
      engines: ['interp', 'wasm', 'trace'],
      status: 'passed',
      instructions: 74,
    });
  });

  it('throws with fields and the line that decided', () => {
    const wrong = (): unknown =>
      say.check({ packet: 'eth/ip/udp', expect: { verdict: 'TX', fields: { 'ip.ttl': 3 } } });
    expect(wrong).toThrow(CaseError);
    expect(wrong).toThrow(/verdict is PASS, not TX\ndecided at .*say.bpf.c:\d+: if \(len > limit\)/);
  });

  it('has matchers', () => {
    const { toDecide, toHold } = matchers;
    expect(toDecide(say, 'eth/ip/udp', 'PASS').pass).toBe(true);
    const { pass, message } = toHold(say, {
      packets: [new Uint8Array(150), { packet: 'eth', expect: 'DROP' }],
      set: { limit: 9000 },
    });
    expect(pass).toBe(false);
    expect(message()).toContain('packet 2: verdict is PASS, not DROP');
  });
});
