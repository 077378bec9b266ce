/**
 * Statements that change something others see: a map, the packet, its ends, an output. Each is one line of C that may
 * stand wherever its locals do.
 */
import type { Prng } from '../../packet/index.js';
import { CExpressions, locals64 } from './expressions.js';

/** What the target's instruction set can express, and what the program is to have. */
export interface CFeatures {
  /** Atomic operations that give back the old value: from -mcpu=v3 on. */
  readonly fetches: boolean;
  /** Draw random numbers. The kernel draws others, so the interpreter is what such a program is held against. */
  readonly random: boolean;
}

/** Draws effects; what puts them in an order is on top of it (statements.ts). */
export class CEffects extends CExpressions {
  protected readonly features: CFeatures;

  constructor(random: Prng, features: CFeatures) {
    super(random);
    this.features = features;
  }

  /**
   * A checked write: a change of what is there (done twice it is another one), a byte, a word that need not be
   * aligned, or the addresses swapped as a program does that sends back.
   */
  protected packetWrite(): string {
    const { random: r } = this;
    const p = this.name('p');
    const at = r.chance(0.6) ? String(r.below(60)) : `(${this.var32()} & 0x${r.pick(['1f', '3f'])})`;
    const type = r.pick(['__u8', '__u16', '__u32', '__u64']);
    return r.pick([
      `{ ${type} *${p} = data + ${r.below(50)}; if ((void *)(${p} + 1) <= data_end) *${p} ${r.pick(['^=', '+='])} ${r.pick(['y', '0x0102030405060708ull', this.var32()])}; }`,
      `{ __u8 *${p} = data + ${at}; if ((void *)(${p} + 1) <= data_end) *${p} ${r.pick(['=', '+=', '^='])} ${this.var32()}; }`,
      `{ __u32 *${p} = data + ${at}; if ((void *)(${p} + 1) <= data_end) *${p} = ${this.expression32(1)}; }`,
      `{ struct eth *${p} = data; if ((void *)(${p} + 1) <= data_end) { __u8 t[6]; __builtin_memcpy(t, ${p}->dst, 6); __builtin_memcpy(${p}->dst, ${p}->src, 6); __builtin_memcpy(${p}->src, t, 6); } }`,
    ]);
  }

  /** A key that hits now and then. */
  protected key(): string {
    return `(${this.var32()} & ${this.random.pick([1, 3, 3, 7, 15])})`;
  }

