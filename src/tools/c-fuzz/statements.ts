/**
 * Statements of generated programs. Besides its locals (expressions.ts) a function has the offset `off` of the
 * innermost header that was parsed, and, in a program, `data` and `data_end`. After a helper that may move the packet
 * both are read again.
 */
import type { Prng } from '../../packet/index.js';
import { CExpressions, locals64 } from './expressions.js';
import { packetParser } from './packet-parser.js';

/** What the target's instruction set can express, and what the program is to have. */
export interface CFeatures {
  /** Atomic operations that give back the old value: from -mcpu=v3 on. */
  readonly fetches: boolean;
  /** Draw random numbers. The kernel draws others, so the interpreter is what such a program is held against. */
  readonly random: boolean;
}

/** What a statement may use where it stands. */
interface Place {
  /** A packet is there: `ctx`, `data`, `data_end`. */
  readonly packet: boolean;
  /** How deep statements are nested. */
  readonly depth: number;
  /** In a loop or callback: nothing that returns, calls or moves the packet. */
  readonly loop: boolean;
}

/** One kind of statement: how often, and where it can stand. */
interface Kind {
  readonly weight: number;
  readonly packet?: boolean;
  readonly noLoop?: boolean;
  readonly make: (place: Place) => string;
}

/**
 * Writes functions of one program. Everything is drawn from one generator of random numbers in the order in which the
 * text comes to be, so the same seed gives the same program.
 */
export class CStatements extends CExpressions {
  /** How many `sub0`, ... `cb0`, ... and `tail0`, ... have been defined and may be called. */
  subprograms = 0;
  callbacks = 0;
  tails = 0;
  /** `hop0`, ...: functions that tail-call. */
  hops = 0;
  private readonly features: CFeatures;
  private readonly kinds: readonly Kind[];

  constructor(random: Prng, features: CFeatures) {
    super(random);
    this.features = features;
    this.kinds = this.table();
  }

  /** An XDP program; `parses`: it begins as a parser does. */
  program(name: string, parses: boolean): string {
    const body = this.block({ packet: true, depth: 0, loop: false }, 3 + this.random.below(6));
    return [
      'SEC("xdp")',
      `int ${name}(struct xdp_md *ctx) {`,
      '  void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;',
      this.declarations(),
      parses ? packetParser(this.random) : '  off = 14;',
      body,
      this.verdict(),
      '}',
      '',
    ].join('\n');
  }

  /** A function that is called, not inlined, with two numbers. */
  subprogram(name: string): string {
    const body = this.block({ packet: false, depth: 1, loop: false }, 1 + this.random.below(3));
    return [
      `static __attribute__((noinline)) __u32 ${name}(__u32 p, __u64 q) {`,
      this.declarations(),
      '  a = p; x = q; b = (__u32)(q >> 7);',
      body,
      `  return ${this.expression32(2)};`,
      '}',
      '',
    ].join('\n');
  }

  /** A function that may tail-call: then its caller goes on with what the other program returns. */
  hop(name: string): string {
    const { random } = this;
    return [
      `static __attribute__((noinline)) int ${name}(struct xdp_md *ctx, __u32 *p) {`,
      this.declarations(),
      '  a = *p; *p += 7;',
      this.block({ packet: false, depth: 1, loop: false }, 1 + random.below(2)),
      `  ${this.tailCall()}`,
      `  return (int)(${this.expression32(1)} + *p);`,
      '}',
      '',
    ].join('\n');
  }

  /** A callback of bpf_loop. */
  callback(name: string): string {
    const body = this.block({ packet: false, depth: 1, loop: true }, 1 + this.random.below(2));
    return [
      `static long ${name}(__u32 i, struct loop *l) {`,
      this.declarations(),
      '  a = i; b = l->sum; x = l->seen;',
      body,
      `  l->sum += ${this.expression32(1)}; l->seen ^= x + i;`,
      '  return l->sum % 16 == l->stop;',
      '}',
      '',
    ].join('\n');
  }

