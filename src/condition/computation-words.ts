/**
 * A long computation as a list of short equations: what is used more than once has a name, and so has what would make
 * a line too long.
 *
 *     f1.1 = (u32)((ip.src + 0xdeadbefb) - 0x1234) ^ rol(ip.dst, 14)
 *     f1.2 = ...
 *     f1 = f1.2 ^ f1.1
 */
import type { Value } from '../ir/index.js';
import { operationWords, partsOf } from './operation-words.js';

/** One equation. */
export interface Computation {
  readonly name: string;
  readonly text: string;
}

/** Operations that a line holds at most. */
const maxInLine = 8;
/** Operations from which on something that is used twice gets a name; less is written out. */
const worthNaming = 2;

/** `brief`: the words for a value that needs no computation, undefined for others. */
export function computationLines(
  value: Value,
  name: string,
  brief: (value: Value) => string | undefined,
): readonly Computation[] {
  const lines = new Lines(name, brief);
  lines.count(value);
  return lines.of(value);
}

/**
 * Writes one computation. `uses` counts how often a value is part of another one, `sizes` how long its text would be.
 */
class Lines {
  private readonly name: string;
  private readonly brief: (value: Value) => string | undefined;
  private readonly uses = new Map<Value, number>();
  private readonly names = new Map<Value, string>();
  private readonly sizes = new Map<Value, number>();
  private readonly lines: Computation[] = [];
  /** Values that have no brief words: asking costs a walk over their bits. */
  private readonly without = new Set<Value>();

  constructor(name: string, brief: (value: Value) => string | undefined) {
    this.name = name;
    this.brief = brief;
  }

  /** Counts uses below a value; what has brief words needs no name. */
  count(value: Value): void {
    const uses = this.uses.get(value) ?? 0;
    this.uses.set(value, uses + 1);
    if (uses > 0 || this.wordsOf(value) !== undefined) return;
    for (const part of partsOf(value)) this.count(part);
  }

  private wordsOf(value: Value): string | undefined {
    if (this.without.has(value)) return undefined;
    const words = this.brief(value);
    if (words === undefined) this.without.add(value);
    return words;
  }

  /** The equations, the whole one last. */
  of(value: Value): readonly Computation[] {
    this.lines.push({ name: this.name, text: this.text(value, true) });
    return this.lines;
  }

  /** Names what it has to on the way. */
  private text(value: Value, isTop = false): string {
    const known = this.names.get(value) ?? this.wordsOf(value);
    if (known !== undefined && !isTop) return known;
    const parts = partsOf(value);
    const texts = parts.map((part) => this.text(part));
    let size = 1;
    for (const [i, part] of parts.entries()) {
      const own = this.names.has(part) ? 0 : (this.sizes.get(part) ?? 0);
      // The larger part goes to a line of its own when both do not fit in one.
      if (size + own > maxInLine) texts[i] = this.define(part, texts[i] as string);
      else size += own;
    }
    this.sizes.set(value, size);
    const text = operationWords(value, texts);
    if (isTop) return bare(text);
    return (this.uses.get(value) ?? 0) > 1 && size >= worthNaming ? this.define(value, text) : text;
  }

  /** Gives a value a name and a line of its own; from then on it is as short as the name. */
  private define(value: Value, text: string): string {
    const name = `${this.name}.${this.names.size + 1}`;
    this.names.set(value, name);
    this.sizes.set(value, 0);
    this.lines.push({ name, text: bare(text) });
    return name;
  }
}

/** Without the parentheses around all of it. */
function bare(text: string): string {
  let depth = 0;
  for (let i = 0; i < text.length - 1; i++) {
    depth += text[i] === '(' ? 1 : text[i] === ')' ? -1 : 0;
    if (depth === 0) return text;
  }
  return text.slice(1, -1);
}
