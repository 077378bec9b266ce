import { describe, expect, it } from 'vitest';
import { parseFunction, worldOf } from '../ir/index.js';
import { assemble, programSpec } from '../object/index.js';
import { PointerKinds } from './pointer-kind.js';

const object = assemble(
  '.map counts type=array key=4 value=16 max_entries=4\n.section xdp\n.globl main\nmain:\nr0 = 2\nexit\n',
  { name: 'test' },
);
const world = worldOf(object);

/** What the last value of a block points to: its space and map; undefined: it is a number. */
function kindOf(...lines: readonly string[]): string | undefined {
  const text = [
    'function main',
    'block 0',
    '  v0 = context',
    '  v1 = data map0',
    ...lines,
    `  return v${lines.length + 1}`,
  ];
  const code = parseFunction(text.join('\n'), { index: 0, spec: programSpec([]) });
  const end = code.blocks[0]?.end;
  if (end?.kind !== 'return') throw new Error('no value');
  const found = new PointerKinds(code, world).of(end.value);
  return found === undefined ? undefined : found.map < 0 ? found.space : `${found.space} ${found.map}`;
}

describe('what a value points to', () => {
  it.each([
    ['data', 0],
    ['data_end', 4],
    ['data_meta', 8],
  ])('the packet, where it is the context’s %s', (_, at) => {
    expect(kindOf(`  v2 = load.4 other[v0 + ${at}]`)).toBe('packet');
  });

  it.each([
    ['the interface, which comes behind the packet’s ends', '  v2 = load.4 other[v0 + 12]'],
    ['a part of a field', '  v2 = load.2 other[v0]'],
    ['what a map’s first bytes hold', '  v2 = load.4 map0[v1]'],
  ])('nothing: %s', (_, line) => {
    expect(kindOf(line)).toBeUndefined();
  });

  it('what a sum began with, however the number came to be that is added', () => {
    expect(kindOf('  v2 = load.4 map0[v1]', '  v3 = v1 + v2')).toBe('map 0');
    expect(kindOf('  v2 = load.4 map0[v1]', '  v3 = v2 + v1')).toBe('map 0');
    expect(kindOf('  v2 = load.4 other[v0]', '  v3 = v2 - 4')).toBe('packet');
  });

  it('nothing, where it is the distance of two pointers', () => {
    expect(kindOf('  v2 = load.4 other[v0]', '  v3 = load.4 other[v0 + 4]', '  v4 = v3 - v2')).toBeUndefined();
  });
});
