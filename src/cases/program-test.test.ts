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

  it('says all of a mistake in its message, from where the case stands', () => {
    const failing: [() => unknown, RegExp][] = [
      [() => say.check({ packet: 'eth/ip(tttl=9)' }), /no field `tttl`\nhint: did you mean `ttl`\?/],
      [() => say.check({ packet: 'eth', expect: { globals: { sen: 1 } } }), /`sen`\nhint: did you mean `seen`\?/],
      [() => expect(say).toHold({ packet: 'eth', expect: { records: { evnts: [] } } }), /did you mean `events`\?/],
      [() => test(readFileSync('test/support/say.o'), { sett: {} } as object), /no option `sett`\nhint: did you/],
      [() => test('say.o' as never), /ELF object's bytes, no string\nhint: test\(readFileSync/],
      [() => test(readFileSync('test/support/say.o'), { program: 'sya' }), /no program or section `sya`/],
    ];
    for (const [run, message] of failing) {
      let thrown: unknown;
      try {
        run();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(Error);
      const { name, message: said, stack = '' } = thrown as Error;
      expect(name).toMatch(/^(Input|Usage)Error$/);
      expect(said).toMatch(message);
      // Not the innermost of our own calls.
      expect(stack.split('\n    at ')[1] + stack).toContain('program-test.test.ts');
      expect(stack).not.toContain('source-node.ts');
    }
  });
});