  /**
   * All locals of a function, set to something: reading what was never written would be refused, or undefined in C.
   */
  private declarations(): string {
    const { random } = this;
    return `  __u32 a = ${random.below(100)}, b = 0, c = ${random.u32()}u, d = 1, off = 0; __u64 x = ${random.below(9)}, y = 0x${random.u32().toString(16)}00000001ull; int rc = 0; (void)off; (void)rc; (void)y;`;
  }

  /** `count` statements on lines of their own: shrinking leaves out lines. */
  private block(place: Place, count: number): string {
    const indent = '  '.repeat(place.depth + 1);
    return Array.from({ length: count }, () => `${indent}${this.statement(place)}`).join('\n');
  }

  private nested(place: Place): string {
    const inner = { ...place, depth: place.depth + 1 };
    return `{\n${this.block(inner, 1 + this.random.below(2))}\n${'  '.repeat(place.depth + 1)}}`;
  }

  /** A statement that may stand here, kinds drawn by their weights. */
  private statement(place: Place): string {
    const possible = this.kinds.filter(
      ({ packet, noLoop }) => (packet !== true || place.packet) && (noLoop !== true || !place.loop),
    );
    let at = this.random.below(possible.reduce((sum, { weight }) => sum + weight, 0));
    for (const kind of possible) {
      at -= kind.weight;
      if (at < 0) return kind.make(place);
    }
    return ';';
  }

  /**
   * The kinds of statements with their weights. What makes traces hard (elements that are looked up, changed and read
   * again) comes most often. `noLoop`: a callback has neither packet nor verdict; locks and calls are kept out, too.
   */
  private table(): readonly Kind[] {
    const { random: r } = this;
    return [
      { weight: 6, make: () => this.assignment() },
      { weight: 6, make: (place) => this.condition(place) },
      { weight: 3, make: (place) => this.switch(place) },
      { weight: 6, packet: true, make: () => this.packetRead() },
      { weight: 4, packet: true, make: () => this.packetWrite() },
      { weight: 9, make: (place) => this.lookup(place) },
      { weight: 5, make: () => this.update() },
      { weight: 3, make: () => this.remove() },
      { weight: 3, make: () => this.wideKey() },
      { weight: 2, make: () => this.trie() },
      { weight: 2, noLoop: true, make: () => this.spinLock() },
      { weight: 3, make: () => this.queue() },
      { weight: 2, make: () => this.ring() },
      { weight: 3, make: () => this.atomic() },
      { weight: 3, make: () => this.global() },
      { weight: 2, make: () => this.bitField() },
      { weight: 2, make: () => this.byteLoop() },
      { weight: 2, noLoop: true, make: () => this.call() },
      { weight: 2, noLoop: true, make: () => this.loop() },
      { weight: 3, packet: true, noLoop: true, make: () => this.resize() },
      { weight: 2, packet: true, noLoop: true, make: () => this.packetHelper() },
      { weight: 1, make: () => this.printed() },
      { weight: 4, noLoop: true, make: () => this.burst() },
      { weight: 8, noLoop: true, make: (place) => this.lateTest(place) },
      { weight: 1, packet: true, noLoop: true, make: () => this.redirectNote() },
      ...(this.features.random ? [{ weight: 4, make: () => this.drawn() }] : []),
      { weight: 2, packet: true, noLoop: true, make: () => this.tailCall() },
      { weight: 3, packet: true, noLoop: true, make: () => this.callHop() },
      {
        weight: 2,
        packet: true,
        noLoop: true,
        make: () =>
          `if (${this.test()}) ${r.chance(0.3) ? `return bpf_redirect(${1 + r.below(3)}, 0);` : `return ${this.returned()};`}`,
      },
    ];
  }

  private assignment(): string {
    const { random: r } = this;
    if (r.chance(0.7)) return `${this.var32()} ${r.pick(['=', '+=', '^='])} ${this.expression32(2)};`;
    const [left, right] = r.chance(0.5) ? ['x', 'y'] : ['y', 'x'];
    return r.pick([
      `${left} += ${right} * ${this.var32()};`,
      `${left} = (${right} << ${r.below(64)}) ^ ${this.var32()};`,
      `${left} ^= ${right} >> ${r.below(64)};`,
      `${left} = ${right} % ${3 + r.below(100)} + ${left};`,
      `${left} -= (__s64)(__s32)${this.var32()};`,
    ]);
  }

