/**
 * Names and expressions of generated programs: a function has four 32-bit locals `a` to `d` and two 64-bit ones `x`
 * and `y`. All of them have been set to something when a statement comes to stand.
 */
import type { Prng } from '../../packet/index.js';

/** 64-bit locals of a function. */
export const locals64 = ['x', 'y'] as const;
const locals32 = ['a', 'b', 'c', 'd'] as const;

/** Draws expressions; what writes statements is on top of it (statements.ts). */
export class CExpressions {
  protected readonly random: Prng;
  /** Locals that were declared in blocks so far; numbering them keeps them apart without any scope to track. */
  private names = 0;

  constructor(random: Prng) {
    this.random = random;
  }

  protected name(prefix: string): string {
    this.names++;
    return `${prefix}${this.names}`;
  }

  protected var32(): string {
    return this.random.pick(locals32);
  }

  /**
   * A 32-bit expression, `depth` operators deep at most. Shifts are below the width and divisors are not zero: what C
   * leaves undefined a compiler may turn into anything.
   */
  protected expression32(depth: number): string {
    const { random: r } = this;
    if (depth === 0 || r.chance(0.25)) {
      return r.pick([
        this.var32(),
        this.var32(),
        this.var32(),
        `${r.below(64)}u`,
        `0x${r.u32().toString(16)}u`,
        `(__u32)${r.pick(locals64)}`,
      ]);
    }
    const left = this.expression32(depth - 1);
    const right = this.expression32(depth - 1);
    return r.pick([
      `(${left} + ${right})`,
      `(${left} - ${right})`,
      `(${left} * ${r.pick([3, 5, 31, 0x9e37])})`,
      `(${left} ^ ${right})`,
      `(${left} & ${right})`,
      `(${left} | ${right})`,
      `(${left} << ${r.below(32)})`,
      `(${left} >> ${r.below(32)})`,
      `((__u32)((__s32)${left} >> ${r.below(32)}))`,
      `(${left} / ${1 + r.below(9)})`,
      `(${left} % ${1 + r.below(13)})`,
      `((__u32)(__s16)${left})`,
      `((__u32)(__s8)${left})`,
      `(${left} > ${right} ? ${left} : ${right})`,
      `__builtin_bswap32(${left})`,
    ]);
  }

  /** A condition that goes either way often enough: masks, small moduli and comparisons with small numbers. */
  protected test(): string {
    const { random: r } = this;
    const value = r.chance(0.7) ? this.var32() : this.expression32(1);
    return r.pick([
      `(${value} & ${1 << r.below(8)})`,
      `${value} > ${r.below(300)}`,
      `(__s32)${value} < ${r.below(300) - 100}`,
      `${value} % ${2 + r.below(5)} == ${r.below(3)}`,
      `${value} == ${this.var32()}`,
      `${r.pick(locals64)} > ${r.below(1000)}`,
      'rc != 0',
      `${this.var32()} < limit`,
    ]);
  }

  /** A verdict; a computed one may be XDP_REDIRECT without any redirect having been asked for. */
  protected returned(): string {
    return this.random.pick(['XDP_PASS', 'XDP_DROP', 'XDP_TX', 'XDP_ABORTED', '(a & 1) + 1', '(b >> 3) % 5']);
  }

  /** How a program ends; one way makes the verdict depend on all locals, so that no computation is dead. */
  protected verdict(): string {
    return this.random.pick([
      `  return ${this.returned()};`,
      '  return (a + b + c + d + (__u32)x + (__u32)y) % 4;',
      '  return bpf_redirect_map(&devs, a & 3, XDP_PASS);',
      '  return bpf_redirect(a & 3, 0);',
      '  global_count += a; return rc == 0 ? XDP_PASS : XDP_DROP;',
    ]);
  }
}
