/**
 * What disassemblers print, as assembler text: `llvm-objdump -d`, `-dr`, `-dS` and `bpftool prog dump xlated` (also
 * with `opcodes` and `linum`). Each line becomes one line of directives or instructions, so that places in messages
 * stay true:
 *
 *     prog.o:  file format elf64-bpf              nothing
 *     Disassembly of section xdp:                 .section "xdp"
 *     0000000000000028 <f>:                       "f": .type "f", @function        (.globl for a program)
 *     7: 18 01 ...  r1 = 0x0 ll                   r1 = "flows" ll                  by the relocation on the next line
 *     0000000000000038:  R_BPF_64_64  flows       nothing
 *     30: 85 10 ...  call 0x6                     call pc+6                        by its bytes: the text does not
 *                                                                                  say whom it calls
 *     int f(struct xdp_md * ctx):                 "f": .globl "f"
 *     5: (18) r1 = map[id:7][0]+4                 r1 = "map id 7" + 4 ll
 *
 * Listings define no maps and no data. Names of such things stay undefined symbols unless the text also has `.map` and
 * the like.
 */
import { op, symbolText } from '../isa/index.js';
import { helperNumber } from '../platform/index.js';

/** The text in the assembler's own words, or undefined where it is no listing. */
export function fromListing(text: string): string | undefined {
  const lines = text.split(/\r\n|\n|\r/);
  if (!lines.some((line) => signs.some((sign) => sign.test(line)))) return undefined;
  return new Listing(lines).text();
}

