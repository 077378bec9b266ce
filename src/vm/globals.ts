/**
 * Global variables of a program by the names that its source has for them: `limit`, `ports[2]`, `cfg.timeout`. They
 * are variables of the data sections (`.rodata`, `.data`, `.bss` and their like), each of which is the one value of an
 * ARRAY map; BTF says what lies where.
 *
 * Before an object is loaded its values are the bytes that the file carries for these maps: {@link withGlobals} makes
 * an object with others, as skeletons of libbpf do with `.rodata`. Afterwards constants are frozen, the rest is map
 * contents like any other.
 */
import { InputError, UserError } from '../base/index.js';
import { type Btf, isComposite, isConstantSection, type MapSpec, type ObjectSpec } from '../object/index.js';
import { nearest } from '../text/index.js';
import { decodeTyped, type TypedValue } from './btf-value.js';
import { parseLooseJson } from './loose-json.js';
import { type Formatted, formatBytes } from './map-format.js';
import { writeTyped } from './map-typed.js';

/** A variable as its section lists it. */
export interface GlobalVariable {
  readonly name: string;
  /** Index in `ObjectSpec.maps` of the section's map, and the section. */
  readonly map: number;
  readonly section: string;
  /** Bytes from the section's start, and how many. */
  readonly offset: number;
  readonly size: number;
  /** BTF type id. */
  readonly type: number;
  /** It cannot change once the program is loaded. */
  readonly isConstant: boolean;
}

/** A variable, or a part of one. */
export interface GlobalPlace {
  readonly variable: GlobalVariable;
  /** As it was asked for: `cfg.ports[2]`. */
  readonly path: string;
  /** Bytes from the section's start to the part, or to the struct that holds it where {@link member} is given. */
  readonly offset: number;
  /** BTF type of the part, or of the struct. */
  readonly type: number;
  /** The part is this member: bit fields have no bytes of their own. */
  readonly member: string | undefined;
}

/** All variables that BTF names, in the order of sections and offsets. */
export function globalsOf({ btf, maps }: ObjectSpec): GlobalVariable[] {
  if (btf === undefined) return [];
  return maps.flatMap((spec, map) => {
    if (spec.init?.kind !== 'data' || spec.section === '.kconfig') return [];
    const section = spec.btfValueId === 0 ? undefined : btf.resolve(spec.btfValueId);
    if (section?.kind !== 'datasec') return [];
    const variables = section.vars.flatMap(({ type, offset, size }): GlobalVariable[] => {
      const variable = btf.type(type);
      if (variable.kind !== 'var' || offset + size > spec.valueSize) return [];
      const isConstant = isConstantSection(spec.section);
      return [{ name: variable.name, map, section: spec.section, offset, size, type: variable.type, isConstant }];
    });
    return variables.sort((a, b) => a.offset - b.offset);
  });
}

/**
 * What a name stands for: a variable, then `.member` and `[index]` as often as needed. Throws InputError that says
 * which part there is not, and what there is.
 */
