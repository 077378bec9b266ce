/**
 * Assembler text to an object image. The directives are described in docs/assembly.md; those by which compilers
 * describe symbols and alignment are accepted and say nothing new. A name in an instruction is, in this order: a label
 * of its section, a function of another section, a map, a data section or a label in one, an extern, a helper.
 */
import { decodeBase64, decodeUtf8, encodeUtf8, InputError } from '../base/index.js';
import {
  type AssembledCode,
  assembleLines,
  Cursor,
  op,
  type SourceLine,
  type SymbolReference,
  splitSource,
  unescapeText,
} from '../isa/index.js';
import { helperNumber, mapTypeNames } from '../platform/index.js';
import { Btf } from './btf.js';
import { coreKinds } from './core-spec.js';
import type {
  CodeImage,
  DataImage,
  ExternImage,
  FunctionImage,
  MapImage,
  ObjectImage,
  ReferenceImage,
} from './image.js';
import { ByteSink, type CodeText, type DataText, type MutableMap, type SaidLine } from './image-text.js';
import { fromListing } from './listing.js';
import { type ReadObjectOptions, readObject } from './read-object.js';
import type { LineSpec, ObjectSpec } from './spec.js';
import { writeElf } from './write-elf.js';

/**
 * What a text describes, as if it had been read from an object file. Throws InputError with the line, the text and the
 * mend.
 */
export function assemble(text: string, options: ReadObjectOptions = {}): ObjectSpec {
  return readObject(writeElf(parseImage(text, options.name)), options);
}

/** Throws InputError. */
export function parseImage(text: string, file?: string): ObjectImage {
  return new ImageParser(file).run(text);
}

/** Directives of compilers that say nothing that the object needs. */
const ignored = new Set(
  '.file .p2align .align .balign .size .ident .addrsig .addrsig_sym .loc .cfi_startproc .cfi_endproc .hidden .protected .text_end'.split(
    ' ',
  ),
);

/** Bytes of each number, by GNU as's names. */
const dataWidths: Readonly<Record<string, number>> = {
  '.byte': 1,
  '.short': 2,
  '.hword': 2,
  '.half': 2,
  '.2byte': 2,
  '.long': 4,
  '.int': 4,
  '.word': 4,
  '.4byte': 4,
  '.quad': 8,
  '.8byte': 8,
};

/** Most bytes that all `.zero` together may ask for. */
const maxZeros = 64 << 20;

/** Reads a text statement by statement. What is open (section, map) is what the next statement adds to. */
class ImageParser {
  private readonly file: string | undefined;
  /** A disassembler's: it defines no maps and no data, so names of such are symbols that nobody defines. */
  private isListing = false;
  private license = '';
  private version = 0;
  private btf = '';
  /** Bytes that `.zero` asked for so far. */
  private zeros = 0;
  private readonly sections = new Map<string, CodeText | DataText>();
  private section: CodeText | DataText | undefined;
  private readonly maps: MutableMap[] = [];
  private readonly externs = new Map<string, ExternImage>();
  private readonly globals = new Set<string>();
  private readonly functions = new Set<string>();
  /** Functions of the sections that are done. */
  private readonly defined = new Set<string>();
  /** The line at hand, for messages. */
  private line: SourceLine = { line: 0, labels: [], numbers: [], opcode: undefined, text: '', comment: '' };

  constructor(file: string | undefined) {
    this.file = file;
  }

  run(text: string): ObjectImage {
    const listing = fromListing(text);
    this.isListing = listing !== undefined;
    for (const line of splitSource(listing ?? text)) {
      this.line = line;
      this.statement(line);
    }
    const code = [...this.sections.values()].filter((section) => section.kind === 'code');
    const btf = this.btf === '' ? undefined : decodeBase64(this.btf);
    this.checkTypes(btf);
    const data = [...this.sections.values()].filter((section) => section.kind === 'data');
    const license = data.find((section) => section.name === 'license');
    if (license !== undefined) this.license = cString(license.bytes.done());
    return {
      license: this.license,
      version: this.version,
      code: this.assembleSections(code, data),
      maps: this.maps.map(({ map }) => map),
      data: data
        .filter((section) => section.name !== 'license' && section.bytes.length > 0)
        .map(({ name, bytes, mmapable }): DataImage => ({ name, bytes: bytes.done(), mmapable })),
      externs: [...this.externs.values()],
      btf,
    };
  }