const sectionHead = /^Disassembly of section (.+):$/;
/** LLVM before 11 has it in capitals, and labels without addresses. */
const formatHead = /^.*:\s+file format elf64-(?:bpf|bpfel)\b.*$/i;
const address = /^([0-9a-f]{16}) <(.+)>:$/;
const relocation = /^\s+[0-9a-f]{8,16}:\s+(R_BPF_\w+)\s+(.+?)\s*$/;
/** `int f(struct xdp_md * ctx):`; a jump label has no parameters. */
const prototype = /^(?![\s;#/]).*?\b([A-Za-z_]\w*)\(.*\):$/;
const mapById = /map\[id:(\d+)\](?:\[0\]\+(\d+))?/;
const signs = [sectionHead, formatHead, relocation, prototype, mapById];

/** Slot number, then bytes, then text; the bytes may be left out. */
const instruction = /^(\s*(\d+):\s+)((?:[0-9a-f]{2} ){7}(?:(?:[0-9a-f]{2} ){8})?[0-9a-f]{2})?(\s*)(\S.*)$/;
const bytesAlone = /^\s+(?:[0-9a-f]{2} ){7}(?:(?:[0-9a-f]{2} ){8})?[0-9a-f]{2}\s*$/;
/** Branch targets that older compilers left in the symbol table. */
const branchLabel = /^\.?L(?:BB|tmp|func)/;

/** A line with what has to be known from around it: its section, and the relocation that the next line tells. */
interface ListedLine {
  readonly raw: string;
  readonly section: string;
  readonly reloc: { readonly type: string; readonly symbol: string } | undefined;
}

/** Translates line by line; nothing is added or removed, so numbers of lines hold. */
class Listing {
  private readonly lines: readonly ListedLine[];
  /** Functions by section and slot. */
  private readonly functions = new Map<string, Map<number, string>>();
  private firstPrototype: string | undefined;
  /** Functions that others call or take the address of: no programs. */
  private readonly called = new Set<string>();

  constructor(raw: readonly string[]) {
    let section = '';
    this.lines = raw.map((line, i) => {
      section = sectionHead.exec(line)?.[1] ?? section;
      this.firstPrototype ??= prototype.exec(line)?.[1];
      const label = address.exec(line);
      if (label !== null && !branchLabel.test(label[2] ?? '')) {
        const here = this.functions.get(section) ?? new Map<number, string>();
        here.set(Number.parseInt(label[1] ?? '', 16) / 8, label[2] ?? '');
        this.functions.set(section, here);
      }
      const next = relocation.exec(raw[i + 1] ?? '');
      return { raw: line, section, reloc: next === null ? undefined : { type: next[1] ?? '', symbol: next[2] ?? '' } };
    });
  }

  text(): string {
    // Twice, since what is called is known when all calls are.
    this.lines.map((line) => this.line(line));
    return this.lines.map((line) => this.line(line)).join('\n');
  }

  /** One line of assembler for one of the listing. */
  private line({ raw, section, reloc }: ListedLine): string {
    if (formatHead.test(raw) || bytesAlone.test(raw) || relocation.test(raw)) return '';
    const head = sectionHead.exec(raw)?.[1];
    if (head !== undefined) return `.section "${head}"`;
    const label = address.exec(raw)?.[2];
    if (label !== undefined)
      return branchLabel.test(label) ? `${symbolText(label)}:` : this.functionHead(label, section);
    const declared = prototype.exec(raw)?.[1];
    // A loaded program comes first, and its functions behind it.
    if (declared !== undefined)
      return this.functionHead(declared, declared === this.firstPrototype ? section : '.text');
    const found = instruction.exec(raw);
    if (found === null) return raw;
    const [, prefix = '', slot = '', bytes, gap = '', words = ''] = found;
    const statement = this.statement(words, Number(slot), section, bytes, reloc);
    return statement === words ? raw : `${prefix}${bytes ?? ''}${gap}${statement}`;
  }

  /** A label of a function. In a program's section it is the program unless somebody calls it. */
  private functionHead(name: string, section: string): string {
    const symbol = symbolText(name);
    const isProgram = section !== '.text' && !this.called.has(name);
    return isProgram ? `${symbol}: .globl ${symbol}` : `${symbol}: .type ${symbol}, @function`;
  }

  /** An instruction; where the words leave open what is meant, its bytes are read instead. */
  private statement(
    words: string,
    slot: number,
    section: string,
    bytes: string | undefined,
    reloc: ListedLine['reloc'],
  ): string {
    const word = bytes === undefined ? [] : bytes.split(' ').map((byte) => Number.parseInt(byte, 16));
    const src = (word[1] ?? 0) >> 4;
    const load = /^r(\d+) = (-?0x[0-9a-f]+|-?\d+) ll/.exec(words);
    const call = /^call (-?0x[0-9a-f]+|-?\d+)\s*$/.exec(words);
    if (load !== null && reloc !== undefined) return this.load(Number(load[1]), integer(load[2]), reloc.symbol);
    if (load !== null && src !== 0) return `ld_pseudo r${load[1]}, ${src}, ${halves(integer(load[2]))}`;
    if (call !== null && reloc !== undefined) return `call ${this.callee(Number(integer(call[1])), reloc.symbol)}`;
    if (call !== null && src === op.CALL_LOCAL) {
      const distance = Number(integer(call[1]));
      const callee = this.functions.get(section)?.get(slot + 1 + distance);
      if (callee !== undefined) this.called.add(callee);
      return callee === undefined ? `call pc${signed(distance)}` : `call ${symbolText(callee)}`;
    }
    if (words.startsWith('<unknown>') && bytes !== undefined) return quads(word);
    return fromKernel(words);
  }

  /**
   * A symbol's address plus what stands in the instruction. That of code is a function's: bytes from its section's
   * start.
   */
  private load(dst: number, addend: bigint, symbol: string): string {
    const fn = this.functions.get(symbol)?.get(Number(addend) / 8);
    if (fn !== undefined) this.called.add(fn);
    const isFunction = [...this.functions.values()].some((here) => [...here.values()].includes(symbol));
    if (isFunction) this.called.add(symbol);
    if (fn !== undefined) return `r${dst} = ${symbolText(fn)} ll`;
    const isData = /^\.(?:rodata|data|bss)(?:\.|$)/.test(symbol);
    return `r${dst} = ${symbolText(symbol)}${isData || addend !== 0n ? ` + ${addend}` : ''} ll`;
  }

  /** What a relocated call means: a function by its slot in the section, or by name. */
  private callee(imm: number, symbol: string): string {
    const name = this.functions.get(symbol)?.get(imm + 1) ?? symbol;
    this.called.add(name);
    return symbolText(name);
  }
}

/**
 * What the kernel's disassembler says of a loaded program: maps by id, helpers by address, casts without a text of
 * their own.
 */
function fromKernel(words: string): string {
  const helper = /^(\([0-9a-f]{2}\) )?call (\w+)#-?\d+$/.exec(words);
  if (helper !== null && helperNumber(helper[2] ?? '') !== undefined) return `call ${helper[2]}`;
  const percpu = /^\(bf\) r(\d+) = &\(void __percpu \*\)\(r(\d+)\)$/.exec(words);
  if (percpu !== null) return quads([0xbf, registers(percpu[1], percpu[2]), 0xff, 0xff, 0, 0, 0, 0]);
  const cast = /^\(bf\) r(\d+) = addr_space_cast\(r(\d+), (\d+), (\d+)\)$/.exec(words);
  if (cast !== null) return quads([0xbf, registers(cast[1], cast[2]), 1, 0, Number(cast[4]), 0, Number(cast[3]), 0]);
  return words.replace(
    /^(?:\(18\) )?r(\d+) = map\[id:(\d+)\](?:\[0\]\+(\d+))?$/,
    (_all, dst: string, id: string, offset: string | undefined) =>
      `r${dst} = "map id ${id}"${offset === undefined ? '' : ` + ${offset}`} ll`,
  );
}

function registers(dst = '0', src = '0'): number {
  return (Number(src) << 4) | Number(dst);
}

/** `.quad` for each eight bytes. */
function quads(bytes: readonly number[]): string {
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 8) {
    const digits = bytes.slice(at, at + 8).reverse();
    words.push(`0x${digits.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`);
  }
  return `.quad ${words.join(', ')}`;
}

/** `0x1f`, `-0x1`, `12`: BigInt() takes no sign before 0x. */
function integer(text = '0'): bigint {
  return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
}

function halves(value: bigint): string {
  return `${BigInt.asUintN(32, value)}, ${BigInt.asUintN(32, value >> 32n)}`;
}

function signed(value: number): string {
  return value < 0 ? String(value) : `+${value}`;
}
