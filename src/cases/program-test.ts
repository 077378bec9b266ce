/** Test cases from TypeScript: the same as in test files, for any test runner. */
import { InputError, UserError } from '../base/index.js';
import { type ObjectSpec, type ProgramSpec, pickProgram, type ReadObjectOptions, readObject } from '../object/index.js';
import type { VerdictName } from '../platform/index.js';
import { nearestHint } from '../text/index.js';
import { type OutputTypes, parseOutputTypes, type TypedValue } from '../vm/index.js';
import { machineEngines } from './engine.js';
import { failureLines } from './formats.js';
import { noSetup, readCase, setupNames } from './read-suite.js';
import type { CaseResult } from './result.js';
import { runCase } from './run-case.js';
import { NodeReader, nodeOf } from './source-node.js';

/** What a case starts from; times in nanoseconds, or as text: `1.5ms`. */
export interface CaseSetup {
  /** Global variables before the program is loaded: `{ limit: 100, 'ports[0]': 80 }`. */
  readonly set?: Readonly<Record<string, TypedValue>> | undefined;
  /** Entries as in map files: `{ flows: [{ key: 1, value: { packets: 3 } }] }`. */
  readonly maps?: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>> | undefined;
  /** Maps of which nothing is left that the object brings, before {@link maps} go in. */
  readonly empty?: readonly string[] | undefined;
  /** Maps that are full: ring buffers that nobody reads, tables of elements that nobody looks for. */
  readonly full?: readonly string[] | undefined;
  /** Numbers of elements, for maps whose size the object leaves open. */
  readonly 'map-entries'?: Readonly<Record<string, number>> | undefined;
  readonly clock?: number | string | undefined;
  readonly cpu?: number | undefined;
  readonly cpus?: number | undefined;
  readonly ifindex?: number | undefined;
  readonly seed?: number | undefined;
  /** Of `interp`, `wasm` and `trace`; default: all. */
  readonly engines?: readonly string[] | undefined;
}

/** What is expected; all that docs/testing.md lists. */
export interface CaseExpectation {
  readonly verdict?: VerdictName | readonly VerdictName[] | undefined;
  /** How many packets have which verdict. */
  readonly verdicts?: Readonly<Partial<Record<VerdictName, number>>> | undefined;
  /** The packet as it leaves: layers, or bytes. */
  readonly packet?: string | Uint8Array | undefined;
  readonly unchanged?: boolean | undefined;
  /** `{ 'ip.ttl': 63 }`. */
  readonly fields?: Readonly<Record<string, string | number>> | undefined;
  /** An interface, or parts: `{ map: 'tx', key: 2 }`. */
  readonly redirect?: number | Readonly<Record<string, string | number>> | undefined;
  readonly maps?: CaseSetup['maps'];
  readonly globals?: Readonly<Record<string, TypedValue>> | undefined;
  readonly printed?: readonly (string | RegExp)[] | undefined;
  /** Records by map: parts of their values, or hex. */
  readonly records?: Readonly<Record<string, readonly unknown[]>> | undefined;
  /** Most that a packet takes. */
  readonly instructions?: number | undefined;
}

/** A packet with what surrounds it. */
export interface CasePacket {
  /** Layers (`eth/ip/udp(dport=53)/"text"`), or bytes. */
  readonly packet: string | Uint8Array;
  /** Bytes before the packet, `data_meta` to `data`: hex or bytes, a multiple of four. */
  readonly metadata?: string | Uint8Array | undefined;
  readonly time?: number | string | undefined;
  readonly cpu?: number | undefined;
  readonly ifindex?: number | undefined;
  readonly expect?: VerdictName | CaseExpectation | undefined;
}

/** A case as test files have it. */
export interface CaseInput extends CaseSetup {
  readonly name?: string | undefined;
  readonly packet?: string | Uint8Array | CasePacket | undefined;
  readonly packets?: readonly (string | Uint8Array | CasePacket)[] | undefined;
  readonly expect?: VerdictName | CaseExpectation | undefined;
}

/** What {@link test} can be asked for; a case's own setup goes over this one. */
export interface ProgramTestOptions extends CaseSetup, ReadObjectOptions {
  /** Program or section; may be left out where there is one XDP program. */
  readonly program?: string | undefined;
  /** False: run a program that Linux would not load, on the interpreter alone. Default true. */
  readonly verify?: boolean | undefined;
  /** Types of records by map: `{ events: 'event' }`. */
  readonly recordTypes?: Readonly<Record<string, string>> | undefined;
}

/**
 * A case failed; the message says what was not as expected, and which source line decided, or why no engine ran it.
 */
export class CaseError extends Error {
  readonly result: CaseResult;

  /** @internal */
  constructor(result: CaseResult) {
    const lines = result.failures.flatMap((failure) => failureLines(failure, result.engines.length));
    super(lines.length > 0 ? lines.join('\n') : `${result.name} was run by no engine: ${result.reason ?? ''}`);
    this.name = 'CaseError';
    this.result = result;
  }
}

/** A program under test; made by {@link test}. Every case has maps of its own. */
export class ProgramTest {
  private readonly object: ObjectSpec;
  private readonly program: ProgramSpec;
  private readonly options: ProgramTestOptions;
  private readonly types: OutputTypes;

  /** @internal */
  constructor(source: Uint8Array | ObjectSpec, options: ProgramTestOptions) {
    this.object = source instanceof Uint8Array ? readObject(source, options) : source;
    this.program = pickProgram(this.object, options.program);
    this.options = options;
    const words = Object.entries(options.recordTypes ?? {}).map(([map, type]) => `${map}=${type}`);
    this.types = parseOutputTypes(this.object, words);
  }