  private fail(what: string, hint?: string, line: SourceLine = this.line): never {
    throw new InputError(`${what} in \`${line.text}\``, { source: `${this.file ?? 'line'}:${line.line}` }, hint);
  }

  private statement(line: SourceLine): void {
    const word = /^\.[\w]+/.exec(line.text)?.[0];
    const section = this.section;
    if (word !== undefined && !(word === '.quad' && section?.kind === 'code')) {
      if (line.labels.length > 0) this.labels(line);
      this.directive(word, line);
      return;
    }
    if (line.text === '' && line.labels.length === 0 && line.numbers.length === 0) {
      if (section?.kind === 'code') this.sourceLine(section, line.comment);
      return;
    }
    if (section?.kind === 'data') {
      this.labels(line);
      if (line.text !== '') {
        this.fail(`an instruction in data section \`${section.name}\``, 'open a section for code: `.section xdp`');
      }
    } else this.insn(this.code(), line);
  }

  /** Keeps an instruction's line, with the CO-RE records that were said before it. */
  private insn(code: CodeText, line: SourceLine): void {
    code.lines.push(line);
    if (line.text === '') return;
    if (code.source !== undefined) code.sources.set(line, code.source);
    code.source = undefined;
    if (code.pending.length === 0) return;
    code.core.set(line, code.pending);
    code.pending = [];
  }

  /** A comment `x = 1; @ prog.c:12`, as listings with sources have it: where the next instruction comes from. */
  private sourceLine(code: CodeText, comment: string): void {
    const found = /^(?:(.*) )?@ (\S+):(\d+)$/.exec(comment.trim());
    if (found === null) return;
    const [, text = '', file = '', line = ''] = found;
    code.source = { text: text.trim(), file, line: Number(line) };
  }

  /** `.core byte_off 12 "0:1"`: a CO-RE relocation of the next instruction. */
  private coreRelocation(cursor: Cursor): void {
    const name = cursor.kind() === 'word' ? cursor.next() : String(cursor.bounded('kind', 0n, 0xffn));
    const kind = /^\d+$/.test(name) ? Number(name) : coreKinds.indexOf(name as never);
    if (kind < 0) this.fail(`\`${name}\` is no kind of CO-RE relocation`, `kinds: ${coreKinds.join(', ')}`);
    const typeId = cursor.bounded('type', 0n, 0xffffffffn);
    this.code().pending.push({ kind, typeId, access: cursor.symbol('a path in quotes') });
  }

  /** Labels of data are offsets; those of code go with the lines. */
  private labels(line: SourceLine): void {
    const { section } = this;
    if (section?.kind === 'data') {
      for (const label of line.labels) {
        if (section.labels.has(label)) this.fail(`\`${label}\` is defined twice`);
        section.labels.set(label, section.bytes.length);
      }
    } else this.code().lines.push({ ...line, text: '' });
  }

  /** The open code section; `xdp` where none was opened. */
  private code(): CodeText {
    if (this.section === undefined) this.open('xdp');
    return this.section?.kind === 'code' ? this.section : this.fail('this belongs into a code section');
  }

  /** Opens a section, which may be known already: text goes on at its end. */
  private open(name: string): CodeText | DataText {
    const known = this.sections.get(name);
    const isData = /^\.(?:rodata|data|bss)(?:\.|$)/.test(name) || name === 'license';
    const made: CodeText | DataText = isData
      ? { kind: 'data', name, mmapable: false, bytes: new ByteSink(), labels: new Map() }
      : { kind: 'code', name, lines: [], core: new Map(), pending: [], sources: new Map(), source: undefined };
    const section = known ?? made;
    this.sections.set(name, section);
    this.section = section;
    return section;
  }

