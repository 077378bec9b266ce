/**
 * Keys and values on the command line, as `bpftool map` takes them and then some:
 *
 *     key hex 0a 00 00 01        bytes in hexadecimal
 *     key 10 0 0 0x1             bytes, decimal or with 0x
 *     key 7                      one word: an integer of the key's size
 *     key ipv4:10.0.0.1 be16:80  the parts of map files, one after another
 *     key '[{"be16": 80}]'       JSON as in map files
 *     value '{last: 5, tokens: 7}' members of its struct, as dumps print them; an IPv4 or IPv6 address
 *
 * What comes out is JSON as map files have it, so that there is one place that turns it into bytes.
 */
import { InputError, UsageError } from '../base/index.js';
import { parseLooseJson } from '../vm/index.js';

/** Key and value in the form of map files; undefined where they were not given. */
export interface MapWords {
  readonly key: unknown;
  readonly value: unknown;
  /** BPF_ANY, BPF_NOEXIST or BPF_EXIST. */
  readonly flags: bigint;
}

/** Flags of bpf_map_update_elem by bpftool's names. */
const updateFlags: Readonly<Record<string, bigint>> = { any: 0n, noexist: 1n, exist: 2n };

/** Splits `key ... value ... [any|noexist|exist]`. Throws UsageError. */
export function parseMapWords(words: readonly string[]): MapWords {
  const parts: { key?: string[]; value?: string[] } = {};
  let flags = 0n;
  let current: string[] | undefined;
  words.forEach((word, i) => {
    if (word === 'key' || word === 'value') {
      if (parts[word] !== undefined) throw new UsageError(`\`${word}\` is given twice`);
      current = [];
      parts[word] = current;
    } else if (i === words.length - 1 && word in updateFlags && parts.value !== undefined) {
      flags = updateFlags[word] ?? 0n;
    } else if (current === undefined) {
      throw new UsageError(`\`${word}\` is neither \`key\` nor \`value\``, {}, 'such as: key 1 value hex 0a 00 00 01');
    } else {
      current.push(word);
    }
  });
  return { key: dataOf('key', parts.key), value: dataOf('value', parts.value), flags };
}

/** One of the forms at the head of this file; which one, the first word tells. */
function dataOf(name: string, words: readonly string[] | undefined): unknown {
  if (words === undefined) return undefined;
  const [first, ...rest] = words;
  if (first === undefined) throw new UsageError(`\`${name}\` is followed by nothing`);
  if (first === 'hex') {
    const bytes = rest.map((word) =>
      byteOf(name, word, /^(0x)?[0-9a-f]{1,2}$/i.test(word) ? Number.parseInt(word, 16) : -1),
    );
    return bytesText(bytes);
  }
  if (/^[[{"]/.test(first)) return jsonOf(name, words.join(' '));
  if (words.every((word) => /^[a-z]+\d*:/.test(word))) return partsOf(words);
  if (words.length > 1)
    return bytesText(words.map((word) => byteOf(name, word, /^(\d+|0x[0-9a-f]+)$/i.test(word) ? Number(word) : -1)));
  // A number beyond 2^53 stays text, which map files take as well.
  if (/^-?\d+$/.test(first)) return Number.isSafeInteger(Number(first)) ? Number(first) : first;
  return first;
}

/** A byte, or UsageError; -1 stands for a word that is no number. */
function byteOf(name: string, word: string, byte: number): number {
  if (byte >= 0 && byte <= 255) return byte;
  throw new UsageError(
    `\`${name}\`: \`${word}\` is no byte`,
    {},
    'bytes are 0 to 255 or 0x00 to 0xff; after `hex` two hexadecimal digits',
  );
}

/** Bytes as map files write them: `0a 00 00 01`. */
function bytesText(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** JSON, or the looser form in which dumps print structs (names without quotes). Throws UsageError. */
function jsonOf(name: string, text: string): unknown {
  try {
    return parseLooseJson(text);
  } catch (error) {
    const why = error instanceof InputError ? `: ${error.message}` : '';
    throw new UsageError(`\`${name}\`: \`${text}\` is not JSON${why}`);
  }
}

/** `be16:80` is `{ "be16": 80 }`; `prog:` and `map:` stand for the whole value. */
function partsOf(words: readonly string[]): unknown {
  const parts = words.map((word) => {
    const colon = word.indexOf(':');
    const kind = word.slice(0, colon);
    const text = word.slice(colon + 1);
    return { [kind]: kind === 'pad' ? Number(text) : text };
  });
  const [only] = parts;
  return parts.length === 1 && only !== undefined && ('prog' in only || 'map' in only) ? only : parts;
}
