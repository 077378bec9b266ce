/** What a text has said so far of an object (parse-image.ts): sections and maps that later statements still add to. */
import type { SourceLine } from '../isa/index.js';
import type { CoreImage, MapImage } from './image.js';
import type { LineSpec } from './spec.js';

/** A code section as lines; they are assembled when the whole text is known. */
export interface CodeText {
  readonly kind: 'code';
  readonly name: string;
  readonly lines: SourceLine[];
  /** CO-RE relocations by the line of their instruction. */
  readonly core: Map<SourceLine, Omit<CoreImage, 'slot'>[]>;
  /** Those that wait for their instruction, which is the next one. */
  pending: Omit<CoreImage, 'slot'>[];
  /** Where instructions come from, by their line, as comments said; and what waits for the next instruction. */
  readonly sources: Map<SourceLine, SaidLine>;
  source: SaidLine | undefined;
}

/** A line of the source, as a comment names it. */
export type SaidLine = Pick<LineSpec, 'file' | 'line' | 'text'>;

/** A data section and its labels by offset. */
export interface DataText {
  readonly kind: 'data';
  readonly name: string;
  mmapable: boolean;
  readonly bytes: ByteSink;
  readonly labels: Map<string, number>;
}

/** A map that later directives may still change. */
export interface MutableMap {
  /** Where it was defined. */
  readonly line: SourceLine;
  map: MapImage;
}

/** Bytes in the order in which they come. */
export class ByteSink {
  length = 0;
  private bytes = new Uint8Array(64);

  push(byte: number): void {
    this.zero(1);
    this.bytes[this.length - 1] = byte;
  }

  zero(count: number): void {
    this.length += count;
    if (this.length <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.length, 2 * this.bytes.length));
    grown.set(this.bytes);
    this.bytes = grown;
  }

  done(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}
