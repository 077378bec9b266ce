import { describe, expect, it } from 'vitest';
import { exampleNames, openExample } from '../../../test/support/examples.js';
import { assemble } from '../../object/index.js';
import { generateTraffic, type Packet } from '../../packet/index.js';
import { hxdp, hxdpU50 } from '../cards/hxdp.js';
import {
  type CompiledProgram,
  compileProgram,
  type OptimizationName,
  optimizationNames,
  publishedOptimizations,
} from './compile.js';
import { formatRows } from './print.js';
import { faultsOfRows, runBeside } from './testing.js';

const packets: readonly Packet[] = [...generateTraffic({ seed: 3, packets: 100, flows: 12, malformed: 0.1 })];

/** A program whose compilation is no refusal. */
function compiled(text: string, names?: Iterable<OptimizationName>, lanes = 4): CompiledProgram {
  const { programs } = assemble(`.section xdp\n.globl f\nf:\n${text}\n`);
  const made = compileProgram(programs[0]?.insns ?? [], {
    lanes,
    ...(names === undefined ? {} : { optimizations: new Set(names) }),
  });
  if (made.kind === 'refused') throw new Error(made.what);
  return made;
}

const without = (name: OptimizationName): OptimizationName[] => optimizationNames.filter((other) => other !== name);
const text = (program: CompiledProgram): string => formatRows(program, [], String);

/** Copies the source address over the destination after a bounds check, and counts in a frame that was cleared. */
const swapper = `
  r2 = *(u32 *)(r1 + 4)
  r1 = *(u32 *)(r1 + 0)
  r3 = r1
  r3 += 34
  if r3 > r2 goto drop
  r4 = 0
  *(u64 *)(r10 - 8) = r4
  r5 = *(u32 *)(r1 + 6)
  *(u32 *)(r1 + 0) = r5
  r5 = *(u16 *)(r1 + 10)
  *(u16 *)(r1 + 4) = r5
  r6 = *(u8 *)(r1 + 23)
  r7 = r6
  r7 += 3
  *(u8 *)(r1 + 22) = r7
  r0 = 3
  exit
drop:
  r0 = 1
  exit`;

describe.each(exampleNames)('%s', (name) => {
  const { object, main, maps } = openExample(name);
  const refusals = object.programs.map(({ insns }) => compileProgram(insns, { lanes: 4 }));

  it('does on each number of lanes what the interpreter does, or is refused for its calls', () => {
    const refused = refusals.find((each) => each.kind === 'refused');
    if (refused?.kind === 'refused') {
      expect(refused.what).toContain('no stack of calls');
      return;
    }
    for (const lanes of [1, 4]) {
      const made = compileProgram(main.insns, { lanes });
      if (made.kind === 'compiled') expect(faultsOfRows(made, true)).toEqual([]);
      const { difference } = runBeside(object, main.name, packets, hxdp, { lanes }, maps?.contents);
      expect(difference).toBeUndefined();
    }
  });
});

