/**
 * Expressions over the state of a packet: C's operators, on whole numbers of any size, and names for what there is.
 *
 *     r0 ... r10, w0 ... w9         registers, unsigned; their low halves
 *     ip.ttl, tcp.dport, ip2.src    fields of the packet as it is now, as numbers: ip.src == 10.0.0.1
 *     pkt, pkt[12:2], len           address of the packet, bytes of it (big-endian), its length
 *     ctx                           address of the context
 *     limit, cfg.ports[2]           global variables
 *     flows[{src: 10.0.0.1}].bytes  an element of a map by its key, or a member of it
 *     r6->bytes                     a member of the map value that a register points to
 *     u32[r2 + 4], *(u32 *)(r2 + 4) memory, little-endian
 *     (s32)r1                       a cast
 *     step, depth, pc               the position, frames below this one, the instruction
 *
 * What is not there (a field of a header that the packet does not have, an element that the map does not have) has no
 * value: comparing it is false.
 */
import { InputError } from '../base/index.js';
import type { ObjectSpec } from '../object/index.js';
import { checkFieldName, fieldInteger, fieldOf, protocolOf } from '../packet/index.js';
import { nearest } from '../text/index.js';
import {
  dumpEntry,
  encodeKey,
  findGlobal,
  findMap,
  formatBytes,
  formatGlobal,
  globalsOf,
  parseLooseJson,
} from '../vm/index.js';
import type { Execution } from './execution.js';
import { mapPlaceOf, plainText } from './symbols.js';
import { bigEndian, type Token, tokensOf } from './tokens.js';

/** What an expression comes to. */
export interface Value {
  /** Undefined: it is no number. */
  readonly number: bigint | undefined;
  /** As people read it. */
  readonly text: string;
  /** Of a struct, union or array: its parts. */
  readonly parts?: unknown;
}

/** A parsed expression. */
export interface Expression {
  readonly text: string;
  /** The value at the execution's position; undefined: it is not there. Throws InputError for what makes no sense. */
  evaluate(execution: Execution): Value | undefined;
}

type Node = (execution: Execution) => Value | undefined;

/** Names of C and of the kernel for whole numbers: bits, and whether they are signed. */
const types: Readonly<Record<string, readonly [bits: number, signed: boolean]>> = Object.fromEntries(
  [8, 16, 32, 64].flatMap((bits) => [
    ...[`u${bits}`, `__u${bits}`, `uint${bits}_t`].map((name) => [name, [bits, false]] as const),
    ...[`s${bits}`, `__s${bits}`, `int${bits}_t`].map((name) => [name, [bits, true]] as const),
  ]),
);

/** Throws InputError that says what there is not, and the nearest name. */
export function parseExpression(text: string, object: ObjectSpec): Expression {
  if (text.trim() === '') throw new InputError('an expression is missing', {}, 'such as: r0, ip.ttl, limit, pkt[12:2]');
  const parser = new Parser(text, object);
  const node = parser.whole();
  return { text: text.trim(), evaluate: node };
}

/** A number as people read it: small ones in decimal, others in hexadecimal too. */
export function numberText(value: bigint): string {
  if (value < 0n) return value.toString();
  return value < 10n ? value.toString() : `${value} (0x${value.toString(16)})`;
}

function numeric(number: bigint): Value {
  // Conditions ask for numbers a million times, and for words once.
  return {
    number,
    get text() {
      return numberText(number);
    },
  };
}

/** A value that BTF describes. */
function typedValue(json: unknown): Value | undefined {
  if (json === undefined || json === null) return undefined;
  if (typeof json === 'number') return numeric(BigInt(json));
  if (typeof json === 'boolean') return { number: json ? 1n : 0n, text: String(json) };
  if (typeof json === 'string' && /^-?\d+$|^0x[0-9a-f]+$/.test(json)) return numeric(BigInt(json));
  const text = plainText(json) ?? '';
  return typeof json === 'object' ? { number: undefined, text, parts: json } : { number: undefined, text };
}

const levels: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];

const comparisons: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

const arithmetic: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '&': (a, b) => a & b,
  '<<': (a, b) => a << BigInt.asUintN(6, b),
  '>>': (a, b) => a >> BigInt.asUintN(6, b),
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => (b === 0n ? 0n : a / b),
  '%': (a, b) => (b === 0n ? a : a % b),
};