  /** Runs a case and says what came of it. Throws InputError for what the case gets wrong. */
  run(input: CaseInput): CaseResult {
    return whole(this.run, () => this.runCase(input));
  }

  private runCase(input: CaseInput): CaseResult {
    const { set, maps, clock, cpu, cpus, ifindex, seed, engines, verify = true } = this.options;
    const before = {
      set,
      maps,
      'map-entries': this.options['map-entries'],
      empty: this.options.empty,
      full: this.options.full,
      clock,
      cpu,
      cpus,
      ifindex,
      seed,
      engines,
    };
    const merged = {
      ...before,
      ...input,
      set: { ...set, ...input.set },
      maps: { ...maps, ...input.maps },
      name: input.name ?? 'case',
    };
    const reader: NodeReader = new NodeReader(undefined);
    return runCase(readCase(reader, nodeOf(merged), noSetup, 0), {
      object: this.object,
      program: this.program,
      engines: machineEngines,
      verify,
      types: this.types,
      reader,
      packetsOf: noFiles,
      mapsOf: noFiles,
    });
  }

  /**
   * Runs a case: throws CaseError where something is not as expected, or where no engine ran it, since what was not
   * run has not passed. For `node:test`, and any runner.
   */
  check(input: CaseInput): CaseResult {
    const result = this.run(input);
    if (result.status !== 'passed') throw new CaseError(result);
    return result;
  }
}

/**
 * Runners print an error's message and its stack: the message gets place and hint, and the stack begins with who
 * called `entry`, where the case stands, and not a dozen calls below.
 */
function whole<T>(entry: unknown, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    error.message = error.format();
    // V8 has it, and the languages that browsers share do not.
    (Error as { captureStackTrace?: (error: Error, below: unknown) => void }).captureStackTrace?.(error, entry);
    throw error;
  }
}

/** What {@link test} may be told; types say it to compilers, this to everybody else. */
const optionNames: readonly (keyof ProgramTestOptions)[] = [
  'program',
  'verify',
  'recordTypes',
  ...setupNames,
  'name',
  'btf',
  'kernelVersion',
  'kconfig',
];

/** Throws InputError for what can be no program under test. */
function refuseStrange(source: unknown, options: object): void {
  const isObject = typeof source === 'object' && source !== null && 'programs' in source;
  if (!(source instanceof Uint8Array || isObject))
    throw new InputError(
      `a program under test is an ELF object's bytes, no ${typeof source}`,
      {},
      "test(readFileSync('prog.o'))",
    );
  for (const name of Object.keys(options))
    if (!(optionNames as readonly string[]).includes(name))
      throw new InputError(`\`test\` has no option \`${name}\``, {}, nearestHint(name, optionNames, 'options are'));
}

function noFiles(name: string): never {
  throw new InputError(`\`${name}\`: cases of a program read no files`, {}, 'hand over the bytes of its packets');
}

/**
 * A program under test: an ELF object's bytes, or an object that was read before.
 *
 *     import { test } from 'jitnic/test';
 *
 *     const firewall = test(readFileSync('firewall.o'), { set: { limit: 100 } });
 *     it('drops DNS from outside', () => { // vitest's, or that of node:test
 *       firewall.check({ packet: 'eth/ip(src=198.51.100.7)/udp(dport=53)', expect: 'DROP' });
 *     });
 *
 * Throws InputError for bytes that are no such object, UsageError where it is not clear which program is meant.
 */
export function test(source: Uint8Array | ObjectSpec, options: ProgramTestOptions = {}): ProgramTest {
  return whole(test, () => {
    refuseStrange(source, options);
    return new ProgramTest(source, options);
  });
}

/** What a matcher answers to vitest and jest. */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

/**
 * What {@link matchers} add to `expect(program)`, for a compiler: `R` is what a matcher gives back, as the runner has
 * it. With vitest, in any file of the project:
 *
 *     import type { ProgramMatchers } from 'jitnic/test';
 *     declare module 'vitest' {
 *       interface Matchers<T = any> extends ProgramMatchers<T> {}
 *     }
 */
export interface ProgramMatchers<R = unknown> {
  /** The case holds on every engine. */
  toHold(input: CaseInput): R;
  /** The program's verdict about this packet, with maps as they are when it is loaded. */
  toDecide(packet: string | Uint8Array, verdict: VerdictName): R;
}

/** {@link ProgramMatchers} as `expect.extend` takes them: what is expected something of comes first. */
export type MatcherFunctions = {
  readonly [Name in keyof ProgramMatchers]: (
    program: ProgramTest,
    ...given: Parameters<ProgramMatchers[Name]>
  ) => MatcherResult;
};

/**
 * Matchers for vitest and jest: `expect.extend(matchers)`, then
 *
 *     expect(firewall).toHold({ packet: 'eth/ip/udp', expect: { verdict: 'PASS', unchanged: true } });
 *     expect(firewall).toDecide('eth/ip/udp(dport=53)', 'DROP');
 */
export const matchers: MatcherFunctions = {
  toHold: (program, input) => answer(program.run(input)),
  toDecide: (program, packet, verdict) => answer(program.run({ packet, expect: verdict })),
};

function answer(result: CaseResult): MatcherResult {
  const pass = result.status === 'passed';
  return { pass, message: () => (pass ? `${result.name} holds, and was not to` : new CaseError(result).message) };
}