  /** What begins with a dot, but for numbers in code. */
  private directive(word: string, line: SourceLine): void {
    if (ignored.has(word)) return;
    const rest = line.text.slice(word.length).trim();
    const cursor = new Cursor(word === '.section' ? '' : rest, { file: this.file, line: line.line });
    switch (word) {
      case '.text':
        this.open('.text');
        break;
      case '.data':
      case '.bss':
      case '.rodata':
        this.open(word);
        break;
      case '.section':
        this.openSection(rest);
        break;
      case '.license':
        this.license = cursor.symbol('the licence in quotes');
        break;
      case '.version':
        this.version = cursor.bounded('version', 0n, 0xffffffffn);
        break;
      case '.btf':
        this.btf += cursor.symbol('base64 in quotes');
        break;
      case '.globl':
      case '.global':
        this.globals.add(cursor.symbol('a name'));
        break;
      case '.extern':
      case '.weak': {
        const name = cursor.symbol('a name');
        const undeclared = cursor.accept(',');
        if (undeclared) cursor.expect('undeclared', 'a symbol that types do not know is `NAME, undeclared`');
        const extern = { name, weak: word === '.weak' };
        this.externs.set(name, undeclared ? { ...extern, declared: false } : extern);
        break;
      }
      case '.type': {
        const name = cursor.symbol('a name');
        if (/function/.test(rest)) this.functions.add(name);
        return;
      }
      case '.map':
        this.addMap(cursor);
        break;
      case '.inner':
        this.addInner(cursor);
        break;
      case '.core':
        this.coreRelocation(cursor);
        break;
      case '.values':
        this.openValues(cursor);
        break;
      case '.slot':
        this.addSlot(cursor);
        break;
      default:
        this.data(word, cursor);
    }
    cursor.finish();
  }

  /** `xdp`, `"xdp/a b"`, `.data, mmapable`, `xdp,"ax",@progbits`. */
  private openSection(rest: string): void {
    const found = /^(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,(.*))?$/.exec(rest);
    if (found === null) this.fail('no section name', 'write `.section NAME`');
    const section = this.open(found[1] === undefined ? (found[2] ?? '') : unescapeText(found[1]));
    if (/\bmmapable\b/.test(found[3] ?? '')) {
      if (section.kind === 'code') this.fail('code is never mmapable');
      else section.mmapable = true;
    }
  }

  /** `type=hash key=4 ...` as a map. Throws for a field that is unknown, twice or missing. */
  private mapFields(cursor: Cursor, name: string): MapImage {
    const values = new Map<string, number | bigint | string>();
    while (!cursor.atEnd()) {
      const key = cursor.symbol('a field');
      cursor.expect('=', 'fields are NAME=VALUE, without blanks between them');
      if (values.has(key)) this.fail(`\`${key}\` is given twice`);
      values.set(key, cursor.kind() === 'word' ? cursor.next() : cursor.number());
    }
    const take = (key: string): number => {
      const value = values.get(key) ?? 0n;
      values.delete(key);
      if (typeof value !== 'bigint' || value < 0n || value > 0xffffffffn) {
        this.fail(`\`${key}=${value}\` is not a number from 0 to 4294967295`);
      }
      return Number(value);
    };
    const type = values.get('type');
    values.delete('type');
    const typeNumber = typeof type === 'string' ? mapTypeNames.indexOf(type as never) : Number(type ?? 0);
    if (typeNumber <= 0)
      this.fail(`\`type=${String(type)}\` is no map type`, `types: ${mapTypeNames.slice(1).join(', ')}`);
    const numa = values.has('numa_node');
    const extra = values.get('extra') ?? 0n;
    values.delete('extra');
    if (typeof extra !== 'bigint' || extra < 0n || extra >= 1n << 64n)
      this.fail(`\`extra=${extra}\` is no number of 64 bits`);
    const pinning = values.get('pinning') ?? 'none';
    values.delete('pinning');
    if (pinning !== 'by_name' && pinning !== 'none') {
      this.fail(`\`pinning=${pinning}\` is unknown`, 'pinning=by_name, or leave it out');
    }
    const map: MapImage = {
      name,
      typeNumber,
      keySize: take('key'),
      valueSize: take('value'),
      maxEntries: take('max_entries'),
      flags: take('flags'),
      extra,
      numaNode: numa ? take('numa_node') : undefined,
      pinning: pinning === 'by_name',
      btfKeyId: take('btf_key'),
      btfValueId: take('btf_value'),
      inner: undefined,
      values: undefined,
    };
    for (const key of values.keys()) {
      const known = 'type key value max_entries flags extra numa_node pinning btf_key btf_value';
      this.fail(`maps have no field \`${key}\``, `fields: ${known}`);
    }
    return map;
  }