  /** An `if`, with a nesting that ends: deeper than three it becomes an assignment. */
  private condition(place: Place): string {
    if (place.depth > 3) return this.assignment();
    const otherwise = this.random.chance(0.5) ? ` else ${this.nested(place)}` : '';
    return `if (${this.test()}) ${this.nested(place)}${otherwise}`;
  }

  /**
   * A `switch` over few values, which clang compiles to a jump table or to a tree of comparisons. One case in five
   * falls through.
   */
  private switch(place: Place): string {
    if (place.depth > 2) return this.assignment();
    const { random: r } = this;
    const cases = Array.from(
      { length: 2 + r.below(5) },
      (_, i) =>
        `case ${i * (1 + r.below(1))}: ${this.nested(place)}${r.chance(0.2) ? ' /* falls through */' : ' break;'}`,
    );
    return `switch (${this.var32()} & 7) { ${cases.join(' ')} default: ${this.assignment()} }`;
  }

  /**
   * A checked read at a constant or a variable offset. The mask gives the verifier a bound; without one it would not
   * know that `data + off` stays within 64 KiB.
   */
  private packetRead(): string {
    const { random: r } = this;
    const p = this.name('p');
    const type = r.pick(['__u8', '__be16', '__u32', '__u64']);
    const at = r.chance(0.6) ? String(r.below(60)) : `(off & 0x${r.pick(['3f', '7f', 'ff'])})`;
    const into = type === '__u64' ? r.pick(locals64) : this.var32();
    return `{ ${type} *${p} = data + ${at}; if ((void *)(${p} + 1) <= data_end) ${into} ${r.pick(['=', '+=', '^='])} *${p}; }`;
  }

  /**
   * A checked write: a byte, a word that need not be aligned, or the addresses swapped as a program does that sends
   * back.
   */
  private packetWrite(): string {
    const { random: r } = this;
    const p = this.name('p');
    const at = r.chance(0.6) ? String(r.below(60)) : `(${this.var32()} & 0x${r.pick(['1f', '3f'])})`;
    return r.pick([
      `{ __u8 *${p} = data + ${at}; if ((void *)(${p} + 1) <= data_end) *${p} ${r.pick(['=', '+=', '^='])} ${this.var32()}; }`,
      `{ __u32 *${p} = data + ${at}; if ((void *)(${p} + 1) <= data_end) *${p} = ${this.expression32(1)}; }`,
      `{ struct eth *${p} = data; if ((void *)(${p} + 1) <= data_end) { __u8 t[6]; __builtin_memcpy(t, ${p}->dst, 6); __builtin_memcpy(${p}->dst, ${p}->src, 6); __builtin_memcpy(${p}->src, t, 6); } }`,
    ]);
  }

  /** A key that hits now and then. */
  private key(): string {
    return `(${this.var32()} & ${this.random.pick([1, 3, 3, 7, 15])})`;
  }

  /**
   * Changes an element and reads it, in either order: where what was written decides, traces guard on their own
   * effects.
   */
  private lookup(place: Place): string {
    const { random: r } = this;
    const [k, v] = [this.name('k'), this.name('v')];
    const map = r.pick(['arr', 'arr', 'parr', 'tab', 'tab', 'ptab', 'lru']);
    const change = map === 'lru' ? this.pairChange(v) : this.valueChange(v);
    const then = place.depth < 3 && r.chance(0.5) ? ` ${this.statement({ ...place, depth: place.depth + 2 })}` : '';
    const otherwise = r.chance(0.3) ? ` else { ${this.assignment()} }` : '';
    const type = map === 'lru' ? 'struct pair' : 'struct value';
    return `{ __u32 ${k} = ${this.key()}; ${type} *${v} = bpf_map_lookup_elem(&${map}, &${k}); if (${v}) { ${change}${then} }${otherwise} }`;
  }

