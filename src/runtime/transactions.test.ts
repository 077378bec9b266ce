/**
 * A packet that leaves a trace after an effect must leave no mark: programs made of effects, of calls that have none,
 * and of guards on what maps hold, on every kind of card, in batches and one by one, against the plain interpreter.
 */
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/effort.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { type PacketBatch, Prng, packetAt } from '../packet/index.js';
import { Verdicts } from '../verifier/index.js';
import { Session, type SessionOptions } from './index.js';

const maps = `
	.license "GPL"
	.map seen type=hash key=4 value=8 max_entries=6
	.map other type=hash key=4 value=8 max_entries=4
	.map recent type=lru_hash key=4 value=8 max_entries=4
	.map each type=percpu_array key=4 value=8 max_entries=4
	.map counts type=array key=4 value=8 max_entries=4
	.map queue type=queue key=0 value=8 max_entries=5
	.map stack type=stack key=0 value=8 max_entries=5
	.map ring type=ringbuf max_entries=4096
	.map perf type=perf_event_array key=4 value=4 max_entries=4
	.map ports type=devmap key=4 value=4 max_entries=4
`;

/** r6: the packet, r7 to r9: its first three bytes, each below 4. Key at -4, value at -16, other memory at -80. */
const key = (register: string): string => `\t*(u32 *)(r10 - 4) = ${register}\n`;
const value = (register: string): string => `\t*(u64 *)(r10 - 16) = ${register}\n`;
/** The packet, and its first two bytes as they are; shorter ones go `out`. */
const firstBytes = `
	r6 = *(u32 *)(r1 + 0)
	r2 = *(u32 *)(r1 + 4)
	r3 = r6
	r3 += 20
	if r3 > r2 goto out
	r7 = *(u8 *)(r6 + 0)
	r8 = *(u8 *)(r6 + 1)
`;
const into = (map: string): string => `\tr1 = ${map} ll\n\tr2 = r10\n\tr2 += -4\n`;
const updating = (map: string, flags: number): string =>
  `${into(map)}\tr3 = r10\n\tr3 += -16\n\tr4 = ${flags}\n\tcall bpf_map_update_elem\n`;
const pushing = (map: string): string =>
  `\tr1 = ${map} ll\n\tr2 = r10\n\tr2 += -16\n\tr3 = 2\n\tcall bpf_map_push_elem\n`;

/** Steps that change something. \`a\` and \`b\` are registers with a small number; \`label\` is this step's own. */
const effects: readonly ((a: string, b: string, label: string) => string)[] = [
  (a, b) => key(a) + value(b) + updating('seen', 0),
  (a, b) => key(a) + value(b) + updating('other', 1),
  (a, b) => key(a) + value(b) + updating('recent', 0),
  (a) => `${key(a)}${into('seen')}\tcall bpf_map_delete_elem\n`,
  (a) => `${key(a)}${into('recent')}\tcall bpf_map_delete_elem\n`,
  (a) => value(a) + pushing('queue'),
  (a) => value(a) + pushing('stack'),
  () => '\tr1 = queue ll\n\tr2 = r10\n\tr2 += -16\n\tcall bpf_map_pop_elem\n',
  () => '\tr1 = stack ll\n\tr2 = r10\n\tr2 += -16\n\tcall bpf_map_pop_elem\n',
  (a) => `${value(a)}\tr1 = ring ll\n\tr2 = r10\n\tr2 += -16\n\tr3 = 8\n\tr4 = 0\n\tcall bpf_ringbuf_output\n`,
  (a) =>
    `${value(a)}\tr1 = *(u64 *)(r10 - 24)\n\tr2 = perf ll\n\tr3 = 0\n\tr4 = r10\n\tr4 += -16\n\tr5 = 8\n\tcall bpf_perf_event_output\n`,
  (a) => `\tr1 = ${a}\n\tr2 = 0\n\tcall bpf_redirect\n`,
  (a) => `\tr1 = ports ll\n\tr2 = ${a}\n\tr3 = 2\n\tcall bpf_redirect_map\n`,
  () => '\tcall bpf_get_prandom_u32\n\tr0 &= 3\n\t*(u8 *)(r6 + 7) = r0\n',
  (a) => `\tr1 = ${a}\n\t*(u8 *)(r6 + 5) = r1\n`,
  (a, b, label) =>
    `${key(a)}${into('counts')}\tcall bpf_map_lookup_elem\n\tif r0 == 0 goto ${label}\n\tr1 = ${b}\n\tlock *(u64 *)(r0 + 0) += r1\n${label}:\n`,
  (a, _b, label) =>
    `${key(a)}${into('each')}\tcall bpf_map_lookup_elem\n\tif r0 == 0 goto ${label}\n\tr1 = *(u64 *)(r0 + 0)\n\tr1 += 1\n\t*(u64 *)(r0 + 0) = r1\n${label}:\n`,
  (a, b) =>
    value(a) +
    `\tr1 = *(u64 *)(r10 - 24)\n\tr2 = ${b}\n\tr2 += 8\n\tr3 = r10\n\tr3 += -16\n\tr4 = 2\n\tcall bpf_xdp_store_bytes\n`,
];