  /** Puts an element; the flags make it fail now and then (`rc`), with -EEXIST or -ENOENT. */
  protected update(): string {
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
  protected remove(): string {
    const k = this.name('k');
    const map = this.random.pick(['tab', 'tab', 'ptab', 'lru']);
    return `{ __u32 ${k} = ${this.key()}; rc = bpf_map_delete_elem(&${map}, &${k}); ${this.random.chance(0.5) ? 'if (rc) d += 2;' : ''} }`;
  }

  /**
   * A look-up with a packed key of 15 bytes that is put together on the stack. All of it is written: bytes that the
   * program never set would differ between engines.
   */
  protected wideKey(): string {
    const { random: r } = this;
    const [k, v] = [this.name('k'), this.name('v')];
    const key = `struct odd ${k}; __builtin_memset(&${k}, 0, sizeof(${k})); ${k}.a = ${this.var32()} & 3; ${k}.b = ${this.var32()} & 1; ${k}.d = (${this.var32()} & 1) * 0x0102030405060708ull;`;
    return r.chance(0.5)
      ? `{ ${key} struct pair *${v} = bpf_map_lookup_elem(&wide, &${k}); if (${v}) { ${this.pairChange(v)} } }`
      : `{ ${key} struct pair ${v} = { ${this.var32()}, 1 }; rc = bpf_map_update_elem(&wide, &${k}, &${v}, BPF_ANY); }`;
  }

  /** A look-up in the prefix tree, or a new prefix of any length; host bits behind the prefix are left as they are. */
  protected trie(): string {
    const { random: r } = this;
    const [k, v] = [this.name('k'), this.name('v')];
    const address = `bpf_htonl(${this.var32()} & 0x${r.pick(['f0000000', '0f00000f', '3'])})`;
    return r.chance(0.6)
      ? `{ struct lpm_key ${k} = { 32, ${address} }; struct pair *${v} = bpf_map_lookup_elem(&trie, &${k}); if (${v}) { ${this.pairChange(v)} } }`
      : `{ struct lpm_key ${k} = { ${r.below(33)}, ${address} }; struct pair ${v} = { 1, ${this.var32()} }; rc = bpf_map_update_elem(&trie, &${k}, &${v}, BPF_ANY); }`;
  }

  /** An element changed under its lock; what it holds is read afterwards, without the lock. */
  protected spinLock(): string {
    const [k, v] = [this.name('k'), this.name('v')];
    return `{ __u32 ${k} = ${this.var32()} & 1; struct locked *${v} = bpf_map_lookup_elem(&locks, &${k}); if (${v}) { bpf_spin_lock(&${v}->lock); ${v}->count++; ${v}->sum += ${this.var32()}; if (${v}->count > ${this.random.below(5)}) ${v}->count = 0; bpf_spin_unlock(&${v}->lock); a += ${v}->count; } }`;
  }

  /** Push, pop or peek of a queue or a stack that is soon full. With BPF_EXIST a full queue drops its oldest. */
  protected queue(): string {
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
  protected ring(): string {
    const v = this.name('v');
    return this.random.chance(0.5)
      ? `{ struct pair ${v} = { ${this.var32()}, ${this.var32()} }; rc = bpf_ringbuf_output(&ring, &${v}, sizeof(${v}), 0); }`
      : `{ struct pair *${v} = bpf_ringbuf_reserve(&ring, sizeof(*${v}), 0); if (${v}) { ${v}->a = ${this.var32()}; ${v}->b = ${this.var32()}; if (${this.test()}) bpf_ringbuf_discard(${v}, 0); else bpf_ringbuf_submit(${v}, 0); } }`;
  }

  /**
   * An atomic operation on global data of 4 or 8 bytes; those that fetch use the old value, else clang compiles them
   * to plain ones.
   */
  protected atomic(): string {
    const { random: r, features } = this;
    const isWide = r.chance(0.7);
    const target = isWide
      ? r.pick(['global_sum[1]', 'global_sum[2]', `global_sum[${this.var32()} & 3]`])
      : 'global_count';
    const by = r.pick([this.var32(), '0x10001u', '1']);
    if (!features.fetches || r.chance(0.3)) return `__sync_fetch_and_add(&${target}, ${by});`;
    const into = isWide ? r.pick(locals64) : this.var32();
    return r.pick([
      `${into} ^= __sync_fetch_and_add(&${target}, ${by});`,
      `${into} += __sync_fetch_and_or(&${target}, x);`,
      `${into} = __sync_fetch_and_xor(&${target}, y);`,
      `${into} += __sync_fetch_and_and(&${target}, x | 0xff);`,
      `${into} = __sync_lock_test_and_set(&${target}, x);`,
      `${into} = __sync_val_compare_and_swap(&${target}, ${r.below(4)}, y);`,
    ]);
  }

  /** Changes of global variables, which live in array maps of one element (`.bss`, `.data`). */
  protected global(): string {
    return this.random.pick([
      'global_count++;',
      'global_count += a; b ^= global_count;',
      `if (global_count % ${2 + this.random.below(4)} == 0) { global_sum[0] += x; d++; }`,
      `global_sum[${this.var32()} & 3] ^= y; x += global_sum[3];`,
    ]);
  }

  /** A growth for which some packets of a path have room in their frame of 3,520 bytes, and longer ones do not. */
  protected lastRoom(): number {
    return 3421 + this.random.below(40);
  }

  /**
   * Moves an end of the packet or its metadata; see {@link lastRoom}. Afterwards no pointer into it
   * holds, so both are read again, as the verifier demands.
   */
  protected resize(): string {
    const { random: r } = this;
    const call = r.pick([
      `bpf_xdp_adjust_head(ctx, ${r.pick([4, 8, 14, -4, -14, -20, -300])})`,
      `bpf_xdp_adjust_tail(ctx, ${r.pick([-4, -20, 8, 64, 4000, this.lastRoom()])})`,
      // Longer for some packets and shorter for others.
      `bpf_xdp_adjust_tail(ctx, (int)(${this.var32()} & 15) - ${r.pick([4, 8])})`,
      `bpf_xdp_adjust_meta(ctx, ${r.pick([-4, -8, 4])})`,
    ]);
    const read = 'data = (void *)(long)ctx->data; data_end = (void *)(long)ctx->data_end;';
    // Cut and made longer again: what was cut off is gone, though it still lies there.
    if (r.chance(0.3))
      return `rc = bpf_xdp_adjust_tail(ctx, -${8 + r.below(12)}); rc |= bpf_xdp_adjust_tail(ctx, ${r.pick([4, 8, 30])}); ${read}`;
    return `rc = ${call}; ${read}`;
  }

  /**
   * Helpers that read and write the packet by offset, checksums, and the number of the CPU, which is 0 in the
   * comparison.
   */
  protected packetHelper(): string {
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
  protected printed(): string {
    return `bpf_printk("%u %u", ${this.var32()}, ${this.var32()});`;
  }

  /** A redirect that is asked for and then, perhaps, not taken or asked for anew: the last one counts. */
  protected redirectNote(): string {
    const { random: r } = this;
    const flags = r.chance(0.8) ? '0' : '1';
    const [plain, mapped] = [
      `rc = bpf_redirect(${this.var32()} & 3, ${flags});`,
      `rc = bpf_redirect_map(&devs, ${this.var32()} & 7, ${r.below(4)});`,
    ];
    return r.pick([plain, mapped, `${plain} ${mapped}`, `${mapped} ${plain}`]);
  }

  /** The same for the maps whose values are a pair of words. */
  protected pairChange(v: string): string {
    return this.random.pick([
      `${v}->a++; b += ${v}->b;`,
      `${v}->b = ${this.expression32(1)}; a ^= ${v}->a;`,
      `if (${v}->a > ${this.random.below(4)}) { ${v}->a = 0; c++; } else ${v}->a++;`,
    ]);
  }
}