  /**
   * One to three changes or reads of an element. Those behind a test of the element itself make traces whose guards
   * read what the trace wrote before.
   */
  private valueChange(v: string): string {
    const { random: r } = this;
    const one = (): string =>
      r.pick([
        `${v}->packets++;`,
        `${v}->word += ${this.var32()};`,
        `${v}->half -= ${this.var32()};`,
        `${v}->byte ^= ${this.var32()};`,
        `${v}->bits.b += ${this.var32()};`,
        `${v}->bits.e--;`,
        `${this.var32()} += ${v}->word;`,
        `${this.var32()} ^= ${v}->bits.c + (__u32)${v}->bits.e;`,
        `x += ${v}->packets;`,
        `if (${v}->packets % ${2 + r.below(3)} == 0) { ${v}->word = ${this.expression32(1)}; d++; }`,
        `if (${v}->byte > ${r.below(100)}) ${v}->byte = 0; else ${v}->byte += ${1 + r.below(20)};`,
        `__sync_fetch_and_add(&${v}->packets, ${1 + r.below(5)});`,
      ]);
    return Array.from({ length: 1 + r.below(3) }, one).join(' ');
  }

  /** The same for the maps whose values are a pair of words. */
  private pairChange(v: string): string {
    return this.random.pick([
      `${v}->a++; b += ${v}->b;`,
      `${v}->b = ${this.expression32(1)}; a ^= ${v}->a;`,
      `if (${v}->a > ${this.random.below(4)}) { ${v}->a = 0; c++; } else ${v}->a++;`,
    ]);
  }

  /** Puts an element; the flags make it fail now and then (`rc`), with -EEXIST or -ENOENT. */
  private update(): string {
    const { random: r } = this;
    const [k, v] = [this.name('k'), this.name('v')];
    const flag = r.pick(['BPF_ANY', 'BPF_ANY', 'BPF_NOEXIST', 'BPF_EXIST']);
    if (r.chance(0.3)) {
      return `{ __u32 ${k} = ${this.var32()} & 63; struct pair ${v} = { ${this.var32()}, ${this.var32()} }; rc = bpf_map_update_elem(&lru, &${k}, &${v}, ${flag}); }`;
    }
    const map = r.pick(['arr', 'tab', 'tab', 'ptab']);
    return `{ __u32 ${k} = ${this.key()}; struct value ${v}; __builtin_memset(&${v}, 0, sizeof(${v})); ${v}.packets = x; ${v}.word = ${this.var32()}; rc = bpf_map_update_elem(&${map}, &${k}, &${v}, ${flag}); }`;
  }

  /** Removes an element that may not be there. Arrays are left out: deleting from one is always -EINVAL. */
  private remove(): string {
    const k = this.name('k');
    const map = this.random.pick(['tab', 'tab', 'ptab', 'lru']);
    return `{ __u32 ${k} = ${this.key()}; rc = bpf_map_delete_elem(&${map}, &${k}); ${this.random.chance(0.5) ? 'if (rc) d += 2;' : ''} }`;
  }

  /**
   * A look-up with a packed key of 15 bytes that is put together on the stack. All of it is written: bytes that the
   * program never set would differ between engines.
   */
  private wideKey(): string {
    const { random: r } = this;
    const [k, v] = [this.name('k'), this.name('v')];
    const key = `struct odd ${k}; __builtin_memset(&${k}, 0, sizeof(${k})); ${k}.a = ${this.var32()} & 3; ${k}.b = ${this.var32()} & 1; ${k}.d = ${r.below(2)};`;
    return r.chance(0.5)
      ? `{ ${key} struct pair *${v} = bpf_map_lookup_elem(&wide, &${k}); if (${v}) { ${this.pairChange(v)} } }`
      : `{ ${key} struct pair ${v} = { ${this.var32()}, 1 }; rc = bpf_map_update_elem(&wide, &${k}, &${v}, BPF_ANY); }`;
  }

