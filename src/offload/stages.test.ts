import { describe, expect, it } from 'vitest';
import { assemble, type ObjectSpec } from '../object/index.js';
import { Verdicts } from '../verifier/index.js';
import { cutStages, tailCalls } from './stages.js';
import { compareStages } from './stages-compare.js';
import { stageCall, stageChain, stageChainWithMetadata, stageCuts, stagePackets, stageStep } from './testing.js';

const packets = stagePackets(40).map((data) => ({ data }));

describe('a chain in two stages', () => {
  for (const object of [stageChain, stageChainWithMetadata])
    for (const card of stageCuts(object))
      it(`${object.name}: with ${[...card].join(', ')} on the card decides as the whole chain`, () => {
        const stages = cutStages(object, { entry: 'parse', card });
        for (const program of stages.object.programs)
          expect({ name: program.name, accepted: Verdicts.of(stages.object).of(program).accepted }).toEqual({
            name: program.name,
            accepted: true,
          });
        for (const engine of ['interp', 'wasm'] as const) {
          const { difference, crossed, packets: compared } = compareStages(object, stages, packets, engine);
          expect({ difference, compared }).toEqual({ difference: undefined, compared: packets.length });
          if (stages.driver.length > 0) expect(crossed).toBeGreaterThan(0);
          else expect(crossed).toBe(0);
        }
      });

  it('names the tail calls at which packets leave', () => {
    const { crossings, card, driver } = cutStages(stageChain, { entry: 'parse', card: new Set(['parse', 'route']) });
    expect(card).toEqual(['parse', 'route']);
    expect(driver).toEqual(['filter', 'route', 'last']);
    expect(crossings.map(({ program, slot }) => [program, slot])).toEqual([
      ['parse', undefined],
      ['route', 3],
    ]);
    expect(tailCalls(stageChain, stageChain.programs[2] as never).map(({ slot }) => slot)).toEqual([9, 3]);
  });
});

describe('is refused', () => {
  const refuse = (object: ObjectSpec, card: string[], entry = 'parse'): string => {
    try {
      cutStages(object, { entry, card: new Set(card) });
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };

  it('a program that is not there, and a card without the first one', () => {
    expect(refuse(stageChain, ['parse', 'nothing'])).toContain('no program `nothing`');
    expect(refuse(stageChain, ['filter'])).toContain('`parse` comes first and is not on the card');
  });

  it('a chain that comes back to a program of its', () => {
    const loop = assemble(
      [
        stageStep('parse', 0, stageCall(1)),
        stageStep('filter', 1, stageCall(0)),
        '.map seen type=array key=4 value=8 max_entries=8',
        '.map progs type=prog_array key=4 value=4 max_entries=4',
        '.slot 0, parse',
        '.slot 1, filter',
      ].join('\n'),
    );
    expect(refuse(loop, ['parse'])).toContain('`parse` -> `filter` -> `parse` comes back');
    expect(refuse(loop, ['parse', 'filter'])).toBe('');
  });

  it('a tail call in a function, which goes on in its caller', () => {
    const inFunction = assemble(
      [
        '.section xdp\n.globl parse\nparse:\n  call go\n  r0 = 1\n  exit\ngo:\n  r2 = progs ll\n  r3 = 1\n  call bpf_tail_call\n  r0 = 0\n  exit',
        stageStep('filter', 1, ''),
        '.map seen type=array key=4 value=8 max_entries=8',
        '.map progs type=prog_array key=4 value=4 max_entries=4',
        '.slot 1, filter',
      ].join('\n'),
    );
    expect(refuse(inFunction, ['parse'])).toContain('`parse` tail-calls from its function `go`');
  });
});