/** Recursive descent; a node is a function of the state. */
class Parser {
  private readonly text: string;
  private readonly object: ObjectSpec;
  private readonly tokens: readonly Token[];
  private next = 0;

  constructor(text: string, object: ObjectSpec) {
    this.text = text;
    this.object = object;
    this.tokens = tokensOf(text);
  }

  whole(): Node {
    const node = this.binary(0);
    if (this.token.kind !== 'end') this.fail('an operator');
    return node;
  }

  private get token(): Token {
    return this.tokens[this.next] as Token; // the last one is the end, and is never passed
  }

  private fail(expected: string): never {
    throw new InputError(
      `\`${this.text.trim()}\`: expected ${expected} before ${this.token.kind === 'end' ? 'the end' : `\`${this.token.text}\``}`,
    );
  }

  private take(sign: string): boolean {
    if (this.token.kind !== 'sign' || this.token.text !== sign) return false;
    this.next++;
    return true;
  }

  private expect(sign: string): void {
    if (!this.take(sign)) this.fail(`\`${sign}\``);
  }

  private binary(level: number): Node {
    const signs = levels[level];
    if (signs === undefined) return this.unary();
    let left = this.binary(level + 1);
    while (this.token.kind === 'sign' && signs.includes(this.token.text)) {
      const sign = this.token.text;
      this.next++;
      left = combined(sign, left, this.binary(level + 1));
    }
    return left;
  }

  private unary(): Node {
    if (this.take('!')) {
      const node = this.unary();
      return (execution) => numeric(isTrue(node(execution)) ? 0n : 1n);
    }
    if (this.take('-')) return mapped(this.unary(), (value) => -value);
    if (this.take('~')) return mapped(this.unary(), (value) => BigInt.asUintN(64, ~value));
    if (this.take('*')) return this.pointee();
    const cast = this.cast(false);
    if (cast !== undefined) {
      const [bits, signed] = cast;
      return mapped(this.unary(), (value) => (signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)));
    }
    return this.postfix();
  }

  /** `(u32)`, or `(u32 *)`, if it is one. */
  private cast(isPointer: boolean): readonly [bits: number, signed: boolean] | undefined {
    const [open, name, star, close] = this.tokens.slice(this.next, this.next + 4);
    if (open?.text !== '(' || name?.kind !== 'name') return undefined;
    const type = types[name.text];
    const end = isPointer ? close : star;
    if (type === undefined || end?.text !== ')' || (isPointer && star?.text !== '*')) return undefined;
    this.next += isPointer ? 4 : 3;
    return type;
  }

  private pointee(): Node {
    const type = this.cast(true);
    if (type !== undefined) return loaded(this.unary(), type);
    const node = this.unary();
    return (execution) => pointedValue(this.object, execution, node(execution), this.text);
  }

  private postfix(): Node {
    if (this.take('(')) {
      const node = this.binary(0);
      this.expect(')');
      return node;
    }
    const { token } = this;
    if (token.kind === 'number') {
      this.next++;
      return () => ({ number: token.value, text: token.text });
    }
    if (token.kind !== 'name') this.fail('a value');
    this.next++;
    return this.named(token);
  }

  private named(token: Token): Node {
    const { text: name } = token;
    const register = /^([rw])(\d|10)$/.exec(name);
    if (register !== null) return this.register(register[1] === 'w', Number(register[2]));
    const special = specials[name];
    if (special !== undefined && !(name === 'pkt' && this.token.text === '[')) return special;
    if (name === 'pkt') return this.packetBytes();
    if (types[name] !== undefined && this.token.text === '[') {
      this.next++;
      const address = this.binary(0);
      this.expect(']');
      return loaded(address, types[name] as readonly [number, boolean]);
    }
    if (protocolOf(name) !== undefined && this.token.text === '.') return this.field(name);
    if (this.token.text === '[' && this.object.maps.some((map) => map.name === name)) return this.mapElement(name);
    return this.global(name);
  }

  private register(isHalf: boolean, index: number): Node {
    const node: Node = ({ registers }) => {
      const whole = registers.u64[index] ?? 0n;
      return numeric(isHalf ? BigInt.asUintN(32, whole) : whole);
    };
    if (!this.take('->')) return node;
    const path = [this.memberName(), ...this.path()];
    return (execution) => {
      const value = pointedValue(this.object, execution, node(execution), this.text);
      return value === undefined ? undefined : typedValue(walk(value.parts, path, this.text));
    };
  }

  private memberName(): string {
    const { token } = this;
    if (token.kind !== 'name') this.fail("a member's name");
    this.next++;
    return token.text;
  }

  /** `.member` and `[2]`, as often as there are any. */
  private path(): (string | number)[] {
    const path: (string | number)[] = [];
    for (;;) {
      if (this.take('.')) path.push(this.memberName());
      else if (this.token.text === '[' && this.tokens[this.next + 1]?.kind === 'number') {
        path.push(Number(this.tokens[this.next + 1]?.value));
        this.next += 2;
        this.expect(']');
      } else return path;
    }
  }

  /** `pkt[12:2]`. */
  private packetBytes(): Node {
    this.expect('[');
    const offset = this.binary(0);
    const width = this.take(':') ? this.binary(0) : (): Value => numeric(1n);
    this.expect(']');
    return (execution) => {
      const [from, size] = [offset(execution)?.number, width(execution)?.number];
      const bytes = execution.machine.lane.packet.bytes();
      if (from === undefined || size === undefined || from < 0n || size < 1n || size > 16n) return undefined;
      if (from + size > BigInt(bytes.length)) return undefined;
      return numeric(bigEndian(bytes.subarray(Number(from), Number(from + size))));
    };
  }

  private field(layer: string): Node {
    this.expect('.');
    const name = `${layer}.${this.memberName()}`;
    checkFieldName(name);
    return ({ machine }) => {
      const bytes = machine.lane.packet.bytes();
      const number = fieldInteger(bytes, name);
      return number === undefined ? undefined : { number, text: fieldOf(bytes, name) ?? numberText(number) };
    };
  }

  /** `flows[KEY]`, the key as map files have it, then parts of the value. */
  private mapElement(name: string): Node {
    const open = this.token.at;
    let depth = 0;
    do {
      if (this.token.kind === 'end') this.fail('`]`');
      depth += this.token.text === '[' ? 1 : this.token.text === ']' ? -1 : 0;
      this.next++;
    } while (depth > 0);
    const last = this.tokens[this.next - 1] as Token; // the closing bracket
    const source = this.text.slice(open + 1, last.at).trim();
    const key = parseLooseJson(source);
    const path = this.path();
    return ({ machine }) => {
      const map = findMap(machine, name);
      const bytes = encodeKey(machine, map, key);
      const value = map.lookupElem(bytes);
      if (typeof value === 'number') return undefined;
      const { formatted, value: plain, values } = dumpEntry(machine, map, bytes, value, true);
      const whole = formatted?.value ?? formatted?.values?.[machine.lane.cpu] ?? plain ?? values?.[machine.lane.cpu];
      return typedValue(walk(whole, path, this.text));
    };
  }

  private global(name: string): Node {
    const path = this.path();
    const whole = path.reduce<string>(
      (text, part) => text + (typeof part === 'number' ? `[${part}]` : `.${part}`),
      name,
    );
    const globals = globalsOf(this.object).map((one) => one.name);
    if (!globals.includes(name)) throw this.unknown(name, globals);
    const place = findGlobal(this.object, whole);
    return ({ machine }) => {
      const section = machine.maps[place.variable.map]?.lookupElem(new Uint8Array(4));
      return section instanceof Uint8Array ? typedValue(formatGlobal(this.object, place, section)) : undefined;
    };
  }

  private unknown(name: string, globals: readonly string[]): InputError {
    const maps = this.object.maps.map((map) => map.name);
    if (maps.includes(name)) return new InputError(`\`${name}\` is a map`, {}, `an element of it: \`${name}[KEY]\``);
    const near = nearest(name, [...globals, ...maps, ...Object.keys(specials), 'pkt', 'r0', 'ip', 'tcp', 'udp', 'eth']);
    return new InputError(
      `there is no \`${name}\``,
      {},
      near === undefined
        ? 'r0 to r10, fields such as ip.ttl, global variables, map[KEY]; see `help expressions`'
        : `did you mean \`${near}\`?`,
    );
  }
}