describe('the compiler', () => {
  it('makes rows that keep the rules of the core, with every optimization alone and all but each', () => {
    const object = assemble(`.section xdp\n.globl f\nf:\n${swapper}\n`);
    // Short ones too, for the bounds check.
    const few = packets.slice(0, 6).flatMap((packet) => [packet, { ...packet, data: packet.data.subarray(0, 20) }]);
    const sets = [[], [...optimizationNames], ...optimizationNames.flatMap((name) => [[name], without(name)])];
    for (const set of sets)
      for (const lanes of [1, 4]) {
        const made = compiled(swapper, set, lanes);
        expect(faultsOfRows(made, set.includes('reads-first')), set.join()).toEqual([]);
        const { difference, verdicts } = runBeside(object, 'f', few, hxdp, { lanes, optimizations: new Set(set) });
        expect(difference, set.join()).toBeUndefined();
        expect([...verdicts].sort()).toEqual([1, 3]);
      }
  });

  it.each([
    // The store of zeros, and the zero.
    ['zeroing', 2],
    // The comparison, the pointer that it needs, and the packet's end.
    ['bounds', 4],
    // A load and a store of the two of each.
    ['six-byte', 2],
    // `r7 = r6 + 3`.
    ['three-operand', 1],
    // Two verdicts.
    ['exit', 2],
  ] as const)('takes out by %s %i instructions', (name, count) => {
    expect(compiled(swapper).removed.get(name)).toBe(count);
    expect(compiled(swapper, without(name)).removed.get(name)).toBeUndefined();
    expect(compiled(swapper, without(name)).operations).toBeGreaterThan(compiled(swapper).operations);
  });

  it('prints rows with the extensions of the core', () => {
    const rows = text(compiled(swapper));
    expect(rows).toContain('if start + 34 > end goto');
    expect(rows).toContain('*(u48 *)(r1 + 0x0) =');
    expect(rows).toMatch(/r\d = r\d \+ 0x3/);
    expect(rows).toContain('exit 3');
  });

  it('puts one call into a row, and branches that follow each other into one', () => {
    const calls = compiled('call 5\ncall 7\ncall 5\nr0 = 2\nexit');
    expect(calls.rows.length).toBe(3);
    const branches =
      'r6 = *(u32 *)(r1 + 12)\nr7 = *(u32 *)(r1 + 16)\nif r6 == 1 goto a\nif r7 == 2 goto a\nr0 = 1\nexit\na:\nr0 = 2\nexit';
    const apart = compiled(
      branches,
      without('parallel-branches').filter((name) => name !== 'speculation'),
    );
    expect(compiled(branches).rows.length).toBeLessThan(apart.rows.length);
  });

  it('lets a result go to the next row in its own lane only', () => {
    // Two results that one operation needs: it waits until all lanes see them.
    const made = compiled('r2 = *(u32 *)(r1 + 12)\nr3 = *(u32 *)(r1 + 16)\nr2 += r3\nr0 = r2\nexit');
    expect(made.rows.map(({ order }) => order.length)).toEqual([2, 0, 1, 1, 1]);
  });

  it('refuses functions of the program, callbacks and kernel functions, and says where', () => {
    const { programs } = assemble(
      '.section xdp\n.globl f\nf:\ncall g\nexit\n.text\ng:\n.type g, @function\nr0 = 1\nexit\n',
    );
    const refused = compileProgram(programs[0]?.insns ?? [], { lanes: 4 });
    expect(refused).toMatchObject({ kind: 'refused', insn: 0 });
  });

  it('keeps to what was published where it is asked to', () => {
    expect(publishedOptimizations.has('speculation')).toBe(false);
    const published = compiled(swapper, publishedOptimizations);
    expect(faultsOfRows(published, false)).toEqual([]);
    expect(published.rows.length).toBeGreaterThanOrEqual(compiled(swapper).rows.length);
  });
});

describe('cycles', () => {
  const cyclesOf = (code: string, card = hxdp): number => {
    const object = assemble(`.section xdp\n.globl f\nf:\n${code}\n`);
    return runBeside(object, 'f', packets.slice(0, 1), card).cycles;
  };

  it('are those that were published for a drop and a forward', () => {
    // 156.25 MHz / 52.2 Mpps, / 22.4 Mpps; on the U50 at least 3 and 5.
    expect(cyclesOf('r0 = 1\nexit')).toBe(3);
    expect(cyclesOf('r0 = 3\nexit')).toBe(7);
    expect(cyclesOf('r0 = 1\nexit', hxdpU50)).toBe(3);
    expect(cyclesOf('r0 = 3\nexit', hxdpU50)).toBe(5);
  });

  it('count taken branches', () => {
    const jump = (taken: number): number =>
      cyclesOf(`r2 = ${taken}\nif r2 == 1 goto a\nr0 = 3\nexit\na:\nr0 = 2\nexit`);
    expect(jump(1) - jump(0)).toBeGreaterThanOrEqual(2);
  });
});
