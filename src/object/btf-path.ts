/** Bytes of a type by name, the way C writes them: `.last_seen`, `.ports[2]`, and of a data section `config.mode`. */
import type { Btf } from './btf.js';
import { isComposite } from './btf-type.js';

/** Path to `width` bytes at `offset` of a type; `[1:2]` at its end stands for a part of a number (offset and bytes). Undefined where BTF has no name for them. */
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