const specials: Readonly<Record<string, Node>> = {
  step: (execution) => numeric(BigInt(execution.position)),
  depth: (execution) => numeric(BigInt(execution.callStack(execution.position)[0]?.depth ?? 0)),
  pc: (execution) => numeric(BigInt(execution.callStack(execution.position)[0]?.pc ?? 0)),
  len: ({ machine }) => numeric(BigInt(machine.lane.packet.length)),
  pkt: ({ machine }) => numeric(BigInt(machine.lane.packet.data)),
  ctx: ({ machine }) => numeric(BigInt(machine.lane.ctx.start)),
};

/** Is there a value, and is it not 0? */
export function isTrue(value: Value | undefined): boolean {
  return value?.number !== undefined && value.number !== 0n;
}

function combined(sign: string, left: Node, right: Node): Node {
  if (sign === '&&') return (execution) => numeric(isTrue(left(execution)) && isTrue(right(execution)) ? 1n : 0n);
  if (sign === '||') return (execution) => numeric(isTrue(left(execution)) || isTrue(right(execution)) ? 1n : 0n);
  const compare = comparisons[sign];
  const compute = arithmetic[sign];
  return (execution) => {
    const [a, b] = [left(execution)?.number, right(execution)?.number];
    if (compare !== undefined) return numeric(a !== undefined && b !== undefined && compare(a, b) ? 1n : 0n);
    return a === undefined || b === undefined || compute === undefined ? undefined : numeric(compute(a, b));
  };
}

