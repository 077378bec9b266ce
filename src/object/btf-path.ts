/** Bytes of a type by name, the way C writes them: `.last_seen`, `.ports[2]`, and of a data section `config.mode`. */
import type { Btf } from './btf.js';
import { isComposite } from './btf-type.js';

/**
 * The number (or pointer, or other scalar) of a type that holds the byte at `offset`: where it begins and how long it
 * is. Undefined in padding and bit fields.
 */
export function btfScalar(
  btf: Btf,
  typeId: number,
  offset: number,
): { readonly offset: number; readonly width: number } | undefined {
  const type = btf.resolve(typeId);
  const inside = (id: number, at: number): { offset: number; width: number } | undefined => {
    const found = btfScalar(btf, id, offset - at);
    return found === undefined ? undefined : { offset: found.offset + at, width: found.width };
  };
  if (type.kind === 'datasec') {
    const found = type.vars.find((one) => one.offset <= offset && offset < one.offset + one.size);
    const variable = found === undefined ? undefined : btf.type(found.type);
    return found === undefined || variable?.kind !== 'var' ? undefined : inside(variable.type, found.offset);
  }
  if (type.kind === 'array') {
    const size = btf.sizeOf(type.type) ?? 0;
    const index = size === 0 ? type.length : Math.floor(offset / size);
    return index < type.length ? inside(type.type, index * size) : undefined;
  }
  if (isComposite(type)) {
    for (const member of type.members) {
      const at = member.bitOffset / 8;
      if (member.bitSize !== 0 || at > offset || offset >= at + (btf.sizeOf(member.type) ?? 0)) continue;
      const found = inside(member.type, at);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const width = btf.sizeOf(typeId) ?? 0;
  return offset < width ? { offset: 0, width } : undefined;
}

/**
 * Path to `width` bytes at `offset` of a type; `[1:2]` at its end stands for a part of a number (offset and bytes).
 * Undefined where BTF has no name for them.
 */
export function btfPath(btf: Btf, typeId: number, offset: number, width: number): string | undefined {
  const type = btf.resolve(typeId);
  if (type.kind === 'datasec') {
    const found = type.vars.find((one) => one.offset <= offset && offset + width <= one.offset + one.size);
    const variable = found === undefined ? undefined : btf.type(found.type);
    if (found === undefined || variable?.kind !== 'var') return undefined;
    const rest = btfPath(btf, variable.type, offset - found.offset, width);
    return rest === undefined ? undefined : `${variable.name}${rest}`;
  }
  if (type.kind === 'array') {
    const size = btf.sizeOf(type.type) ?? 0;
    if (size === 0) return undefined;
    const index = Math.floor(offset / size);
    const rest = index < type.length ? btfPath(btf, type.type, offset - index * size, width) : undefined;
    return rest === undefined ? undefined : `[${index}]${rest}`;
  }
  if (isComposite(type)) {
    for (const member of type.members) {
      const at = member.bitOffset / 8;
      const size = btf.sizeOf(member.type) ?? 0;
      if (member.bitSize !== 0 || at > offset || offset + width > at + size) continue;
      const rest = btfPath(btf, member.type, offset - at, width);
      if (rest !== undefined) return member.name === '' ? rest : `.${member.name}${rest}`;
    }
    return undefined;
  }
  const size = btf.sizeOf(typeId) ?? 0;
  if (size === 0 || offset + width > size) return undefined;
  return offset === 0 && width === size ? '' : `[${offset}:${width}]`;
}

/**
 * Path to the bit field that is just `size` bits from `bit` on (the lowest bit of the first byte is 0), as C writes
 * it: `.blocked`. Undefined where these bits are no bit field, or are one together with others.
 */
export function btfBitField(btf: Btf, typeId: number, bit: number, size: number): string | undefined {
  const type = btf.resolve(typeId);
  if (type.kind === 'datasec') {
    const found = type.vars.find((one) => 8 * one.offset <= bit && bit + size <= 8 * (one.offset + one.size));
    const variable = found === undefined ? undefined : btf.type(found.type);
    if (found === undefined || variable?.kind !== 'var') return undefined;
    const rest = btfBitField(btf, variable.type, bit - 8 * found.offset, size);
    return rest === undefined ? undefined : `${variable.name}${rest}`;
  }
  if (type.kind === 'array') {
    const element = 8 * (btf.sizeOf(type.type) ?? 0);
    const index = element === 0 ? type.length : Math.floor(bit / element);
    const rest = index < type.length ? btfBitField(btf, type.type, bit - index * element, size) : undefined;
    return rest === undefined ? undefined : `[${index}]${rest}`;
  }
  if (!isComposite(type)) return undefined;
  for (const member of type.members) {
    if (member.bitSize !== 0) {
      if (member.bitOffset === bit && member.bitSize === size && member.name !== '') return `.${member.name}`;
      continue;
    }
    const at = bit - member.bitOffset;
    if (at < 0 || at + size > 8 * (btf.sizeOf(member.type) ?? 0)) continue;
    const rest = btfBitField(btf, member.type, at, size);
    if (rest !== undefined) return member.name === '' ? rest : `.${member.name}${rest}`;
  }
  return undefined;
}
