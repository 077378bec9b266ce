/**
 * Statements of generated programs. Besides its locals (expressions.ts) a function has the offset `off` of the
 * innermost header that was parsed, and, in a program, `data` and `data_end`. After a helper that may move the packet
 * both are read again.
 */
import type { Prng } from '../../packet/index.js';
import type { CFeatures } from './effects.js';
import { locals64 } from './expressions.js';
import { CLateTests } from './late-tests.js';
import { packetParser } from './packet-parser.js';

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
export class CStatements extends CLateTests {
  /** How many `sub0`, ... `cb0`, ... and `tail0`, ... have been defined and may be called. */
  subprograms = 0;
  callbacks = 0;
  tails = 0;
  /** `hop0`, ...: functions that tail-call. */
  hops = 0;
  private readonly kinds: readonly Kind[];

  constructor(random: Prng, features: CFeatures) {
    super(random, features);
    this.kinds = this.table();
  }

  /** An XDP program; `parses`: it begins as a parser does. */
  program(name: string, parses: boolean): string {
    const { random } = this;
    // Short ones: in a long program something behind an effect nearly always tests it, and undoes it rightly.
    const isShort = random.chance(0.4);
    const count = isShort ? random.pick([0, 0, 1, 2]) : 3 + random.below(6);
    const body = count === 0 ? '' : this.block({ packet: true, depth: 0, loop: false }, count);
    const end = isShort || random.chance(0.3) ? this.lastTest() : this.verdict();
    return [
      'SEC("xdp")',
      `int ${name}(struct xdp_md *ctx) {`,
      '  void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;',
      this.declarations(),
      parses ? packetParser(random) : '  off = 14;',
      body,
      end,
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
      { weight: 4, noLoop: true, make: () => this.layers() },
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
        () => this.atomic(),
        () => this.spinLock(),
        () => this.lookup({ ...place, depth: 4 }),
        () => (place.packet ? this.packetWrite() : this.global()),
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