export function findGlobal(object: ObjectSpec, path: string): GlobalPlace {
  const variables = globalsOf(object);
  // Variables of functions have dots in their names: the longest name that fits is meant.
  const fitting = variables.filter(({ name }) => path === name || /^[.[]/.test(path.slice(name.length)));
  const [variable] = fitting.filter(({ name }) => path.startsWith(name)).sort((a, b) => b.name.length - a.name.length);
  if (variable === undefined || object.btf === undefined) throw unknownGlobal(object, path, variables);
  let place: GlobalPlace = { variable, path, offset: variable.offset, type: variable.type, member: undefined };
  const steps = path.slice(variable.name.length).match(/\.[^.[\]]+|\[\d+\]|[\s\S]/g) ?? [];
  let before = variable.name;
  for (const step of steps) {
    place = stepInto(object.btf, place, step, before);
    before += step;
  }
  return place;
}

function unknownGlobal(
  { btf, name: file, maps }: ObjectSpec,
  path: string,
  all: readonly GlobalVariable[],
): InputError {
  const what = `there is no global variable \`${path}\``;
  if (btf === undefined && maps.some(({ init }) => init?.kind === 'data'))
    return new InputError('the object does not say what its variables are called', { file }, 'compile with `-g`');
  if (all.length === 0) return new InputError(what, { file }, 'the program has none');
  const names = all.map(({ name }) => name);
  const near = nearest(/^[^.[]*/.exec(path)?.[0] ?? path, names);
  const hint = near === undefined ? `variables are ${names.join(', ')}` : `did you mean \`${near}\`?`;
  return new InputError(what, { file }, hint);
}

function stepInto(btf: Btf, place: GlobalPlace, step: string, before: string): GlobalPlace {
  const type = btf.resolve(place.type);
  if (place.member === undefined && /^\[\d+\]$/.test(step)) {
    if (type.kind !== 'array') throw new InputError(`\`${before}\` is no array`);
    const index = Number(step.slice(1, -1));
    if (index >= type.length)
      throw new InputError(
        `\`${before}\` has ${type.length} elements: there is no ${step}`,
        {},
        `indices are 0 to ${type.length - 1}`,
      );
    return { ...place, offset: place.offset + index * (btf.sizeOf(type.type) ?? 0), type: type.type };
  }
  if (place.member === undefined && step.startsWith('.')) {
    const name = step.slice(1);
    const found = memberOf(btf, place.type, name, 0);
    if (found !== undefined) {
      const { type: member, bitOffset, bitSize } = found;
      if (bitSize > 0) return { ...place, member: name };
      return { ...place, offset: place.offset + bitOffset / 8, type: member };
    }
    const names = memberNames(btf, place.type);
    if (names.length === 0) throw new InputError(`\`${before}\` has no members`);
    const near = nearest(name, names);
    const hint = near === undefined ? `members are ${names.join(', ')}` : `did you mean \`${near}\`?`;
    throw new InputError(`\`${before}\` has no member \`${name}\``, {}, hint);
  }
  throw new InputError(`\`${place.path}\`: \`${step}\` is neither \`.member\` nor \`[index]\``);
}

interface FoundMember {
  readonly type: number;
  readonly bitOffset: number;
  readonly bitSize: number;
}

/** Members of anonymous members stand beside the others, as in C. */
function memberOf(btf: Btf, id: number, name: string, base: number): FoundMember | undefined {
  const type = btf.resolve(id);
  if (!isComposite(type)) return undefined;
  for (const { name: own, type: member, bitOffset, bitSize } of type.members) {
    const found =
      own === name
        ? { type: member, bitOffset: base + bitOffset, bitSize }
        : own === ''
          ? memberOf(btf, member, name, base + bitOffset)
          : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function memberNames(btf: Btf, id: number): string[] {
  const type = btf.resolve(id);
  if (!isComposite(type)) return [];
  return type.members.flatMap(({ name, type: member }) => (name === '' ? memberNames(btf, member) : [name]));
}

/**
 * Writes a value into the bytes of the section that `place` is in. `value` as map files have it: members that it does
 * not name, and elements behind its last one, stay as they are; text is followed by zeros. Throws InputError.
 */
export function writeGlobal(object: ObjectSpec, place: GlobalPlace, section: Uint8Array, value: unknown): void {
  const btf = object.btf as Btf; // where there is a place there are types
  const { path, member, type, offset } = place;
  try {
    if (member !== undefined) writeTyped(btf, type, { [member]: value }, section, offset);
    else {
      if (typeof value === 'string' && btf.resolve(type).kind === 'array')
        section.fill(0, offset, offset + (btf.sizeOf(type) ?? 0));
      writeTyped(btf, type, value, section, offset);
    }
  } catch (error) {
    if (error instanceof UserError) throw new InputError(`\`${path}\`: ${error.message}`, error.place, error.hint);
    throw error;
  }
}

/**
 * The value of a variable or a part of one, as JavaScript has it (see {@link TypedValue}), from its section's bytes.
 */
export function readGlobal(object: ObjectSpec, place: GlobalPlace, section: Uint8Array): TypedValue {
  return pick(place, decodeTyped(object.btf as Btf, place.type, bytesOf(object, place, section)));
}

/** The same as JSON: what `--get` prints, and a test file expects. */
export function formatGlobal(object: ObjectSpec, place: GlobalPlace, section: Uint8Array): Formatted {
  return pick(place, formatBytes(object.btf as Btf, place.type, bytesOf(object, place, section)) ?? null);
}

function bytesOf({ btf }: ObjectSpec, { type, offset }: GlobalPlace, section: Uint8Array): Uint8Array {
  return section.subarray(offset, offset + (btf?.sizeOf(type) ?? 0));
}

function pick<T>({ member }: GlobalPlace, value: T): T {
  return member === undefined ? value : ((value as { readonly [name: string]: T })[member] as T); // of its struct
}

/**
 * The object with other values of its variables, constants among them: what a loader sets before it loads. Throws
 * InputError for a variable that there is not, or a value that it does not take.
 */
export function withGlobals(object: ObjectSpec, values: Readonly<Record<string, unknown>>): ObjectSpec {
  const names = Object.keys(values);
  if (names.length === 0) return object;
  const sections = new Map<number, Uint8Array>();
  for (const name of names) {
    const place = findGlobal(object, name);
    const { map } = place.variable;
    const init = object.maps[map]?.init;
    if (init?.kind !== 'data') continue;
    const bytes = sections.get(map) ?? padded(init.bytes, object.maps[map]);
    sections.set(map, bytes);
    writeGlobal(object, place, bytes, values[name]);
  }
  const maps = object.maps.map((spec, index): MapSpec => {
    const bytes = sections.get(index);
    return bytes === undefined ? spec : { ...spec, init: { kind: 'data', bytes } };
  });
  return { ...object, maps };
}

function padded(bytes: Uint8Array, spec: MapSpec | undefined): Uint8Array {
  const whole = new Uint8Array(Math.max(bytes.length, spec?.valueSize ?? 0));
  whole.set(bytes);
  return whole;
}

/**
 * Variables of `names` that are constants which the compiler may have worked into the code: C without `volatile`, and
 * no program reads the variable. Setting one changes nothing.
 */
export function foldedGlobals(object: ObjectSpec, names: readonly string[]): string[] {
  return names.filter((name) => {
    const { variable } = findGlobal(object, name);
    return variable.isConstant && !isNamedByCode(object, variable);
  });
}

/** Does the code of any program take the variable's address? */
export function isNamedByCode({ programs }: ObjectSpec, { map, offset, size }: GlobalVariable): boolean {
  return programs.some(({ insns }) =>
    insns.some((insn, slot) => {
      // lddw of a map's value: src 2, and the offset in the second slot
      if (insn.code !== 0x18 || insn.src !== 2 || insn.imm !== map) return false;
      const at = insns[slot + 1]?.imm ?? 0;
      return at >= offset && at < offset + size;
    }),
  );
}

/** A value on a command line: JSON as people write it; a number that does not fit in a double stays exact as text. */
export function parseGlobalValue(text: string): unknown {
  if (/^\s*[{["]/.test(text)) return parseLooseJson(text);
  const word = text.trim();
  if (word === 'true' || word === 'false') return word === 'true';
  const isNumber = /^-?\d+$/.test(word) && Number.isSafeInteger(Number(word));
  return isNumber ? Number(word) : word;
}