  private addMap(cursor: Cursor): void {
    const name = cursor.symbol('a name for the map');
    if (this.maps.some(({ map }) => map.name === name)) this.fail(`map \`${name}\` is defined twice`);
    this.maps.push({ line: this.line, map: this.mapFields(cursor, name) });
  }

  /** What libbpf would refuse later is refused here, where the line is known. */
  private addInner(cursor: Cursor): void {
    const inner = this.mapFields(cursor, '');
    const outer = this.maps.at(-1)?.map;
    if (outer?.inner !== undefined) this.fail(`map \`${outer.name}\` has an \`.inner\` already`);
    if (outer !== undefined && !holds(outer, 'maps')) {
      this.fail(`map \`${outer.name}\` of type ${typeText(outer)} holds no maps`, 'array_of_maps and hash_of_maps do');
    }
    if (inner.pinning) this.fail('inner maps cannot be pinned');
    this.change({ inner });
  }

  /** Adds to the map that was defined last. */
  private change(change: Partial<MapImage>): void {
    const last = this.maps.at(-1);
    if (last === undefined) this.fail('there is no map yet', 'this belongs behind a `.map`');
    else last.map = { ...last.map, ...change };
  }

  /** `.values`: the slots that follow are of the map before. */
  private openValues(cursor: Cursor): void {
    const kind = cursor.symbol('maps or programs');
    if (kind !== 'maps' && kind !== 'programs') this.fail(`values are maps or programs, not \`${kind}\``);
    this.checkValues(kind);
    this.change({ values: { kind, slots: new Map() } });
  }

  /** `.slot 3, NAME`; without `.values`, the map's type says what the names are. */
  private addSlot(cursor: Cursor): void {
    const slot = cursor.bounded('slot', 0n, 0xffffffffn);
    cursor.accept(',');
    const name = cursor.symbol('a map or program');
    const map = this.maps.at(-1)?.map;
    const kind = map?.values?.kind ?? (mapTypeNames[map?.typeNumber ?? 0] === 'prog_array' ? 'programs' : 'maps');
    this.checkValues(kind);
    if (map?.values?.slots.has(slot) === true) this.fail(`slot ${slot} is filled twice`);
    this.change({ values: { kind, slots: new Map([...(map?.values?.slots ?? []), [slot, name]]) } });
  }

  /** Types of keys and values have to be there, in the size that the map says. */
  private checkTypes(bytes: Uint8Array | undefined): void {
    const btf = bytes === undefined ? undefined : new Btf(bytes);
    for (const { map, line } of this.maps) {
      for (const shape of [map, map.inner]) {
        if (shape === undefined) continue;
        const ids = [
          ['btf_key', shape.btfKeyId, shape.keySize],
          ['btf_value', shape.btfValueId, shape.valueSize],
        ] as const;
        for (const [field, id, size] of ids) {
          if (id === 0 || (btf !== undefined && id < btf.count && btf.sizeOf(id) === size)) continue;
          const what = btf === undefined ? 'there is no `.btf`' : `type ${id} of the \`.btf\` has not ${size} bytes`;
          this.fail(`\`${field}=${id}\`: ${what}`, `leave out \`${field}\``, line);
        }
      }
    }
  }

