/**
 * Generated C: XDP programs of the kind that people write (parsers over VLANs and extension headers, tables, locks,
 * callbacks, tail calls, in functions too), with what people do not write often enough to be found by their tests:
 * effects *before* guards on state, on every path. Program n comes from seed n alone.
 *
 * Only what Linux makes a function of packet and maps is generated: no clock, no order of a hash table's buckets
 * (walks over maps add up, which commutes); one program in ten draws random numbers, and is held against the
 * interpreter. All locals are initialized, all shifts are in range, and every access is checked against `data_end`
 * right before it, so the kernel's verifier refuses few of them.
 */
import type { Prng } from '../../packet/index.js';
import { CStatements } from './statements.js';

/** How a source is compiled: rows of the campaign's matrix. */
export interface CTarget {
  /** clang's major version. */
  readonly clang: number;
  readonly level: '-O1' | '-O2' | '-O3' | '-Os';
  readonly cpu: 'v1' | 'v2' | 'v3' | 'v4';
}

/** A generated program: what clang gets, and how. */
export interface CSource {
  readonly text: string;
  /** The program that is entered; others are targets of its tail calls. */
  readonly entry: string;
  readonly target: CTarget;
  /** It draws random numbers, so what it comes to in the kernel is not what it comes to elsewhere. */
  readonly draws: boolean;
}

/** The newest instruction set that each clang knows. */
const newest: ReadonlyMap<number, number> = new Map([
  [14, 3],
  [16, 3],
  [19, 4],
]);

/** A target of clang versions `installed`, which is not empty. */
export function pickTarget(random: Prng, installed: readonly number[]): CTarget {
  const clang = random.pick(installed);
  const cpu = 1 + random.below(newest.get(clang) ?? 3);
  return { clang, level: random.pick(['-O1', '-O2', '-O2', '-O3', '-Os']), cpu: `v${cpu as 1 | 2 | 3 | 4}` };
}

/** The source of one program, for `target`. */
export function generateC(random: Prng, target: CTarget): CSource {
  // Atomics that return the old value came with -mcpu=v3; before, clang refuses to compile them.
  const fetches = target.cpu === 'v3' || target.cpu === 'v4';
  const draws = random.chance(0.1);
  const statements = new CStatements(random, { fetches, random: draws });
  const tails = random.chance(0.4) ? 1 + random.below(2) : 0;
  const subprograms = random.below(3);
  const functions: string[] = [];
  // What may be called is told only once it exists, so functions never call themselves or one another in a circle.
  for (let i = 0; i < subprograms; i++) functions.push(statements.subprogram(`sub${i}`));
  statements.subprograms = subprograms;
  const callbacks = random.below(3);
  for (let i = 0; i < callbacks; i++) functions.push(statements.callback(`cb${i}`));
  statements.callbacks = callbacks;
  statements.tails = tails;
  const hops = tails === 0 ? 0 : random.below(3);
  for (let i = 0; i < hops; i++) functions.push(statements.hop(`hop${i}`));
  statements.hops = hops;
  statements.tails = 0;
  for (let i = 0; i < tails; i++) functions.push(statements.program(`tail${i}`, random.chance(0.5)));
  statements.tails = tails;
  functions.push(statements.program('fuzz', true));
  return { text: `${prelude}${maps(tails)}\n${functions.join('\n')}`, entry: 'fuzz', target, draws };
}

/**
 * What every program begins with. Types are chosen for what compilers do with them: packed structs (bytes put together
 * one by one), bit fields that cross a word, a lock inside of a value, padding.
 */
const prelude = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
struct eth { __u8 dst[6]; __u8 src[6]; __be16 type; } __attribute__((packed));
struct vlan { __be16 tci; __be16 type; } __attribute__((packed));
struct ip4 { __u8 ihl:4, version:4; __u8 tos; __be16 len, id, frag; __u8 ttl, proto; __u16 check; __be32 src, dst; };
struct ip6 { __u32 flow; __be16 plen; __u8 next, hops; __u8 src[16], dst[16]; };
struct ext { __u8 next, len; __u8 data[6]; };
struct ports { __be16 sport, dport; };
struct bits { __u32 a:3, b:7, c:11, d:1; __s32 e:9; __u16 f; __u8 g:2, h:6; };
struct odd { __u8 a; __u32 b; __u16 c; __u64 d; } __attribute__((packed));
struct value { __u64 packets; __u32 word; __s16 half; __u8 byte; __u8 pad; struct bits bits; };
struct locked { struct bpf_spin_lock lock; __u32 count; __u64 sum; };
struct lpm_key { __u32 prefix; __u32 address; };
struct pair { __u32 a, b; };
struct wall { __u64 words[96]; };
struct loop { __u32 sum; __u32 stop; __u64 seen; };
char LICENSE[] SEC("license") = "GPL";
volatile const __u32 limit = 37;
__u32 global_count = 0;
__u64 global_sum[4] = {1, 2, 3, 4};
`;

/**
 * One map of each kind that the kernel and a machine can compare, small enough that a few dozen packets fill them:
 * then updates fail, LRU evicts and queues overflow. `tails`: programs in the jump table.
 */
function maps(tails: number): string {
  const map = (name: string, type: string, key: string, value: string, entries: number, flags = ''): string =>
    `struct { __uint(type, BPF_MAP_TYPE_${type}); __type(key, ${key}); __type(value, ${value}); ` +
    `__uint(max_entries, ${entries});${flags} } ${name} SEC(".maps");\n`;
  const bare = (name: string, type: string, entries: number, rest: string): string =>
    `struct { __uint(type, BPF_MAP_TYPE_${type}); __uint(max_entries, ${entries});${rest} } ${name} SEC(".maps");\n`;
  const programs =
    tails === 0
      ? ''
      : `${Array.from({ length: tails }, (_, i) => `int tail${i}(struct xdp_md *ctx);\n`).join('')}` +
        'struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 4); __uint(key_size, 4); ' +
        `__array(values, int (void *)); } jumps SEC(".maps") = { .values = { ${Array.from(
          { length: tails },
          (_, i) => `[${i}] = (void *)&tail${i}`,
        ).join(', ')} } };\n`;
  return [
    map('arr', 'ARRAY', '__u32', 'struct value', 8),
    map('parr', 'PERCPU_ARRAY', '__u32', 'struct value', 4),
    map('tab', 'HASH', '__u32', 'struct value', 16),
    map('ptab', 'PERCPU_HASH', '__u32', 'struct value', 8),
    map('wide', 'HASH', 'struct odd', 'struct pair', 16, ' __uint(map_flags, BPF_F_NO_PREALLOC);'),
    map('wall', 'ARRAY', '__u32', 'struct wall', 2),
    map('lru', 'LRU_HASH', '__u32', 'struct pair', 64),
    map('trie', 'LPM_TRIE', 'struct lpm_key', 'struct pair', 16, ' __uint(map_flags, BPF_F_NO_PREALLOC);'),
    map('locks', 'ARRAY', '__u32', 'struct locked', 2),
    map('devs', 'DEVMAP', '__u32', '__u32', 4),
    bare('fifo', 'QUEUE', 4, ' __uint(value_size, 4);'),
    bare('pile', 'STACK', 4, ' __uint(value_size, 8);'),
    bare('ring', 'RINGBUF', 4096, ''),
    programs,
  ].join('');
}
