/** Source lines of an object's programs, as numbers that can be compared, and the places that a line has in code. */
import { InputError } from '../base/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { nearest } from '../text/index.js';
import { lineAt } from '../vm/index.js';

/** A line of a source file. */
export interface SourcePlace {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** An instruction: program by index, and slot. */
export interface CodePlace {
  readonly program: number;
  readonly pc: number;
}

/** Lines by number: 0 stands for code that belongs to none. */
export class LineTable {
  private readonly object: ObjectSpec;
  private readonly places: SourcePlace[] = [{ file: '', line: 0 }];
  private readonly numbers = new Map<string, number>();
  private readonly byProgram: Uint32Array[];
  /** Slots at which a line record begins. */
  private readonly begins: Set<number>[];
  private readonly texts = new Map<string, Map<number, string>>();

  constructor(object: ObjectSpec) {
    this.object = object;
    this.byProgram = object.programs.map((program) => this.numbered(program));
    this.begins = object.programs.map(({ lines }) => new Set(lines.map(({ insn }) => insn)));
  }

  /** Number of the line that an instruction is of. */
  numberOf(program: number, pc: number): number {
    return this.byProgram[program]?.[pc] ?? 0;
  }

  /** Does a line record begin at this instruction? */
  isBeginning(program: number, pc: number): boolean {
    return this.begins[program]?.has(pc) === true;
  }

  /** Undefined for number 0. */
  placeOf(number: number): SourcePlace | undefined {
    return number === 0 ? undefined : this.places[number];
  }

  /** Files that lines are of, in the order of their first instruction. */
  get files(): readonly string[] {
    return [...this.texts.keys()];
  }

  /** Text of a line as the compiler stored it; undefined for lines without code. */
  textOf({ file, line }: SourcePlace): string | undefined {
    return this.texts.get(file)?.get(line);
  }

  /** Lines of a file that have code, in order. */
  linesOf(file: string): number[] {
    return [...(this.texts.get(file)?.keys() ?? [])].sort((a, b) => a - b);
  }

  /** A file by what people call it: its path, the end of it, or its name. Undefined: there is none, or several. */
  fileNamed(name: string): string | undefined {
    const wanted = name.replace(/\\/g, '/');
    const exact = this.files.find((file) => file === wanted);
    if (exact !== undefined) return exact;
    const same = (a: string, b: string): boolean => a === b || a.endsWith(`/${b}`) || b.endsWith(`/${a}`);
    const found = this.files.filter((file) => same(file, wanted));
    if (found.length > 0) return found.length === 1 ? found[0] : undefined;
    // A source that was compiled somewhere else: its name is all that is left to go by.
    const base = (path: string): string => path.replace(/^.*\//, '');
    const named = this.files.filter((file) => base(file) === base(wanted));
    return named.length === 1 ? named[0] : undefined;
  }

  /**
   * The line that a breakpoint on this one means: itself, or the next one of its file that has code. Undefined where
   * there is none.
   */
  nextWithCode({ file, line }: SourcePlace): SourcePlace | undefined {
    const found = this.linesOf(file).find((one) => one >= line);
    return found === undefined ? undefined : { file, line: found };
  }

  /** 0 where no code is of the line. */
  numberOfPlace({ file, line }: SourcePlace): number {
    return this.numbers.get(`${file}:${line}`) ?? 0;
  }

  /** Functions by name: where their code begins. Throws InputError with the nearest name. */
  functionNamed(name: string): CodePlace[] {
    const all = this.object.programs.flatMap(({ functions, name: own }, program) => [
      { name: own, program, pc: 0 },
      ...functions.map(({ name: fn, start }) => ({ name: fn, program, pc: start })),
    ]);
    const found = all.filter((fn) => fn.name === name);
    const unique = found.filter((a, i) => found.findIndex((b) => a.program === b.program && a.pc === b.pc) === i);
    if (unique.length > 0) return unique.map(({ program, pc }) => ({ program, pc }));
    const names = [...new Set(all.map((fn) => fn.name))];
    const near = nearest(name, names);
    throw new InputError(
      `there is no function \`${name}\``,
      {},
      near === undefined ? `functions: ${names.join(', ')}` : `did you mean \`${near}\`?`,
    );
  }

  private numbered({ insns, lines }: ProgramSpec): Uint32Array {
    const numbers = new Uint32Array(insns.length);
    for (let pc = 0; pc < insns.length; pc++) {
      const found = lineAt(lines, pc);
      if (found === undefined || found.line === 0) continue;
      const key = `${found.file}:${found.line}`;
      let number = this.numbers.get(key);
      if (number === undefined) {
        number = this.places.length;
        this.numbers.set(key, number);
        this.places.push({ file: found.file, line: found.line });
        const texts = this.texts.get(found.file) ?? new Map<number, string>();
        this.texts.set(found.file, texts);
        texts.set(found.line, found.text);
      }
      numbers[pc] = number;
    }
    return numbers;
  }
}

/** Name of the function that an instruction is in. */
export function functionAt(program: ProgramSpec, pc: number): string {
  return program.functions.find(({ start, end }) => start <= pc && pc < end)?.name ?? program.name;
}