  private checkValues(kind: 'maps' | 'programs'): void {
    const map = this.maps.at(-1)?.map;
    if (map === undefined || holds(map, kind)) return;
    this.fail(
      `map \`${map.name}\` of type ${typeText(map)} holds no ${kind}`,
      kind === 'maps' ? 'array_of_maps and hash_of_maps do' : 'prog_array does',
    );
  }

  private data(word: string, cursor: Cursor): void {
    const { section } = this;
    const width = dataWidths[word];
    const known = width !== undefined || ['.ascii', '.asciz', '.string', '.zero', '.skip', '.space'].includes(word);
    if (!known) this.fail(`\`${word}\` is no directive`, 'directives are listed in docs/assembly.md');
    if (section?.kind !== 'data') this.fail(`\`${word}\` outside a data section`, 'open one: `.section .rodata`');
    if (width !== undefined) {
      do {
        let value = BigInt.asUintN(8 * width, cursor.number());
        if (value !== 0n) this.refuseInBss(section);
        for (let i = 0; i < width; i++, value >>= 8n) section.bytes.push(Number(value & 0xffn));
      } while (cursor.accept(','));
    } else if (word === '.zero' || word === '.skip' || word === '.space') {
      const size = cursor.bounded('size', 0n, BigInt(maxZeros));
      if (this.zeros + size > maxZeros) this.fail(`more than ${maxZeros} bytes of zeros`);
      this.zeros += size;
      section.bytes.zero(size);
    } else {
      do {
        const bytes = encodeUtf8(cursor.symbol('text in quotes'));
        if (bytes.length > 0) this.refuseInBss(section);
        for (const byte of bytes) section.bytes.push(byte);
        if (word !== '.ascii') section.bytes.push(0);
      } while (cursor.accept(','));
    }
  }

  /** What `.bss` holds is not in the file. */
  private refuseInBss({ name }: DataText): void {
    if (/^\.bss(?:\.|$)/.test(name)) this.fail(`\`${name}\` holds zeros only`, 'put it into `.data`');
  }

  /**
   * Assembles all code. Names that are no label here may be functions of another section, so all labels are known
   * first.
   */
  private assembleSections(code: readonly CodeText[], data: readonly DataText[]): CodeImage[] {
    const assembled = code.map((section) => ({ section, code: assembleLines(section.lines, this.file) }));
    const elsewhere = new Set(assembled.flatMap((entry) => [...entry.code.labels.keys()]));
    const called = new Set(
      assembled.flatMap((entry) => entry.code.references.map(({ reference }) => reference.symbol)),
    );
    return assembled
      .filter((entry) => entry.code.insns.length > 0)
      .map((entry) => {
        const insns = entry.code.insns;
        const references: ReferenceImage[] = [];
        for (const found of entry.code.references) {
          const made = this.resolve(found, elsewhere, data);
          if (typeof made === 'number') insns[found.slot] = { code: op.CALL_OP, dst: 0, src: 0, off: 0, imm: made };
          else references.push(made);
        }
        const core = [...entry.code.lines].flatMap((line, slot) =>
          (line === entry.code.lines[slot - 1] ? [] : (entry.section.core.get(line) ?? [])).map((relocation) => ({
            slot,
            ...relocation,
          })),
        );
        return {
          name: entry.section.name,
          insns,
          functions: this.cut(entry.code, called, entry.section.sources),
          references,
          core,
        };
      });
  }