  /** A look-up in the prefix tree, or a new prefix of any length; host bits behind the prefix are left as they are. */
  private trie(): string {
    const { random: r } = this;
    const [k, v] = [this.name('k'), this.name('v')];
    const address = `bpf_htonl(${this.var32()} & 0x${r.pick(['f0000000', '0f00000f', '3'])})`;
    return r.chance(0.6)
      ? `{ struct lpm_key ${k} = { 32, ${address} }; struct pair *${v} = bpf_map_lookup_elem(&trie, &${k}); if (${v}) { ${this.pairChange(v)} } }`
      : `{ struct lpm_key ${k} = { ${r.below(33)}, ${address} }; struct pair ${v} = { 1, ${this.var32()} }; rc = bpf_map_update_elem(&trie, &${k}, &${v}, BPF_ANY); }`;
  }

  /** An element changed under its lock; what it holds is read afterwards, without the lock. */
  private spinLock(): string {
    const [k, v] = [this.name('k'), this.name('v')];
    return `{ __u32 ${k} = ${this.var32()} & 1; struct locked *${v} = bpf_map_lookup_elem(&locks, &${k}); if (${v}) { bpf_spin_lock(&${v}->lock); ${v}->count++; ${v}->sum += ${this.var32()}; if (${v}->count > ${this.random.below(5)}) ${v}->count = 0; bpf_spin_unlock(&${v}->lock); a += ${v}->count; } }`;
  }

  /** Push, pop or peek of a queue or a stack that is soon full. With BPF_EXIST a full queue drops its oldest. */
  private queue(): string {
    const { random: r } = this;
    const v = this.name('v');
    if (r.chance(0.5)) {
      const call = r.pick([
        'bpf_map_push_elem(&fifo, &V, BPF_ANY)',
        'bpf_map_push_elem(&fifo, &V, BPF_EXIST)',
        'bpf_map_pop_elem(&fifo, &V)',
        'bpf_map_peek_elem(&fifo, &V)',
      ]);
      return `{ __u32 ${v} = ${this.var32()}; rc = ${call.replace('V', v)}; if (rc == 0) b += ${v}; }`;
    }
    const call = r.pick([
      'bpf_map_push_elem(&pile, &V, BPF_ANY)',
      'bpf_map_pop_elem(&pile, &V)',
      'bpf_map_peek_elem(&pile, &V)',
    ]);
    return `{ __u64 ${v} = x; rc = ${call.replace('V', v)}; if (rc == 0) y ^= ${v}; }`;
  }

  /** A record put out at once, or reserved, written, and then given away or taken back. */
  private ring(): string {
    const v = this.name('v');
    return this.random.chance(0.5)
      ? `{ struct pair ${v} = { ${this.var32()}, ${this.var32()} }; rc = bpf_ringbuf_output(&ring, &${v}, sizeof(${v}), 0); }`
      : `{ struct pair *${v} = bpf_ringbuf_reserve(&ring, sizeof(*${v}), 0); if (${v}) { ${v}->a = ${this.var32()}; ${v}->b = ${this.var32()}; if (${this.test()}) bpf_ringbuf_discard(${v}, 0); else bpf_ringbuf_submit(${v}, 0); } }`;
  }

  /**
   * An atomic operation on global data; those that fetch use the old value, else clang compiles them to plain ones.
   */
  private atomic(): string {
    const { random: r, features } = this;
    const target = r.pick(['global_sum[1]', 'global_sum[2]', `global_sum[${this.var32()} & 3]`]);
    if (!features.fetches || r.chance(0.3)) return `__sync_fetch_and_add(&${target}, ${this.var32()});`;
    return r.pick([
      `x ^= __sync_fetch_and_add(&${target}, ${this.var32()});`,
      `y += __sync_fetch_and_or(&${target}, x);`,
      `x = __sync_fetch_and_xor(&${target}, y);`,
      `x += __sync_fetch_and_and(&${target}, x | 0xff);`,
      `y = __sync_lock_test_and_set(&${target}, x);`,
      `x = __sync_val_compare_and_swap(&${target}, ${r.below(4)}, y);`,
    ]);
  }

  /** Changes of global variables, which live in array maps of one element (`.bss`, `.data`). */
  private global(): string {
    return this.random.pick([
      'global_count++;',
      'global_count += a; b ^= global_count;',
      `if (global_count % ${2 + this.random.below(4)} == 0) { global_sum[0] += x; d++; }`,
      `global_sum[${this.var32()} & 3] ^= y; x += global_sum[3];`,
    ]);
  }

