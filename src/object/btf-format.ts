/**
 * BTF types as C text. C declarations are inside out: a pointer to an array of functions is written around its name,
 * so the text grows to the left for pointers and to the right for arrays and parameters until a named type ends it.
 */
import type { Btf } from './btf.js';
import { type BtfComposite, type BtfEnum, type BtfFuncProto, isComposite, isEnum } from './btf-type.js';

/** Types that one text may visit: parameters can nest so that the text would never end. */
const maxVisits = 200;

/** How many types may still be looked at: a file can nest types as deep as it likes. */
interface Visits {
  left: number;
}

/**
 * A declaration of `name` with the type, or the type alone: `struct flow *(*lookup)(__u32 key)`. Throws InputError.
 */
export function formatType(btf: Btf, id: number, name = ''): string {
  return declare(btf, id, name, { left: maxVisits });
}

/** The declaration of `name` with a type, from the name outwards. */
function declare(btf: Btf, id: number, name: string, visits: Visits): string {
  let inner = name;
  let qualifiers = '';
  for (;;) {
    if (visits.left-- <= 0) return join('...', inner);
    const type = btf.type(id);
    switch (type.kind) {
      case 'ptr':
        inner = `*${qualifiers}${qualifiers !== '' && inner !== '' ? ' ' : ''}${inner}`;
        qualifiers = '';
        id = type.type;
        if (wraps(btf, id)) inner = `(${inner})`;
        continue;
      case 'const':
      case 'volatile':
      case 'restrict':
        qualifiers = qualifiers === '' ? type.kind : `${type.kind} ${qualifiers}`;
        id = type.type;
        continue;
      case 'type_tag':
        id = type.type;
        continue;
      case 'var':
        id = type.type;
        continue;
      case 'func':
        inner = inner === '' ? type.name : inner;
        id = type.type;
        continue;
      case 'array':
        inner = `${inner}[${type.length}]`;
        id = type.type;
        continue;
      case 'func_proto':
        inner = `${inner}(${parameters(btf, type, visits)})`;
        id = type.returnType;
        continue;
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64': {
        const word = type.kind === 'enum64' ? 'enum' : type.kind;
        return join(qualified(qualifiers, type.name === '' ? `${word} {...}` : `${word} ${type.name}`), inner);
      }
      case 'fwd':
        return join(qualified(qualifiers, `${type.union ? 'union' : 'struct'} ${type.name}`), inner);
      default:
        return join(qualified(qualifiers, type.name), inner);
    }
  }
}

function qualified(qualifiers: string, text: string): string {
  return qualifiers === '' ? text : `${qualifiers} ${text}`;
}

/** Type and declarator; brackets stand next to the type where there is no name. */
function join(type: string, declarator: string): string {
  if (declarator === '') return type;
  return `${type}${declarator.startsWith('[') ? '' : ' '}${declarator}`;
}

/** True when a pointer to it needs parentheses. */
function wraps(btf: Btf, id: number): boolean {
  const kind = btf.kind(id);
  return kind === 'array' || kind === 'func_proto';
}

/** `void` for none; a last parameter without type and name is C's `...`. */
function parameters(btf: Btf, proto: BtfFuncProto, visits: Visits): string {
  if (proto.params.length === 0) return 'void';
  const texts: string[] = [];
  for (const [i, param] of proto.params.entries()) {
    const variadic = i === proto.params.length - 1 && param.type === 0 && param.name === '';
    texts.push(variadic || visits.left <= 0 ? '...' : declare(btf, param.type, param.name, visits));
    if (visits.left <= 0) break;
  }
  return texts.join(', ');
}

/** The type's definition over several lines, members with their offsets in bytes (`byte:bit` for bitfields). */
export function formatDefinition(btf: Btf, id: number): string {
  const type = btf.type(id);
  if (isComposite(type)) return formatComposite(btf, type);
  if (isEnum(type)) return formatEnum(type);
  if (type.kind === 'typedef') return `typedef ${formatType(btf, type.type, type.name)};`;
  return `${formatType(btf, id)};`;
}

/** A struct or union with the offset of each member as a comment: bytes, and bits where it is a bitfield. */
function formatComposite(btf: Btf, type: BtfComposite): string {
  const lines = type.members.map((member) => {
    const byte = Math.floor(member.bitOffset / 8);
    if (member.bitSize === 0) return `    ${formatType(btf, member.type, member.name)}; /* ${byte} */`;
    const declaration = `${formatType(btf, member.type, member.name)}: ${member.bitSize}`;
    return `    ${declaration}; /* ${byte}:${member.bitOffset % 8} */`;
  });
  const head = type.name === '' ? type.kind : `${type.kind} ${type.name}`;
  return `${head} { /* ${type.size} bytes */\n${lines.join('\n')}\n};`;
}

function formatEnum(type: BtfEnum): string {
  const lines = type.values.map((value) => `    ${value.name} = ${value.value},`);
  return `enum ${type.name}${type.name === '' ? '' : ' '}{\n${lines.join('\n')}\n};`;
}
