/**
 * A WebAssembly module as bytes (core specification 2.0, section 5.5). Imports come before everything that is defined
 * here, because they take the first indexes; a function is declared first, so that others can call it, and gets its
 * body later. The same calls give the same bytes.
 */
import { InternalError } from '../base/index.js';
import { ByteWriter } from './byte-writer.js';
import { CodeBuilder } from './code-builder.js';
import { checkFunctionSize } from './limits.js';
import { type ValueType, valueTypes } from './opcodes.js';

const magic = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);
const funcref = 0x70;
const kinds = { function: 0, table: 1, memory: 2, global: 3 } as const;

/** A function that was declared; `body` is what `define` gave it. */
interface FunctionEntry {
  readonly name: string;
  readonly type: number;
  readonly params: readonly ValueType[];
  body: Uint8Array | undefined;
}

/** A global with the constant that it starts from. */
interface GlobalEntry {
  readonly type: ValueType;
  readonly mutable: boolean;
  readonly initial: bigint;
}

/** Bytes that are in memory before anything runs. */
interface DataEntry {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * A module under construction. Indices are given out in the order in which things are declared and are what
 * instructions hold, so imports have to
 * be declared before the first function.
 */
export class ModuleBuilder {
  private readonly types: Uint8Array[] = [];
  private readonly typeIndexes = new Map<string, number>();
  private readonly imports: ((out: ByteWriter) => void)[] = [];
  private importedFunctions = 0;
  private importedGlobals = 0;
  private readonly names: string[] = [];
  private readonly functions: FunctionEntry[] = [];
  private readonly globals: GlobalEntry[] = [];
  private readonly exports: ((out: ByteWriter) => void)[] = [];
  private readonly data: DataEntry[] = [];
  private tableElements: readonly number[] | undefined;