/** Calls that leave nothing behind. */
const idle: readonly ((a: string, b: string, label: string) => string)[] = [
  (a) => `${key(a)}${into('each')}\tr3 = 0\n\tcall bpf_map_lookup_percpu_elem\n`,
  () => '\tcall bpf_jiffies64\n',
  () => '\tcall bpf_get_smp_processor_id\n',
  (a) => `${value(a)}\tr1 = 0\n\tr2 = 0\n\tr3 = r10\n\tr3 += -16\n\tr4 = 8\n\tr5 = 0\n\tcall bpf_csum_diff\n`,
  () => '\tr1 = ring ll\n\tr2 = 0\n\tcall bpf_ringbuf_query\n',
  () => '\tr1 = queue ll\n\tr2 = r10\n\tr2 += -80\n\tcall bpf_map_peek_elem\n',
  () => '\tr1 = *(u64 *)(r10 - 24)\n\tr2 = 4\n\tr3 = r10\n\tr3 += -80\n\tr4 = 4\n\tcall bpf_xdp_load_bytes\n',
];

/** Guards over state: they leave for \`far\`, a later place of the program. */
const guards: readonly ((a: string, label: string, far: string) => string)[] = [
  (a, label, far) =>
    `${key(a)}${into('each')}\tr3 = 0\n\tcall bpf_map_lookup_percpu_elem\n\tif r0 == 0 goto ${label}\n\tr1 = *(u64 *)(r0 + 0)\n\tr2 = r1\n\tr2 += 1\n\t*(u64 *)(r0 + 0) = r2\n\tr1 &= 1\n\tif r1 == 0 goto ${far}\n${label}:\n`,
  (a, label, far) =>
    `${key(a)}${into('counts')}\tcall bpf_map_lookup_elem\n\tif r0 == 0 goto ${label}\n\tr1 = *(u64 *)(r0 + 0)\n\tr1 &= 2\n\tif r1 == 0 goto ${far}\n${label}:\n`,
  (a, label, far) => `${key(a)}${into('seen')}\tcall bpf_map_lookup_elem\n\tif r0 == 0 goto ${far}\n${label}:\n`,
  (a, label, far) => `${key(a)}${into('recent')}\tcall bpf_map_lookup_elem\n\tif r0 == 0 goto ${far}\n${label}:\n`,
  (_a, label, far) =>
    `\tr1 = stack ll\n\tr2 = r10\n\tr2 += -80\n\tcall bpf_map_peek_elem\n\tif r0 != 0 goto ${far}\n${label}:\n`,
  (_a, label, far) => `\tcall bpf_get_prandom_u32\n\tr0 &= 1\n\tif r0 == 0 goto ${far}\n${label}:\n`,
  (a, label, far) => `\tif ${a} == 1 goto ${far}\n${label}:\n`,
];