  /** Bit fields on the stack: shifts and masks, and sign extension for the signed one. */
  private bitField(): string {
    const v = this.name('v');
    return `{ struct bits ${v}; __builtin_memset(&${v}, 0, sizeof(${v})); ${v}.a = ${this.var32()}; ${v}.c = ${this.var32()}; ${v}.e = ${this.var32()}; ${v}.h = ${this.var32()}; ${this.var32()} += ${v}.a * ${v}.c + (__u32)${v}.e + ${v}.h; }`;
  }

  /** A hash over the bytes of a number: a loop with a known end, unrolled or not. */
  private byteLoop(): string {
    const { random: r } = this;
    const v = this.name('v');
    const unroll = r.chance(0.5) ? '_Pragma("unroll") ' : '';
    return `{ __u8 ${v}[8]; __builtin_memcpy(${v}, &${r.pick(locals64)}, 8); ${unroll}for (int i = 0; i < 8; i++) { ${this.var32()} = ${this.var32()} * 31 + ${v}[i]; } }`;
  }

  /** Calls a subprogram, if there is one; else an assignment, so that the weights need not know. */
  private call(): string {
    if (this.subprograms === 0) return this.assignment();
    return `${this.var32()} += sub${this.random.below(this.subprograms)}(${this.var32()}, ${this.random.pick(locals64)});`;
  }

  /** bpf_loop over a callback, with a count that is known or not, and a context on the stack that both sides see. */
  private loop(): string {
    if (this.callbacks === 0) return this.assignment();
    const l = this.name('l');
    return `{ struct loop ${l} = { ${this.var32()}, ${this.random.below(18)}, x }; rc = bpf_loop(${this.random.pick(['3', '7', `(${this.var32()} & 7)`])}, cb${this.random.below(this.callbacks)}, &${l}, 0); c ^= ${l}.sum; x += ${l}.seen + rc; }`;
  }

  /**
   * Moves an end of the packet or its metadata. Afterwards no pointer into it holds, so both are read again, as the
   * verifier demands.
   */
  private resize(): string {
    const { random: r } = this;
    const call = r.pick([
      `bpf_xdp_adjust_head(ctx, ${r.pick([4, 8, 14, -4, -14, -20, -300])})`,
      `bpf_xdp_adjust_tail(ctx, ${r.pick([-4, -20, 8, 64, 4000])})`,
      `bpf_xdp_adjust_meta(ctx, ${r.pick([-4, -8, 4])})`,
    ]);
    return `rc = ${call}; data = (void *)(long)ctx->data; data_end = (void *)(long)ctx->data_end;`;
  }

  /**
   * Helpers that read and write the packet by offset, checksums, and the number of the CPU, which is 0 in the
   * comparison.
   */
  private packetHelper(): string {
    const { random: r } = this;
    const v = this.name('v');
    return r.pick([
      `{ __u32 ${v} = 0; rc = bpf_xdp_load_bytes(ctx, ${r.pick(['4', '30', '(a & 0x3f)'])}, &${v}, 4); d += ${v}; }`,
      `{ __u32 ${v} = ${this.var32()}; rc = bpf_xdp_store_bytes(ctx, ${r.pick(['6', '40', '(b & 0x3f)'])}, &${v}, 4); data = (void *)(long)ctx->data; data_end = (void *)(long)ctx->data_end; }`,
      `{ __u32 ${v}[2] = { ${this.var32()}, ${this.var32()} }; x += bpf_csum_diff(0, 0, ${v}, 8, ${this.var32()}); }`,
      'y += bpf_get_smp_processor_id();',
      `y += (__u64)(data_end - data);`,
    ]);
  }

  /** A line for the kernel's log: an output, which is taken back with all else. */
  private printed(): string {
    return `bpf_printk("%u %u", ${this.var32()}, ${this.var32()});`;
  }

