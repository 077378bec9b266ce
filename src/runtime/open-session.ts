/** From an object file to a session that is ready for packets: read, verified, compiled as soon as that pays. */
import { UsageError } from '../base/index.js';
import {
  assemble,
  type ObjectSpec,
  pickProgram,
  type ReadObjectOptions,
  readObject,
  sizeMaps,
} from '../object/index.js';
import { Verdicts } from '../verifier/index.js';
import { type TypedValue, withGlobals } from '../vm/index.js';
import { Session, type SessionOptions } from './session.js';

/** What {@link openSession} can be asked for besides what every session can. */
export interface OpenOptions extends SessionOptions, ReadObjectOptions {
  /** Program or section; may be left out where the object has one XDP program. */
  readonly program?: string | undefined;
  /** Numbers of elements by map, for maps whose size the object leaves to its loader, or to have others. */
  readonly mapEntries?: Readonly<Record<string, number>> | undefined;
  /**
   * Values of global variables before the program is loaded, constants among them: `{ limit: 100, 'ports[0]': 80 }`.
   */
  readonly globals?: Readonly<Record<string, TypedValue>> | undefined;
  /**
   * False: a program that Linux would not load runs all the same, on the interpreter, which checks every access.
   * Default true.
   */
  readonly verify?: boolean | undefined;
}

/**
 * Opens an ELF object (its bytes), assembler text, or an object that was read before. By default the program is
 * verified as Linux would, packets meet a card of 64 traces first, and the host compiles to WebAssembly once that
 * pays; `{ card: false }` has the host alone, `{ host: 'interp' }` never compiles.
 *
 * Throws InputError for bytes that are no such object, UnsupportedError for what it asks for and is not done,
 * RejectedError for a program that Linux would not load (its text says why and where), UsageError where it is not
 * clear which program is meant, BudgetError for maps that do not fit in 4 GiB.
 */
export function openSession(source: Uint8Array | string | ObjectSpec, options: OpenOptions = {}): Session {
  const { verify = true, host = verify ? 'wasm' : 'interp' } = options;
  const read =
    typeof source === 'string'
      ? assemble(source, options)
      : source instanceof Uint8Array
        ? readObject(source, options)
        : source;
  const object = withGlobals(sized(read, options.mapEntries ?? {}), options.globals ?? {});
  const program = pickProgram(object, options.program);
  const verdicts = options.verdicts ?? (verify ? Verdicts.of(object, options) : Verdicts.none());
  const session = new Session(object, program, { ...options, host, verdicts });
  // After the session: what cannot run at all is said before what Linux would say.
  if (verify) verdicts.require(object, program);
  return session;
}

/** The object with sizes of maps set that it leaves to its loader. Throws UsageError. */
function sized(object: ObjectSpec, entries: Readonly<Record<string, number>>): ObjectSpec {
  const sizes = new Map(Object.entries(entries));
  if (sizes.size === 0) return object;
  const names = object.maps.map(({ name }) => name);
  for (const [name, size] of sizes) {
    if (!names.includes(name)) throw new UsageError(`mapEntries: no map \`${name}\``, {}, `maps: ${names.join(', ')}`);
    if (!Number.isSafeInteger(size) || size < 1)
      throw new UsageError(
        `mapEntries: \`${name}\`: ${size} is no number of elements`,
        {},
        'give a whole number from 1',
      );
  }
  return sizeMaps(object, 0, sizes).object;
}
