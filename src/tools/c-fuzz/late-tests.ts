/**
 * Effects, and right behind them a test of what they left: a trace finds out late that it does not fit, and has all of
 * it to take back.
 */
import { CEffects } from './effects.js';

/** Draws what an undo log gets wrong: many effects in a row, effects in one place, an effect right before the end. */
export class CLateTests extends CEffects {
  /**
   * More effects in a row than an undo log has room for at first, single ones or in one piece, and then a test of what
   * they did: behind a helper that changes the same map it has to wait for all of them.
   */
  protected burst(): string {
    const { random: r } = this;
    const [k, v] = [this.name('k'), this.name('v')];
    // It reads what it overwrites: a host that runs the program again sees whether all of it was put back.
    const helper = `{ __u32 o = ${k} ^ 1; struct wall *w = bpf_map_lookup_elem(&wall, &o); if (w) ${v}->words[${r.below(96)}] += w->words[${r.below(96)}]; bpf_map_update_elem(&wall, &o, ${v}, BPF_ANY); }`;
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
   * One element read, changed by a helper, in place, and by a helper again: going back takes the changes in the
   * reverse order, and each to where it began, else the next one to come by reads something else.
   */
  protected layers(): string {
    const { random: r } = this;
    const [k, v, n, o] = [this.name('k'), this.name('v'), this.name('n'), this.name('o')];
    const map = r.pick(['tab', 'arr', 'arr']);
    const read = `struct value *${o} = bpf_map_lookup_elem(&${map}, &${k}); if (${o}) global_sum[2] += ${o}->word + ${o}->packets + ${o}->bits.c;`;
    const put = `bpf_map_update_elem(&${map}, &${k}, &${n}, BPF_ANY);`;
    const other = r.pick([() => this.update(), () => this.remove(), () => this.queue(), () => put])();
    const test = `if (${v}->word & ${1 << r.below(3)}) d++; else ${v}->byte++;`;
    return (
      `{ __u32 ${k} = ${this.key()}; ${read} struct value ${n}; __builtin_memset(&${n}, ${r.below(256)}, sizeof(${n})); ` +
      `${n}.word = ${this.var32()}; ${n}.packets = y; ${n}.bits.c = x; ${put} struct value *${v} = bpf_map_lookup_elem(&${map}, &${k}); ` +
      `if (${v}) { ${v}->packets ^= y; ${v}->word += global_count++; ${other} ${test} } }`
    );
  }

  /**
   * How a program ends whose verdict hangs on state: what decides it is asked for, something else is done, and then
   * comes the last test, with nothing behind it.
   */
  protected lastTest(): string {
    const { random: r, features } = this;
    const [k, v] = [this.name('k'), this.name('v')];
    const [yes, no] = r.pick([
      ['XDP_TX', 'XDP_PASS'],
      ['XDP_DROP', 'XDP_PASS'],
      ['bpf_redirect(a & 3, 0)', 'XDP_TX'],
      ['bpf_redirect_map(&devs, b & 7, 1)', 'bpf_redirect(2, 0)'],
    ]);
    const effect = (): string =>
      r.pick([
        () => this.packetWrite(),
        () => this.packetWrite(),
        () => this.atomic(),
        () => this.global(),
        () => this.spinLock(),
        () => this.ring(),
        () => this.printed(),
        () => this.resize(),
        () => this.redirectNote(),
        () => this.queue(),
      ])();
    const effects = (count: number): string => Array.from({ length: count }, effect).join(' ');
    // Alone, too: one effect has a way back of its own.
    const [before, between] = r.chance(0.3) ? ['', ''] : [effects(r.below(3)), effects(r.below(3))];
    // The barrier keeps clang from computing the answer only where it is tested: then the last effect would not be the
    // last thing before the test.
    const ends = (asked: string, answer: string, again = ''): string =>
      `  ${before} ${asked} __u64 t = ${answer}; asm volatile("" : "+r"(t)); ${between} if (t) { ${again} return ${yes}; }\n  return ${no};`;
    const key = `__u32 ${k} = ${this.key()};`;
    const value = `struct value ${v}; __builtin_memset(&${v}, 0, sizeof(${v})); ${v}.word = ${this.var32()}; ${v}.packets = y;`;
    const put = `bpf_map_update_elem(&tab, &${k}, &${v}, BPF_NOEXIST)`;
    const take = `bpf_map_delete_elem(&tab, &${k})`;
    const bit = 1 << r.below(2);
    // What was answered once is answered otherwise the next time: traces of both ways have to be told apart by it.
    return r.pick([
      () =>
        features.fetches
          ? ends('', `__sync_fetch_and_add(&global_sum[1], ${1 + r.below(3)}) & ${bit}`)
          : ends('global_sum[1] += c;', `global_sum[1] & ${bit}`),
      () =>
        ends(
          `int r${v} = bpf_xdp_adjust_tail(ctx, ${this.lastRoom()}); data = (void *)(long)ctx->data; data_end = (void *)(long)ctx->data_end;`,
          `r${v} != 0`,
        ),
      () =>
        ends(
          `rc = bpf_xdp_adjust_tail(ctx, (int)(${this.var32()} & 15) - 4); data = (void *)(long)ctx->data; data_end = (void *)(long)ctx->data_end; global_sum[1] += c | 1;`,
          `global_sum[1] & ${bit}`,
        ),
      // Bytes are read, cut off, and wanted again by the host where the trace gives up.
      () =>
        ends(
          `${key} ${value} { __u8 *q = data + ${40 + r.below(14)}; if ((void *)(q + 1) <= data_end) global_sum[0] += *q; } ` +
            `rc = ${r.pick([`bpf_xdp_adjust_tail(ctx, -${24 + r.below(16)})`, `bpf_xdp_adjust_head(ctx, ${8 + r.below(24)})`])}; data = (void *)(long)ctx->data; data_end = (void *)(long)ctx->data_end;`,
          put,
          `${take};`,
        ),
      () => ends(`${key} ${value}`, put, `${take};`),
      () => ends(`${key} ${value}`, take, `${put};`),
      () =>
        ends(`__u32 ${v} = ${this.var32()};`, `bpf_map_push_elem(&fifo, &${v}, 0)`, `bpf_map_pop_elem(&fifo, &${v});`),
      () =>
        ends(`__u64 ${v} = 0; bpf_map_pop_elem(&pile, &${v});`, `${v} & ${bit}`, `bpf_map_push_elem(&pile, &x, 0);`),
      () =>
        ends(
          `${key} struct value *${v} = bpf_map_lookup_elem(&arr, &${k}); if (!${v}) return XDP_ABORTED; ${v}->word++;`,
          `${v}->word & ${bit}`,
        ),
      () => ends(`${key} ${value} ${put};`, `bpf_map_lookup_elem(&tab, &(__u32){ a & 3 }) != 0`, `${take};`),
    ])();
  }
}