  /** A reference, or the number of a helper. */
  private resolve(
    found: SymbolReference,
    labels: ReadonlySet<string>,
    data: readonly DataText[],
  ): ReferenceImage | number {
    const { reference, slot, line } = found;
    const { symbol } = reference;
    if (labels.has(symbol)) {
      return { slot, kind: reference.kind === 'call' ? 'call' : 'load', symbol, addend: undefined };
    }
    if (reference.kind === 'call') {
      if (this.externs.has(symbol)) return { slot, kind: 'call', symbol, addend: undefined };
      const helper = helperNumber(symbol);
      if (helper !== undefined) return helper;
      if (this.isListing) return { slot, kind: 'call', symbol: this.undeclared(symbol), addend: undefined };
      return this.fail(
        `\`${symbol}\` is neither a function nor a helper`,
        `a function of the kernel is declared by \`.extern ${symbol}\``,
        line,
      );
    }
    const known = this.maps.some(({ map }) => map.name === symbol) || this.externs.has(symbol);
    if (this.externs.get(symbol)?.declared === false) return { slot, kind: 'load', symbol, addend: reference.addend };
    if (known && reference.addend === undefined) return { slot, kind: 'load', symbol, addend: undefined };
    if (known) {
      return this.fail(
        `an object file refers to \`${symbol}\` as a whole, not to a place in it`,
        'only data has places: open a section for it, or look the value up',
        line,
      );
    }
    for (const section of data) {
      const at = section.name === symbol ? 0 : section.labels.get(symbol);
      if (at !== undefined) {
        return { slot, kind: 'load', symbol: section.name, addend: at + (reference.addend ?? 0) };
      }
    }
    if (this.isListing) return { slot, kind: 'load', symbol: this.undeclared(symbol), addend: reference.addend };
    return this.fail(
      `\`${symbol}\` is neither a map, nor data, nor a function`,
      `define it, or declare a symbol of the kernel by \`.extern ${symbol}\``,
      line,
    );
  }

  /** Makes `name` a symbol that nobody defines. */
  private undeclared(name: string): string {
    this.externs.set(name, { name, weak: false, declared: false });
    return name;
  }

  /**
   * Functions begin at labels that are declared global or functions, or that something calls; and at the section's
   * start.
   */
  private cut(
    code: AssembledCode,
    called: ReadonlySet<string>,
    sources: ReadonlyMap<SourceLine, SaidLine>,
  ): FunctionImage[] {
    const starts = new Map<number, string>();
    for (const [label, slot] of code.labels) {
      const declared = this.globals.has(label) || this.functions.has(label) || called.has(label);
      if (declared && slot < code.insns.length && !starts.has(slot)) starts.set(slot, label);
    }
    if (!starts.has(0)) {
      const first = [...code.labels].find(([, slot]) => slot === 0)?.[0] ?? 'prog';
      starts.set(0, first);
      this.globals.add(first);
    }
    const sorted = [...starts].sort(([a], [b]) => a - b);
    for (const [slot, name] of sorted) {
      if (this.defined.has(name)) this.fail(`function \`${name}\` is defined twice`, undefined, code.lines[slot]);
      this.defined.add(name);
    }
    return sorted.map(([start, name], i): FunctionImage => {
      const end = sorted[i + 1]?.[0] ?? code.insns.length;
      const global = this.globals.has(name);
      const lines: LineSpec[] = [];
      for (let slot = start; slot < end; slot++) {
        const line = code.lines[slot];
        const said = line === undefined || line === code.lines[slot - 1] ? undefined : sources.get(line);
        if (said !== undefined) lines.push({ insn: slot, column: 0, ...said });
      }
      return { name, start, end, global, btfId: 0, base: 0, lines, notes: new Map() };
    });
  }
}

function typeText({ typeNumber }: MapImage): string {
  return mapTypeNames[typeNumber] ?? String(typeNumber);
}

/** Whether a map's values may be maps, or programs. Types that nobody knows may hold anything. */
function holds(map: MapImage, kind: 'maps' | 'programs'): boolean {
  const type = mapTypeNames[map.typeNumber];
  if (type === undefined) return true;
  return kind === 'maps' ? type === 'array_of_maps' || type === 'hash_of_maps' : type === 'prog_array';
}

/** Up to the first zero byte. */
function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeUtf8(end < 0 ? bytes : bytes.subarray(0, end));
}