function program(seed: number): ObjectSpec {
  const random = new Prng(seed);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;
  const register = (): string => pick(['r7', 'r8', 'r9']);
  const steps = 5 + random.below(5);
  let text = `${maps}
	.section xdp
	.globl main
main:
	*(u64 *)(r10 - 24) = r1
	r0 = 0
	*(u64 *)(r10 - 80) = r0
	*(u64 *)(r10 - 16) = r0
	r6 = *(u32 *)(r1 + 0)
	r2 = *(u32 *)(r1 + 4)
	r3 = r6
	r3 += 32
	if r3 > r2 goto out
	r7 = *(u8 *)(r6 + 0)
	r7 &= 3
	r8 = *(u8 *)(r6 + 1)
	r8 &= 3
	r9 = *(u8 *)(r6 + 2)
	r9 &= 3
`;
  for (let i = 0; i < steps; i++) {
    text += `step${i}:\n`;
    const kind = random.below(10);
    const far = `step${Math.min(steps, i + 1 + random.below(3))}`;
    if (kind < 4) text += pick(effects)(register(), register(), `own${i}`);
    else if (kind < 6) text += pick(idle)(register(), register(), `own${i}`);
    else text += pick(guards)(register(), `own${i}`, far);
    // Helpers may have moved nothing, but the assembler's programs forget the packet after some of them.
    if (/store_bytes/.test(text.slice(text.lastIndexOf(`step${i}:`))))
      text += `\tr1 = *(u64 *)(r10 - 24)\n\tr6 = *(u32 *)(r1 + 0)\n\tr2 = *(u32 *)(r1 + 4)\n\tr3 = r6\n\tr3 += 32\n\tif r3 > r2 goto out\n`;
  }
  return assemble(`${text}step${steps}:\n\tr0 = r7\n\tr0 += 1\n\texit\nout:\n\tr0 = 0\n\texit\n`);
}

function packets(seed: number, count: number): PacketBatch {
  const random = new Prng(seed);
  const size = 40;
  const bytes = Uint8Array.from({ length: count * size }, () => random.below(4));
  const lengths = Uint32Array.from({ length: count }, () => (random.chance(0.05) ? 20 : size));
  return {
    count,
    bytes,
    offset: Uint32Array.from({ length: count }, (_, i) => i * size),
    length: lengths,
    origLength: lengths,
    time: new BigUint64Array(count),
    interfaceId: new Uint32Array(count),
    comments: undefined,
  };
}

const cards = [
  { cacheSize: 2, compiled: false },
  { cacheSize: 64, compiled: false },
  { cacheSize: 2, patience: 1 },
  { cacheSize: 64, patience: 1 },
] as const;

interface Tried {
  readonly hits: number;
  readonly difference: string | undefined;
}

/** Runs the packets with the plain interpreter beside. */
function tryOn(object: ObjectSpec, options: SessionOptions, batch: PacketBatch, how: 'batches' | 'one by one'): Tried {
  const [spec] = object.programs;
  if (spec === undefined) throw new Error('no program');
  const session = new Session(object, spec, { check: true, ...options });
  for (let at = 0; at < batch.count && session.difference === undefined; ) {
    if (how === 'batches') at += session.runBatch(batch, at, 50);
    else {
      session.run(packetAt(batch, at));
      at++;
    }
  }
  const difference = session.difference ?? session.finish();
  const { hits } = session.runtime;
  if (difference === undefined) return { hits, difference };
  const { packet, what, card, interpreter } = difference;
  return { hits, difference: `packet ${packet}: ${what} ${card}, interpreter ${interpreter}` };
}

