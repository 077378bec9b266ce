import { describe, expect, it } from 'vitest';
import { assemble } from '../object/index.js';
import { shareMaps } from './sharing.js';

const lookup = 'r2 = r10\nr2 += -4\n*(u32 *)(r10 - 4) = 0\nr1 = m ll\ncall bpf_map_lookup_elem\nif r0 == 0 goto out';

/** A program that does `body` to the value at r0 of map `m` of that type. */
function object(type: string, body: string, call = lookup) {
  return assemble(`
.license "GPL"
.map m type=${type} key=4 value=8 max_entries=8 flags=0x0
.map other type=array key=4 value=8 max_entries=8 flags=0x0
.section xdp
.globl main
.type main, @function
main:
${call}
${body}
out:
r0 = 2
exit
`);
}

const add = 'r1 = 1\nlock *(u64 *)(r0 + 0) += r1';
const store = '*(u32 *)(r0 + 0) = 1';
const insert = 'r1 = m ll\nr2 = r10\nr2 += -4\nr3 = r0\nr4 = 0\ncall bpf_map_update_elem';
const addAndRead = `${add}\nr1 = *(u64 *)(r0 + 0)\n*(u64 *)(r10 - 16) = r1`;

describe('which protocol carries a map', () => {
  it.each([
    ['a counter', 'array', add, 'combine', 'packets only add to it, and none reads it'],
    [
      'a counter in three instructions',
      'array',
      'r1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1',
      'combine',
      'packets only add to it, and none reads it',
    ],
    [
      'a counter that packets read',
      'array',
      addAndRead,
      'migrate',
      'packets read and write it, of many flows the same element',
    ],
    ['counters of keys', 'hash', add, 'migrate', 'packets read and write it, of many flows the same element'],
    ['state', 'lru_hash', insert, 'device-home', 'packets read and write it, and put in keys of their own'],
    ['values of CPUs', 'percpu_array', store, undefined, 'each CPU has values of its own, and the card is one'],
    ['a table', 'hash', 'r1 = *(u32 *)(r0 + 0)', undefined, 'nobody writes it while packets run'],
  ])('%s', (_, type, body, protocol, reason) => {
    expect(shareMaps(object(type, body))[0]).toMatchObject({ name: 'm', protocol, reason });
  });

  it('is another one where the control plane writes', () => {
    const shared = shareMaps(object('hash', 'r1 = *(u32 *)(r0 + 0)'), { controlled: new Set(['m']) });
    expect(shared[0]).toMatchObject({ protocol: 'replicate' });
  });

  it('is the one that was chosen, if it can', () => {
    const state = object('hash', store);
    expect(shareMaps(state, { chosen: new Map([['m', 'stall']]) })[0]).toMatchObject({ protocol: 'stall' });
    expect(() => shareMaps(state, { chosen: new Map([['m', 'combine']]) })).toThrow(
      '`combine` does not carry map `m` of type hash: packets read and write it',
    );
    expect(() => shareMaps(state, { chosen: new Map([['other', 'migrate']]) })).toThrow(
      '`migrate` does not carry map `other` of type array: nobody writes it while packets run',
    );
    expect(() => shareMaps(state, { chosen: new Map([['mm', 'migrate']]) })).toThrow('there is no map `mm`');
  });

  it('is none for a queue', () => {
    const push = object(
      'array',
      '',
      'r1 = m ll\nr2 = r10\nr2 += -8\n*(u64 *)(r10 - 8) = 0\nr3 = 0\ncall bpf_map_push_elem',
    );
    const [m, other] = push.maps;
    const queue = { ...push, maps: [{ ...m, type: 'queue', keySize: 0 }, other] } as typeof push;
    expect(() => shareMaps(queue)).toThrow(
      'no protocol carries map `m` of type queue: packets write it, and not by keys',
    );
  });
});
