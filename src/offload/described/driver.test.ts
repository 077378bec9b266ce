import { describe, expect, it } from 'vitest';
import { assemble } from '../../object/index.js';
import { OffloadKernel } from '../kernel.js';
import { OffloadRefusal } from '../refusal.js';
import { deviceJson, featureJson, jitedJson, progJson } from '../show.js';
import { type CardMessageCode, cardMessages } from './messages.js';

const text = (body: string, maps = ''): string =>
  `.license "GPL"\n.section xdp\n.globl f\nf:\n${body}\n  r0 = 2\n  exit\n${maps}`;
const array = (entries: number, flags = ''): string =>
  `.map big type=array key=4 value=64 max_entries=${entries} ${flags}`;
const useBig = 'r1 = big ll';
const lookup = `  *(u32 *)(r10 - 4) = 0\n  r2 = r10\n  r2 += -4\n  r1 = big ll\n  call bpf_map_lookup_elem`;

/** A program that is refused for each reason that a program can have: on which card, and the last words. */
const refused: readonly (readonly [CardMessageCode, string, string, string])[] = [
  [
    'instruction',
    'hxdp',
    text('  call g', '.globl g\n.type g, @function\ng:\n  r0 = 1\n  exit\n'),
    '[jitnic] insn 0, (85) call pc+2: the core has no stack of calls: a function of the program is called',
  ],
  [
    'rows',
    'hxdp',
    // Each depends on the one before, so each takes a row.
    text(
      `  r2 = *(u32 *)(r1 + 16)\n${'  r2 *= 3\n  r2 ^= 5\n'.repeat(128)}  if r2 == 77 goto out\n  r0 = 1\n  exit\nout:`,
    ),
    'the instruction store has 256',
  ],
  [
    'packet-size',
    'pipeline',
    text(`  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = r2
  r4 += 2000
  if r4 > r3 goto out
  r4 = *(u8 *)(r2 + 1999)
out:`),
    'the card holds 1518',
  ],
  ['map-memory', 'hxdp', text(useBig, array(4097)), '[jitnic] map of 262208 B, 262144 B are left for maps'],
  ['map-flags', 'hxdp', text(useBig, array(4, 'flags=0x8')), '[jitnic] map flags 0x8 not supported'],
];

function loaded(card: string, object: string, kernel = new OffloadKernel()): { kernel: OffloadKernel; id: number } {
  if (kernel.model.find('device', 'nic') === undefined) kernel.addDevice({ name: 'nic', card });
  const read = assemble(object);
  const [program] = read.programs;
  if (program === undefined) throw new Error('no program');
  return { kernel, id: kernel.load({ object: read, program, dev: 'nicp0', pin: 'f', now: 0 }).prog.id };
}

describe('the driver of described cards', () => {
  it.each(refused)('refuses for %s on %s', (code, card, object, words) => {
    let error: unknown;
    try {
      loaded(card, object);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(OffloadRefusal);
    const { errno, extack, hint } = error as OffloadRefusal;
    expect(extack).toContain(words);
    expect([errno, hint]).toEqual([cardMessages[code].errno, cardMessages[code].hint]);
  });

  it('lets a pipeline take functions, since it takes traces and those have none', () => {
    const { kernel, id } = loaded('pipeline', text('  call g', '.globl g\n.type g, @function\ng:\n  r0 = 1\n  exit\n'));
    expect(progJson(kernel, kernel.prog({ id }))).toMatchObject({ jited: false });
  });

  it('compiles for a core, and shows its rows', () => {
    const { kernel, id } = loaded('hxdp', text(lookup, array(4)));
    const prog = kernel.prog({ id });
    expect(progJson(kernel, prog)).toMatchObject({ jited: true, machine: 'jitnic (hxdp)' });
    const [{ insns }] = jitedJson(prog, { opcodes: true, linum: false }) as [
      { insns: { pc: string; operation: string }[] },
    ];
    expect(insns.map(({ operation }) => operation)).toContain('call bpf_map_lookup_elem');
    expect(insns.every(({ pc }) => /^\d+\.(\d|g|-)$/.test(pc))).toBe(true);
    expect(deviceJson(kernel.model, 'nic')).toMatchObject({ memory: { bytes: 256, max_bytes: 262_144 } });
  });

  it('has other types of maps than Linux knows on cards, and says which', () => {
    const kernel = new OffloadKernel();
    kernel.addDevice({ name: 'nic', card: 'pipeline' });
    kernel.addDevice({ name: 'old', card: 'nfp4000' });
    const types = (dev: string): unknown => (featureJson(kernel.model, dev) as { map_types: unknown }).map_types;
    expect(types('nicp0')).toMatchObject({ have_lru_hash_map_type: true, have_queue_map_type: false });
    expect(types('oldp0')).toMatchObject({ have_lru_hash_map_type: false, have_hash_map_type: true });
    const lru = '.map big type=lru_hash key=4 value=8 max_entries=4';
    expect(loaded('pipeline', text(useBig, lru), kernel).id).toBe(1);
    expect(() => loaded('hxdp', text(useBig, '.map big type=queue key=0 value=8 max_entries=4'))).toThrow(
      'Invalid argument',
    );
  });

  it('holds packets of a length', () => {
    const { kernel, id } = loaded('hxdp', text('  r1 = 1'));
    kernel.setMtu('nicp0', 1505);
    expect(() => kernel.attach('nicp0', 'xdpoffload', { id })).toThrow(
      '[jitnic] MTU 1505, the card holds packets of 1518 B',
    );
    kernel.setMtu('nicp0', 1504);
    kernel.attach('nicp0', 'xdpoffload', { id });
    expect(() => kernel.setMtu('nicp0', 1600)).toThrow('[jitnic] MTU 1600');
  });

  it('is not asked for capabilities of a firmware', () => {
    expect(() => new OffloadKernel().addDevice({ name: 'nic', card: 'hxdp', off: ['random'] })).toThrow(OffloadRefusal);
  });
});
