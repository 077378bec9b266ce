/**
 * When a type of the program and one of the kernel count as the same (libbpf: relo_core.c). Three relations, from
 * loose to strict:
 *
 * - {@link fieldsCompatible}: may a field of one type be read as the other? Struct and union mix, integers of all
 *   sizes too;
 * - {@link typesCompatible}: "the type exists": same kinds all the way down, names and members not looked at;
 * - {@link typesMatch}: every member of the program's type is there under its name with a matching type.
 *
 * Typedefs and qualifiers never count. All searches spend from one {@link Effort}, since types can refer to each other
 * in ways that take for ever to walk.
 */
import { InputError } from '../base/index.js';
import { type Btf, essentialName, maxTypeDepth } from './btf.js';
import { type BtfComposite, type BtfEnum, type BtfType, isComposite, isEnum } from './btf-type.js';

/** Steps that the CO-RE relocations of one object may take together. */
const maxSteps = 5_000_000;

/**
 * A budget for one object file. Comparing types recursively can take exponential time in what the file says, and the
 * file is not trusted.
 */
export class Effort {
  private left = maxSteps;

  /** Throws InputError when there is none left. */
  step(): void {
    if (this.left-- <= 0) {
      throw new InputError(`CO-RE relocations take more than ${maxSteps} steps to resolve`, { section: '.BTF.ext' });
    }
  }
}

/** Same kind, or both some sort of enum. */
export function kindsCompatible(a: BtfType, b: BtfType): boolean {
  return a.kind === b.kind || (isEnum(a) && isEnum(b));
}

/** Anonymous types match anonymous ones only. */
function sameEssentialName(local: string, target: string): boolean {
  return target === '' ? local === '' : essentialName(local) === essentialName(target);
}

/**
 * Whether an access to a field of the one type can be made to the other's (libbpf: bpf_core_fields_are_compat). Names
 * of structs do not matter,
 * only that both are structs; of forwards and enums the names have to agree, or one has none.
 */
export function fieldsCompatible(local: Btf, localId: number, target: Btf, targetId: number): boolean {
  for (let depth = 0; depth < maxTypeDepth; depth++) {
    const a = local.resolve(localId);
    const b = target.resolve(targetId);
    if (isComposite(a) && isComposite(b)) return true;
    if (!kindsCompatible(a, b)) return false;
    switch (a.kind) {
      case 'ptr':
      case 'float':
        return true;
      case 'fwd':
      case 'enum':
      case 'enum64':
        return a.name === '' || b.name === '' || essentialName(a.name) === essentialName(b.name);
      case 'int':
        return a.bitOffset === 0 && b.kind === 'int' && b.bitOffset === 0;
      case 'array':
        if (b.kind !== 'array') return false;
        localId = a.type;
        targetId = b.type;
        break;
      default:
        return false;
    }
  }
  return false;
}

/** The names of the two are known to agree. */
export function typesCompatible(
  local: Btf,
  localId: number,
  target: Btf,
  targetId: number,
  effort: Effort,
  level: number = maxTypeDepth,
): boolean {
  if (!kindsCompatible(local.type(localId), target.type(targetId))) return false;
  for (let depth = 0; depth < maxTypeDepth; depth++) {
    effort.step();
    const a = local.resolve(localId);
    const b = target.resolve(targetId);
    if (!kindsCompatible(a, b)) return false;
    if (a.kind === 'int') return b.kind === 'int' && a.bitOffset === 0 && b.bitOffset === 0;
    if ((a.kind === 'ptr' && b.kind === 'ptr') || (a.kind === 'array' && b.kind === 'array')) {
      localId = a.type;
      targetId = b.type;
    } else if (a.kind === 'func_proto' && b.kind === 'func_proto') {
      if (a.params.length !== b.params.length) return false;
      for (const [i, param] of a.params.entries()) {
        const other = b.params[i];
        if (other === undefined || level <= 0) return false;
        const from = local.resolve(param.type).id;
        const to = target.resolve(other.type).id;
        if (!typesCompatible(local, from, target, to, effort, level - 1)) return false;
      }
      localId = a.returnType;
      targetId = b.returnType;
    } else {
      return a.kind === 'void' || isComposite(a) || isEnum(a) || a.kind === 'fwd';
    }
  }
  return false;
}

/**
 * The strictest relation (libbpf: __bpf_core_types_match), which `bpf_core_type_matches()` asks for: all that the
 * local type has is in the target, by name and kind, through pointers. `behindPointer`: then struct and forward
 * declaration count as one.
 */
export function typesMatch(
  local: Btf,
  localId: number,
  target: Btf,
  targetId: number,
  effort: Effort,
  behindPointer = false,
  level: number = maxTypeDepth,
): boolean {
  if (level <= 0) return false;
  for (let depth = 0; depth < maxTypeDepth; depth++) {
    effort.step();
    const a = local.resolve(localId);
    const b = target.resolve(targetId);
    if (!sameEssentialName(nameOf(a), nameOf(b))) return false;
    switch (a.kind) {
      case 'void':
        return b.kind === 'void';
      case 'fwd':
        if (b.kind === 'fwd') return a.union === b.union;
        return behindPointer && b.kind === (a.union ? 'union' : 'struct');
      case 'enum':
      case 'enum64':
        return isEnum(b) && enumsMatch(a, b, effort);
      case 'struct':
      case 'union':
        if (behindPointer) return a.kind === b.kind || (b.kind === 'fwd' && b.union === (a.kind === 'union'));
        return isComposite(b) && a.kind === b.kind && membersMatch(local, a, target, b, effort, level);
      case 'int':
        return b.kind === 'int' && a.size === b.size && a.signed === b.signed;
      case 'ptr':
        if (b.kind !== 'ptr') return false;
        behindPointer = true;
        localId = a.type;
        targetId = b.type;
        break;
      case 'array':
        if (b.kind !== 'array' || a.length !== b.length) return false;
        localId = a.type;
        targetId = b.type;
        break;
      case 'func_proto':
        if (b.kind !== 'func_proto' || a.params.length !== b.params.length) return false;
        for (const [i, param] of a.params.entries()) {
          const other = b.params[i]?.type ?? 0;
          if (!typesMatch(local, param.type, target, other, effort, behindPointer, level - 1)) return false;
        }
        localId = a.returnType;
        targetId = b.returnType;
        break;
      default:
        return false;
    }
  }
  return false;
}

function nameOf(type: BtfType): string {
  return type.kind === 'void' ? '' : type.name;
}

/** Every enumerator of the program's is one of the kernel's, by name; values may differ. */
function enumsMatch(a: BtfEnum, b: BtfEnum, effort: Effort): boolean {
  if (a.size !== b.size || a.values.length > b.values.length) return false;
  for (let i = 0; i < b.values.length; i++) effort.step();
  const names = new Set(b.values.map((value) => essentialName(value.name)));
  return a.values.every((value) => names.has(essentialName(value.name)));
}

function membersMatch(
  local: Btf,
  a: BtfComposite,
  target: Btf,
  b: BtfComposite,
  effort: Effort,
  level: number,
): boolean {
  if (a.members.length > b.members.length) return false;
  return a.members.every((member) =>
    b.members.some((other) => {
      effort.step();
      if (!sameEssentialName(member.name, other.name)) return false;
      return typesMatch(local, member.type, target, other.type, effort, false, level - 1);
    }),
  );
}
