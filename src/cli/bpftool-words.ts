/** Words of bpftool's command lines: `id 7`, `pinned PATH`, `dev NAME`. */
import { UsageError } from '../base/index.js';

/** Words from left to right. */
export class Words {
  private readonly words: readonly string[];
  private at = 0;
  private readonly usage: string;

  constructor(words: readonly (string | undefined)[], usage: string) {
    this.words = words.filter((word) => word !== undefined);
    this.usage = usage;
  }

  /** The next one; throws UsageError at the end. */
  next(what: string): string {
    const word = this.words[this.at++];
    if (word === undefined) throw new UsageError(`${what} is missing`, {}, this.usage);
    return word;
  }

  /** Takes the word if it is the next one. */
  take(...words: readonly string[]): boolean {
    if (!words.includes(this.words[this.at] ?? '')) return false;
    this.at++;
    return true;
  }

  /** Takes the next word if it is one of these. */
  takeIf(is: (word: string) => boolean): string | undefined {
    const word = this.words[this.at];
    if (word === undefined || !is(word)) return undefined;
    this.at++;
    return word;
  }

  /** Is the next word this one, and `id` or `pinned` behind it? */
  isRefBehind(word: string): boolean {
    return this.words[this.at] === word && ['id', 'pinned'].includes(this.words[this.at + 1] ?? '');
  }

  get isDone(): boolean {
    return this.at >= this.words.length;
  }

  /** `id N` or `pinned PATH`. */
  ref(): { id: number } | { pinned: string } {
    if (this.take('id')) return { id: this.number('id') };
    if (this.take('pinned', 'name')) return { pinned: this.next('a path') };
    throw new UsageError(`\`${this.words[this.at] ?? ''}\`: \`id N\` or \`pinned PATH\` is wanted`, {}, this.usage);
  }

  number(what: string): number {
    const text = this.next(what);
    if (!/^\d{1,10}$/.test(text)) throw new UsageError(`${what} \`${text}\` is no number`, {}, this.usage);
    return Number(text);
  }

  /** Throws UsageError for words that are left. */
  done(): void {
    const word = this.words[this.at];
    if (word !== undefined) throw new UsageError(`\`${word}\` was not expected`, {}, this.usage);
  }
}