  /**
   * More effects in a row than an undo log has room for at first, single ones or in one piece, and then a test of what
   * they did: behind a helper that changes the same map it has to wait for all of them.
   */
  private burst(): string {
    const { random: r } = this;
    const [k, v] = [this.name('k'), this.name('v')];
    const helper = `{ __u32 o = ${k} ^ 1; bpf_map_update_elem(&wall, &o, ${v}, BPF_ANY); }`;
    const change = (): string =>
      r.pick([
        `for (int i = 0; i < 96; i++) ${v}->words[i] += ${this.var32()};`,
        `_Pragma("clang loop unroll(disable)") for (int i = 0; i < 70; i++) ${v}->words[i] ^= x + i;`,
        `__builtin_memset(${v}, ${r.below(256)}, sizeof(*${v}));`,
        `${helper} ${helper}`,
      ]);
    const at = r.below(96);
    const test = `if (${v}->words[${at}] % ${2 + r.below(4)} == 0) { d++; ${v}->words[${r.below(96)}]++; }`;
    return `{ __u32 ${k} = ${this.var32()} & 1; struct wall *${v} = bpf_map_lookup_elem(&wall, &${k}); if (${v}) { ${change()} ${v}->words[${at}] += ${this.var32()}; ${r.chance(0.7) ? helper : ''} ${test} } }`;
  }

  /**
   * Effects by helpers, something that only looks, and then a test of what the effects left: a trace finds out late
   * that it does not fit, and has all of it to take back, across calls that change nothing.
   */
  private lateTest(place: Place): string {
    const { random: r } = this;
    const effect = (): string =>
      r.pick([
        () => this.update(),
        () => this.update(),
        () => this.remove(),
        () => this.queue(),
        () => this.ring(),
        () => this.wideKey(),
        () => this.trie(),
        () => this.printed(),
        () => this.lookup({ ...place, depth: 4 }),
        () => (place.packet ? this.resize() : this.update()),
        () => (place.packet ? this.packetHelper() : this.remove()),
      ])();
    const effects = Array.from({ length: 1 + r.below(3) }, effect).join(' ');
    const look = place.packet ? this.packetHelper() : this.global();
    const [k, v] = [this.name('k'), this.name('v')];
    const map = r.pick(['arr', 'tab', 'tab', 'tab']);
    const test = r.pick([
      `if (${v}->word % ${2 + r.below(3)} == 0) { ${v}->packets++; d++; }`,
      `if (${v}->packets & ${1 << r.below(4)}) ${v}->byte++; else c += ${v}->half;`,
      `${v}->packets++;`,
    ]);
    return `{ ${effects} ${r.chance(0.7) ? look : ''} __u32 ${k} = ${this.key()}; struct value *${v} = bpf_map_lookup_elem(&${map}, &${k}); if (${v}) { ${test} } else d ^= 5; }`;
  }

  /** A redirect that is asked for and then, perhaps, not taken or asked for anew: the last one counts. */
  private redirectNote(): string {
    const { random: r } = this;
    const flags = r.chance(0.8) ? '0' : '1';
    return r.pick([
      `rc = bpf_redirect(${this.var32()} & 3, ${flags});`,
      `rc = bpf_redirect_map(&devs, ${this.var32()} & 3, ${r.below(4)});`,
    ]);
  }

  /** A random number, and a test of it: what was drawn for a trace that gives up is drawn again. */
  private drawn(): string {
    return `{ ${this.var32()} ^= bpf_get_prandom_u32() & 7; if (${this.test()}) ${this.assignment()} }`;
  }

  /** Through a function that may tail-call: what was read of the packet is read anew behind it. */
  private callHop(): string {
    if (this.hops === 0) return this.call();
    const v = this.name('v');
    return (
      `{ __u32 ${v} = ${this.var32()}; rc = hop${this.random.below(this.hops)}(ctx, &${v}); ${this.var32()} ^= ${v} + rc; } ` +
      'data = (void *)(long)ctx->data; data_end = (void *)(long)ctx->data_end;'
    );
  }

  /** A jump into another program, or past it: an index without a program falls through. */
  private tailCall(): string {
    if (this.tails === 0) return this.global();
    return `if (${this.test()}) bpf_tail_call(ctx, &jumps, ${this.random.pick(['0', '1', `(${this.var32()} & 3)`])});`;
  }
}