function mapped(node: Node, change: (value: bigint) => bigint): Node {
  return (execution) => {
    const number = node(execution)?.number;
    return number === undefined ? undefined : numeric(change(number));
  };
}

/** Memory that the program could read; else there is no value. */
function loaded(node: Node, [bits, signed]: readonly [number, boolean]): Node {
  return (execution) => {
    const address = node(execution)?.number;
    const size = bits / 8;
    const { memory } = execution.machine;
    if (address === undefined || address < 0n || address > 0xffff_ffffn || !memory.canRead(Number(address), size))
      return undefined;
    const bytes = memory.read(Number(address), size).reverse();
    return numeric(signed ? BigInt.asIntN(bits, bigEndian(bytes)) : bigEndian(bytes));
  };
}

/** The map value that a pointer points to the beginning of. Throws InputError where it points to something else. */
function pointedValue(
  object: ObjectSpec,
  { machine }: Execution,
  pointer: Value | undefined,
  text: string,
): Value | undefined {
  if (pointer?.number === undefined || pointer.number === 0n) return undefined;
  const place = pointer.number > 0xffff_ffffn ? undefined : mapPlaceOf(machine, Number(pointer.number));
  if (place === undefined || place.offset !== 0 || object.btf === undefined || place.map.spec.btfValueId === 0)
    throw new InputError(
      `\`${text.trim()}\`: that is no pointer to a map value whose type is known`,
      {},
      'memory by its address: u32[r1 + 4]',
    );
  const bytes = machine.memory.read(place.value, place.map.spec.valueSize);
  return typedValue(formatBytes(object.btf, place.map.spec.btfValueId, bytes));
}

/** A part of a value. Throws InputError with the nearest name for a member that it does not have. */
function walk(value: unknown, path: readonly (string | number)[], text: string): unknown {
  let part = value;
  for (const step of path) {
    if (part === undefined || part === null) return undefined;
    if (typeof step === 'number') {
      if (!Array.isArray(part)) throw new InputError(`\`${text.trim()}\`: [${step}] of what is no array`);
      part = part[step];
      continue;
    }
    const names = typeof part === 'object' ? Object.keys(part) : [];
    if (!names.includes(step)) {
      const near = nearest(step, names);
      throw new InputError(
        `\`${text.trim()}\`: there is no member \`${step}\``,
        {},
        near === undefined ? `members: ${names.join(', ') || 'none'}` : `did you mean \`${near}\`?`,
      );
    }
    part = (part as Record<string, unknown>)[step];
  }
  return part;
}
