/** Cases from TypeScript. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CaseError, type CaseInput, matchers, type ProgramMatchers, test } from './index.js';

// As a project of the user does it; compiled with vitest's own types.
declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: vitest's interface has this parameter, and merging wants the same one.
  interface Matchers<T = any> extends ProgramMatchers<T> {}
}
expect.extend(matchers);

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
  it('has matchers on `expect`, with types', () => {
    expect(say).toDecide('eth/ip/udp', 'PASS');
    expect(say).not.toDecide('eth/ip/udp', 'DROP');
    expect(say).toHold({ packet: new Uint8Array(60), expect: { verdict: 'PASS' } });
    expect(() => expect(say).toDecide('eth', 'TX')).toThrow(/verdict is PASS, not TX/);
  });

  it('does not take for passed what no engine ran', () => {
    const unrun: CaseInput = { packet: 'eth', expect: 'PASS', engines: ['kernel'] };
    expect(() => say.check(unrun)).toThrow('case was run by no engine: not here: kernel');
    expect(matchers.toHold(say, unrun).pass).toBe(false);
  });
});
