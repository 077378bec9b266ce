/** What rows of map creation are made of: a rule, and the rules that several types share. */

import { mapFlags } from '../platform/index.js';
import type { MapSpec } from './spec.js';

/** BPF_F_RDONLY, BPF_F_WRONLY and the two for programs. */
export const access: number = mapFlags.rdonly | mapFlags.wronly | mapFlags.rdonlyProg | mapFlags.wronlyProg;
/** BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG. */
export const programAccess: number = mapFlags.rdonlyProg | mapFlags.wronlyProg;
/** BPF_F_RDONLY and BPF_F_WRONLY. */
export const syscallAccess: number = mapFlags.rdonly | mapFlags.wronly;

/** KMALLOC_MAX_SIZE with pages of 4 KiB. */
export const kmallocMax: number = 1 << 22;
/** PCPU_MIN_UNIT_SIZE. */
export const percpuMax: number = 1 << 15;

/** Errors that creating a map may end with, but for those of memory. */
export type RuleErrno = 'EINVAL' | 'E2BIG' | 'ENOTSUPP' | 'EACCES' | 'EOPNOTSUPP' | 'ERANGE';

/** One check: `breaks` says whether the spec fails it. */
export interface Rule {
  readonly breaks: (spec: MapSpec) => boolean;
  readonly error: RuleErrno;
  readonly reason: (spec: MapSpec) => string;
}

/** A row: when it is broken, with which error, and in which words. */
export function rule(breaks: Rule['breaks'], error: RuleErrno, reason: string | Rule['reason']): Rule {
  return { breaks, error, reason: typeof reason === 'string' ? (): string => reason : reason };
}

/** Has the map any of the flags? */
export function has(spec: MapSpec, flags: number): boolean {
  return (spec.flags & flags) !== 0;
}

/** A number as people read it: `4,194,304`. */
export const count = (bytes: number): string => bytes.toLocaleString('en-US');
const hex = (flags: number): string => `0x${(flags >>> 0).toString(16)}`;

/** Flags outside of `allowed`. */
export function onlyFlags(allowed: number): Rule {
  return rule(
    (spec) => (spec.flags & ~allowed) !== 0,
    'EINVAL',
    (spec) => `flags ${hex(spec.flags & ~allowed)} are not for maps of type ${spec.type}`,
  );
}

/** BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG (bpf_map_flags_access_ok). */
export const oneAccess: Rule = rule(
  (spec) => (spec.flags & programAccess) === programAccess,
  'EINVAL',
  'BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG exclude each other',
);

/** A flag that the type cannot have. */
export function without(flag: number, name: string, error: RuleErrno = 'EINVAL'): Rule {
  return rule(
    (spec) => has(spec, flag),
    error,
    (spec) => `maps of type ${spec.type} cannot have ${name}`,
  );
}

/** At least one element. */
export const someEntries: Rule = rule(
  ({ maxEntries }) => maxEntries === 0,
  'EINVAL',
  ({ name }) =>
    `max_entries is 0: give it a size, or have its loader set one (\`--map-entries ${name}=N\`, or in test files \`map-entries\`)`,
);
/** A u32 that counts elements. */
export const indexKey: Rule = rule(
  ({ keySize }) => keySize !== 4,
  'EINVAL',
  ({ type, keySize }) => `the key of a map of type ${type} is a 4-byte index, not ${keySize} bytes`,
);
/** No key at all. */
export const noKey: Rule = rule(
  ({ keySize }) => keySize !== 0,
  'EINVAL',
  ({ type }) => `a map of type ${type} has no key: its key size must be 0`,
);
/** A key of at least a byte. */
export const someKey: Rule = rule(({ keySize }) => keySize === 0, 'EINVAL', 'the key size is 0');
/** A value of at least a byte. */
export const someValue: Rule = rule(({ valueSize }) => valueSize === 0, 'EINVAL', 'the value size is 0');

/** Values of one of the sizes, in bytes. */
export function valueSizes(...sizes: readonly number[]): Rule {
  return rule(
    ({ valueSize }) => !sizes.includes(valueSize),
    'EINVAL',
    ({ type, valueSize }) => `values of type ${type} are ${sizes.join(' or ')} bytes, not ${valueSize}`,
  );
}

/** Values of so many bytes at most, where the rule applies; default: to any map. */
export function valueUpTo(
  most: number,
  error: RuleErrno,
  applies: (spec: MapSpec) => boolean = (): boolean => true,
): Rule {
  return rule(
    (spec) => applies(spec) && spec.valueSize > most,
    error,
    (spec) =>
      `values of ${count(spec.valueSize)} bytes are too large: a map of type ${spec.type} holds up to ${count(most)}`,
  );
}

/** So many elements at most. */
export function entriesUpTo(most: number, error: RuleErrno): Rule {
  return rule(
    ({ maxEntries }) => maxEntries > most,
    error,
    ({ type, maxEntries }) =>
      `${count(maxEntries)} entries are too many: a map of type ${type} has up to ${count(most)}`,
  );
}

/** Flags that only some types of a family may have. */
export function onlyIf(
  flag: number,
  name: string,
  applies: (spec: MapSpec) => boolean,
  error: RuleErrno = 'EINVAL',
): Rule {
  const refusal = without(flag, name, error);
  return { ...refusal, breaks: (spec) => !applies(spec) && has(spec, flag) };
}
