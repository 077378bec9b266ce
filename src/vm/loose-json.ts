/**
 * JSON as people and our own listings write it: names and values without quotes (`{ last: 5, tokens: 7 }`, `[10.0.0.1,
 * eth]`), a comma at the end. All JSON is also this. A bare word is a number where it is one that JavaScript holds
 * exactly, `true`, `false`, `null`, else text.
 */
import { InputError } from '../base/index.js';

/** Deeper nesting is no map's value. */
const maxDepth = 64;

const tokens = /\s*(?:("(?:[^"\\]|\\.)*")|([{}[\],:])|((?:[^\s"{}[\],:]|:(?=[^\s"{}[\],]))+))/y;

type Token = { readonly kind: 'text' | 'sign' | 'word' | 'end'; readonly text: string };

/** Throws InputError that says what stands where it should not. */
export function parseLooseJson(text: string): unknown {
  return new LooseParser(text).whole();
}

class LooseParser {
  private readonly text: string;
  private at = 0;
  private token: Token = { kind: 'end', text: '' };

  constructor(text: string) {
    this.text = text;
    this.advance();
  }

  whole(): unknown {
    const value = this.value(0);
    if (this.token.kind !== 'end') this.fail('nothing more');
    return value;
  }

  private fail(expected: string): never {
    const before = this.token.kind === 'end' ? 'the end' : `\`${this.token.text}\``;
    throw new InputError(`expected ${expected} before ${before} in \`${this.text.slice(0, 80)}\``);
  }

  private advance(): void {
    tokens.lastIndex = this.at;
    const found = tokens.exec(this.text);
    if (found === null) {
      const rest = this.text.slice(this.at).trim();
      this.token = { kind: 'end', text: '' };
      if (rest !== '') this.fail(`JSON instead of \`${rest.slice(0, 20)}\``);
      return;
    }
    this.at = tokens.lastIndex;
    const [, quoted, sign, word] = found;
    if (quoted !== undefined) this.token = { kind: 'text', text: this.unquoted(quoted) };
    else this.token = sign === undefined ? { kind: 'word', text: word ?? '' } : { kind: 'sign', text: sign };
  }

  private unquoted(text: string): string {
    try {
      return JSON.parse(text) as string;
    } catch {
      return this.fail(`a string instead of ${text}`);
    }
  }

  private accept(sign: string): boolean {
    if (this.token.kind !== 'sign' || this.token.text !== sign) return false;
    this.advance();
    return true;
  }

  private value(depth: number): unknown {
    if (depth > maxDepth) this.fail('less nesting');
    if (this.accept('{')) return this.fields(depth);
    if (this.accept('[')) return this.items(depth);
    const { kind, text } = this.token;
    if (kind !== 'text' && kind !== 'word') this.fail('a value');
    this.advance();
    return kind === 'text' ? text : wordValue(text);
  }

  private fields(depth: number): unknown {
    const fields: [string, unknown][] = [];
    while (!this.accept('}')) {
      const { kind, text } = this.token;
      if (kind !== 'text' && kind !== 'word') this.fail('a name');
      this.advance();
      // `name:5` is one word.
      const colon = kind === 'word' ? text.indexOf(':') : -1;
      if (colon > 0) fields.push([text.slice(0, colon), wordValue(text.slice(colon + 1))]);
      else {
        if (!this.accept(':')) this.fail('`:`');
        fields.push([text, this.value(depth + 1)]);
      }
      if (!this.accept(',') && !(this.token.kind === 'sign' && this.token.text === '}')) this.fail('`,` or `}`');
    }
    return Object.fromEntries(fields);
  }

  private items(depth: number): unknown {
    const items: unknown[] = [];
    while (!this.accept(']')) {
      items.push(this.value(depth + 1));
      if (!this.accept(',') && !(this.token.kind === 'sign' && this.token.text === ']')) this.fail('`,` or `]`');
    }
    return items;
  }
}

function wordValue(word: string): unknown {
  if (word === 'true' || word === 'false') return word === 'true';
  if (word === 'null') return null;
  const number = /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(word) ? Number(word) : Number.NaN;
  // Whole numbers beyond 2^53 stay text, which map files take for numbers of 64 bits.
  return Number.isNaN(number) || (/^-?\d+$/.test(word) && !Number.isSafeInteger(number)) ? word : number;
}