  /** Index of a function type. */
  type(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params.join(',')}>${results.join(',')}`;
    const known = this.typeIndexes.get(key);
    if (known !== undefined) return known;
    const out = new ByteWriter();
    out.u8(0x60);
    for (const list of [params, results]) {
      out.unsigned(list.length);
      for (const type of list) out.u8(valueTypes[type]);
    }
    this.types.push(out.finish());
    this.typeIndexes.set(key, this.types.length - 1);
    return this.types.length - 1;
  }

  /** Index of the imported function. */
  importFunction(module: string, name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    if (this.functions.length > 0) throw new InternalError('wasm', 'functions are imported before any is declared');
    const type = this.type(params, results);
    this.import(module, name, (out) => {
      out.u8(kinds.function);
      out.unsigned(type);
    });
    this.names.push(name);
    return this.importedFunctions++;
  }

  /** Memory 0, of at least `pages` pages of 64 KiB and at most `maximum`; `shared` between threads or not. */
  importMemory(module: string, name: string, pages: number, maximum: number, shared = false): void {
    this.import(module, name, (out) => {
      out.u8(kinds.memory);
      out.u8(shared ? 3 : 1);
      out.unsigned(pages);
      out.unsigned(maximum);
    });
  }

  /** An imported global; gives its index. Imports come first, since they take the first indexes. */
  importGlobal(module: string, name: string, type: ValueType, mutable: boolean): number {
    if (this.globals.length > 0) throw new InternalError('wasm', 'globals are imported before any is defined');
    this.import(module, name, (out) => {
      out.u8(kinds.global);
      out.u8(valueTypes[type]);
      out.u8(mutable ? 1 : 0);
    });
    return this.importedGlobals++;
  }

  /** Index of a function whose body comes with {@link define}. */
  declareFunction(name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    this.functions.push({ name, type: this.type(params, results), params, body: undefined });
    this.names.push(name);
    return this.importedFunctions + this.functions.length - 1;
  }

  /** An empty body for a declared function. */
  bodyOf(index: number): CodeBuilder {
    return new CodeBuilder(this.entry(index).params);
  }

  /** Gives a declared function its body, once. Throws FunctionTooLarge for one that no engine takes. */
  define(index: number, code: CodeBuilder): void {
    const entry = this.entry(index);
    if (entry.body !== undefined) throw new InternalError('wasm', `function ${entry.name} has a body`);
    const body = code.finish();
    checkFunctionSize(entry.name, code.localCount, body.length);
    entry.body = body;
  }

  /** Defines a global; gives its index. */
  global(type: ValueType, mutable: boolean, initial: bigint): number {
    this.globals.push({ type, mutable, initial });
    return this.importedGlobals + this.globals.length - 1;
  }

  /** Table 0, holding these functions. */
  table(functionIndexes: readonly number[]): void {
    this.tableElements = functionIndexes;
  }

  /** Bytes put into memory 0 when the module is instantiated. */
  addData(offset: number, bytes: Uint8Array): void {
    this.data.push({ offset, bytes });
  }

  /** Makes a function callable from outside under a name. */
  exportFunction(name: string, index: number): void {
    this.exports.push((out) => {
      out.name(name);
      out.u8(kinds.function);
      out.unsigned(index);
    });
  }

  /** The module. `names`: with a section that names the functions, for profilers and disassemblers. */
  finish(options: { readonly names?: boolean } = {}): Uint8Array {
    const out = new ByteWriter();
    out.raw(magic);
    section(out, 1, this.types, (body, type) => body.raw(type));
    section(out, 2, this.imports, (body, write) => write(body));
    section(out, 3, this.functions, (body, entry) => body.unsigned(entry.type));
    const elements = this.tableElements;
    section(out, 4, elements === undefined ? [] : [elements], (body, list) => {
      body.u8(funcref);
      body.u8(1);
      body.unsigned(list.length);
      body.unsigned(list.length);
    });
    section(out, 6, this.globals, writeGlobal);
    section(out, 7, this.exports, (body, write) => write(body));
    section(out, 9, elements === undefined ? [] : [elements], (body, list) => {
      body.u8(0);
      writeOffset(body, 0);
      body.unsigned(list.length);
      for (const index of list) body.unsigned(index);
    });
    section(out, 10, this.functions, (body, entry) => {
      if (entry.body === undefined) throw new InternalError('wasm', `function ${entry.name} has no body`);
      body.sized(entry.body);
    });
    section(out, 11, this.data, (body, { offset, bytes }) => {
      body.u8(0);
      writeOffset(body, offset);
      body.sized(bytes);
    });
    if (options.names === true) this.writeNames(out);
    return out.finish();
  }

  /** Keeps an import to be written in its section. */
  private import(module: string, name: string, write: (out: ByteWriter) => void): void {
    this.imports.push((out) => {
      out.name(module);
      out.name(name);
      write(out);
    });
  }

  /** A function that is defined here, by its index among all functions. */
  private entry(index: number): FunctionEntry {
    const entry = this.functions[index - this.importedFunctions];
    if (entry === undefined) throw new InternalError('wasm', `no function ${index} is defined here`);
    return entry;
  }

  /** The custom section `name` (section 7.4.1), which debuggers and profilers read. */
  private writeNames(out: ByteWriter): void {
    const map = new ByteWriter();
    map.unsigned(this.names.length);
    this.names.forEach((name, index) => {
      map.unsigned(index);
      map.name(name);
    });
    const body = new ByteWriter();
    body.name('name');
    body.u8(1);
    body.sized(map.finish());
    out.u8(0);
    out.sized(body.finish());
  }
}

/** A section of a vector of items; left out when there are none. */
function section<T>(
  out: ByteWriter,
  id: number,
  items: readonly T[],
  write: (body: ByteWriter, item: T) => void,
): void {
  if (items.length === 0) return;
  const body = new ByteWriter();
  body.unsigned(items.length);
  for (const item of items) write(body, item);
  out.u8(id);
  out.sized(body.finish());
}

/** A global's type and the constant expression that it starts from. */
function writeGlobal(body: ByteWriter, { type, mutable, initial }: GlobalEntry): void {
  body.u8(valueTypes[type]);
  body.u8(mutable ? 1 : 0);
  if (type === 'i64') {
    body.u8(0x42);
    body.signed64(initial);
  } else if (type === 'i32') {
    body.u8(0x41);
    body.signed32(Number(BigInt.asIntN(32, initial)));
  } else {
    throw new InternalError('wasm', `a global of type ${type} has no initial value`);
  }
  body.u8(0x0b);
}

/** An address as a constant expression: i32.const, then end. */
function writeOffset(body: ByteWriter, offset: number): void {
  body.u8(0x41);
  body.signed32(offset);
  body.u8(0x0b);
}
