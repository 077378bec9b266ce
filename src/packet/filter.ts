/**
 * Filters over packets by the names of their fields: `udp.dport == 53 && ip.src == 10.0.0.0/8`, `tcp or not arp`.
 *
 *     filter = and { ("||" | "or") and }      and = not { ("&&" | "and") not }      not = ["!" | "not"] term
 *     term   = "(" filter ")" | layer | "len" op number | field op value            op = == != < <= > >=
 *
 * A comparison with a field that a packet does not have is false. Addresses may be subnets with == and !=.
 */
import { InputError } from '../base/index.js';
import { nearest } from '../text/index.js';
import { parseMac, parseSubnet } from './address.js';
import { checkFieldName } from './field-values.js';
import { headersIn, locateField, packetContext, protocols } from './fields.js';
import { fieldNumber } from './layers.js';

/** Says of each packet whether it is one of those. */
export type PacketFilter = (data: Uint8Array) => boolean;

const operators: Readonly<Record<string, (order: number) => boolean>> = {
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** Throws InputError that says what is wrong, and which field was meant. */
export function parseFilter(text: string): PacketFilter {
  const words = text.match(/\(|\)|&&|\|\||==|!=|<=|>=|<|>|!|[^\s()&|=!<>]+/g) ?? [];
  let at = 0;
  const accept = (...wanted: string[]): boolean => {
    if (!wanted.includes(words[at] ?? '')) return false;
    at++;
    return true;
  };
  const any = (): PacketFilter => {
    let left = all();
    while (accept('||', 'or')) {
      const [a, b] = [left, all()];
      left = (data) => a(data) || b(data);
    }
    return left;
  };
  const all = (): PacketFilter => {
    let left = one();
    while (accept('&&', 'and')) {
      const [a, b] = [left, one()];
      left = (data) => a(data) && b(data);
    }
    return left;
  };
  const one = (): PacketFilter => {
    if (accept('!', 'not')) {
      const inner = one();
      return (data) => !inner(data);
    }
    if (accept('(')) {
      const inner = any();
      if (!accept(')')) throw new InputError(`filter \`${text}\`: a bracket is missing`);
      return inner;
    }
    const word = words[at++];
    if (word === undefined) throw new InputError(`filter \`${text}\`: something is missing at its end`);
    const operator = operators[words[at] ?? ''];
    if (operator === undefined) return hasLayer(word);
    at++;
    const value = words[at++];
    if (value === undefined) throw new InputError(`filter \`${text}\`: \`${word}\` is compared with nothing`);
    return comparison(word, operator, value);
  };
  const filter = any();
  if (at < words.length)
    throw new InputError(`filter \`${text}\`: \`${words[at]}\` is not understood`, {}, 'join terms by && or ||');
  return filter;
}

function hasLayer(word: string): PacketFilter {
  const kinds = Object.keys(protocols);
  if (!kinds.includes(word.replace(/\d$/, '')) && !kinds.includes(word)) {
    const near = nearest(word, kinds);
    throw new InputError(
      `there is no layer \`${word}\``,
      {},
      near === undefined ? `layers are ${kinds.join(', ')}` : `did you mean \`${near}\`?`,
    );
  }
  return (data) => headersIn(packetContext(data)).some(({ label, offset }) => label === word && offset < data.length);
}

function comparison(name: string, holds: (order: number) => boolean, value: string): PacketFilter {
  if (name === 'len') return (data) => holds(data.length - Number(value));
  checkFieldName(name);
  const label = name.split('.')[0] ?? '';
  const declared = protocols[label.replace(/\d$/, (d) => (label in protocols ? d : '')) as keyof typeof protocols];
  const field = declared.find((one) => one.name === name.split('.')[1]);
  const isAddress = field?.format === 'ipv4' || field?.format === 'ipv6';
  const subnet = isAddress ? parseSubnet(value) : undefined;
  const mac = field?.format === 'mac' ? parseMac(value) : undefined;
  const number = field === undefined || isAddress || mac !== undefined ? 0 : fieldNumber(label, field, value);
  return (data) => {
    const found = locateField(name, packetContext(data));
    if (found === undefined || found.start + found.width > data.length) return false;
    const bytes = data.subarray(found.start, found.start + found.width);
    if (subnet !== undefined) return holds(compareBits(bytes, subnet.network, subnet.prefix));
    if (mac !== undefined) return holds(compareBits(bytes, mac, 48));
    let actual = 0;
    for (const byte of bytes) actual = actual * 256 + byte;
    if (found.mask !== undefined)
      actual = ((actual & found.mask) >>> 0) / 2 ** (31 - Math.clz32(found.mask & -found.mask));
    return holds(actual - number);
  };
}

/** Order of the first `bits` bits. */
function compareBits(a: Uint8Array, b: Uint8Array, bits: number): number {
  for (let i = 0; i < Math.ceil(bits / 8); i++) {
    const mask = 0xff & ~(0xff >>> Math.min(8, bits - 8 * i));
    const order = ((a[i] ?? 0) & mask) - ((b[i] ?? 0) & mask);
    if (order !== 0) return order;
  }
  return 0;
}