describe('packets that leave a trace after an effect leave no mark', () => {
  for (let seed = 1; seed <= rounds(5); seed++) {
    it(`program ${seed}`, () => {
      const object = program(seed);
      const batch = packets(seed, 200);
      const own = Verdicts.of(object);
      const accepted = own.accepts(...object.programs);
      for (const card of cards) {
        for (const how of ['batches', 'one by one'] as const) {
          // Each way of running with one of both: the other is the next program's.
          const verified = accepted && (how === 'batches') === (seed % 2 === 0);
          const options = {
            ...card,
            verdicts: verified ? own : Verdicts.none(),
            host: how === 'batches' ? 'wasm' : 'interp',
          } as const;
          const { difference } = tryOn(object, options, batch, how);
          expect(difference, `${JSON.stringify(card)} ${verified ? 'verified' : 'unverified'} ${how}`).toBeUndefined();
        }
      }
    });
  }
});

describe('a look-up marks an element only where the program looks it up', () => {
  // Every other packet leaves before the look-up, which an LRU map would remember.
  const object = assemble(`
	.license "GPL"
	.map each type=percpu_array key=4 value=8 max_entries=1
	.map recent type=lru_hash key=4 value=8 max_entries=4
	.section xdp
	.globl main
main:
${firstBytes}	r8 += 4
	r9 = 0
${key('r9')}${into('each')}	r3 = 0
	call bpf_map_lookup_percpu_elem
	if r0 == 0 goto out
	r1 = *(u64 *)(r0 + 0)
	r2 = r1
	r2 += 1
	*(u64 *)(r0 + 0) = r2
	r1 &= 1
	if r1 == 0 goto add
${key('r7')}${into('recent')}	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r0 = 2
	exit
add:
${key('r8')}${value('r9')}${updating('recent', 0)}${key('r7')}${value('r9')}${updating('recent', 0)}	r0 = 3
	exit
out:
	r0 = 1
	exit
`);
  for (const card of cards)
    it(JSON.stringify(card), () => {
      const batch = packets(9, 400);
      for (const how of ['batches', 'one by one'] as const) {
        const options = { ...card, host: how === 'batches' ? 'wasm' : 'interp' } as const;
        const { hits, difference } = tryOn(object, options, batch, how);
        expect(difference, how).toBeUndefined();
        expect(hits).toBeGreaterThan(50);
      }
    });
});

describe('an end that moves by a variable amount', () => {
  // Longer or shorter by what the packet says, then a test of a counter that the effects before it have changed.
  const object = assemble(`
	.license "GPL"
	.map count type=array key=4 value=8 max_entries=1
	.map seen type=hash key=4 value=8 max_entries=64
	.section xdp
	.globl main
main:
	r9 = r1
${firstBytes}	r1 = 0
${key('r1')}${into('count')}	call bpf_map_lookup_elem
	if r0 == 0 goto out
	r1 = *(u64 *)(r0 + 0)
	r1 += 1
	*(u64 *)(r0 + 0) = r1
	*(u64 *)(r10 - 24) = r0
${key('r7')}${value('r8')}${updating('seen', 0)}	r2 = r7
	r2 -= r8
	r2 *= 4
	r1 = r9
	call bpf_xdp_adjust_tail
	if r0 != 0 goto out
	r1 = *(u64 *)(r10 - 24)
	r2 = *(u64 *)(r1 + 0)
	r2 += 1
	*(u64 *)(r1 + 0) = r2
	r2 &= 2
	if r2 == 0 goto even
	r0 = 2
	exit
even:
	r0 = 3
	exit
out:
	r0 = 1
	exit
`);
  for (const card of cards)
    it(JSON.stringify(card), () => {
      const batch = packets(11, 400);
      const own = Verdicts.of(object);
      expect(own.accepts(...object.programs)).toBe(true);
      for (const verdicts of [own, Verdicts.none()])
        for (const how of ['batches', 'one by one'] as const) {
          const options = { ...card, verdicts, host: how === 'batches' ? 'wasm' : 'interp' } as const;
          const { hits, difference } = tryOn(object, options, batch, how);
          expect(difference, how).toBeUndefined();
          expect(hits).toBeGreaterThan(100);
        }
    });
});
