/**
 * Filters over packets by the names of their fields: `udp.dport == 53 && ip.src == 10.0.0.0/8`, `tcp or not arp`; the
 * commonest of tcpdump's words are understood beside them: `udp port 53 and src host 10.0.0.1`.
 *
 *     filter = and { ("||" | "or") and }      and = not { ("&&" | "and") not }      not = ["!" | "not"] term
 *     term   = "(" filter ")" | layer [words] | words | "len" op number | field op value
 *     op     = == != < <= > >=
 *     words  = ["src" | "dst"] ("host" address | "net" subnet | "port" number) | ("less" | "greater") number
 *
 * A comparison with a field that a packet does not have is false. Addresses may be subnets with == and !=.
 */
import { InputError } from '../base/index.js';
import { nearest } from '../text/index.js';
import { parseMac, parseSubnet } from './address.js';
import { checkFieldName } from './field-values.js';
import { headersIn, locateField, packetContext, protocolOf, protocols } from './fields.js';
import { fieldNumber } from './layers.js';

/** Does a comparison hold, by the sign of the difference? */
type Holds = (order: number) => boolean;

/** Says of each packet whether it is one of those. */
export type PacketFilter = (data: Uint8Array) => boolean;

const operators: Readonly<Record<string, Holds>> = {
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
    if (operator === undefined) {
      const first = firstWords.has(word);
      if (!first && !firstWords.has(words[at] ?? '')) return hasLayer(word);
      const layer = first ? undefined : hasLayer(word);
      const primitive = tcpdumpWords(text, first ? word : (words[at++] ?? ''), () => words[at++]);
      return layer === undefined ? primitive : (data) => layer(data) && primitive(data);
    }
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

/** What tcpdump's conditions begin with. */
const firstWords: ReadonlySet<string> = new Set(['src', 'dst', 'host', 'net', 'port', 'less', 'greater']);

/** A condition in tcpdump's words (pcap-filter(7)), of which `first` has been taken. */
function tcpdumpWords(text: string, first: string, take: () => string | undefined): PacketFilter {
  const value = (): string => {
    const word = take();
    if (word === undefined) throw new InputError(`filter \`${text}\`: something is missing at its end`);
    return word;
  };
  if (first === 'less' || first === 'greater')
    return comparison('len', operators[first === 'less' ? '<=' : '>='] as Holds, value());
  const sides = first === 'src' || first === 'dst' ? [first] : ['src', 'dst'];
  const kind = sides.length === 1 ? value() : first;
  let names: readonly string[];
  if (kind === 'port')
    names = ['tcp', 'udp', 'sctp'].flatMap((layer) => sides.map((side) => `${layer}.${side[0]}port`));
  // An address may stand behind src and dst alone.
  else names = sides.flatMap((side) => [`ip.${side}`, `ip6.${side}`]);
  const wanted = kind === 'host' || kind === 'net' || kind === 'port' ? value() : kind;
  const version = kind === 'port' ? undefined : wanted.includes(':') ? 'ip6.' : 'ip.';
  const parts = names
    .filter((name) => version === undefined || name.startsWith(version))
    .map((name) => comparison(name, operators['=='] as Holds, wanted));
  return (data) => parts.some((part) => part(data));
}

function hasLayer(word: string): PacketFilter {
  const kinds = Object.keys(protocols);
  if (protocolOf(word) === undefined) {
    const near = nearest(word, kinds);
    throw new InputError(
      `there is no layer \`${word}\``,
      {},
      near === undefined ? `layers are ${kinds.join(', ')}` : `did you mean \`${near}\`?`,
    );
  }
  return (data) => headersIn(packetContext(data)).some(({ label, offset }) => label === word && offset < data.length);
}

function comparison(name: string, holds: Holds, value: string): PacketFilter {
  if (name === 'len') {
    if (!/^(?:\d+|0x[0-9a-f]+)$/i.test(value)) throw new InputError(`\`len\` is a number: \`${value}\` is none`);
    return (data) => holds(data.length - Number(value));
  }
  checkFieldName(name);
  const label = name.split('.')[0] ?? '';
  const protocol = protocolOf(label);
  const field = protocol && protocols[protocol].find((one) => one.name === name.split('.')[1]);
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
