/**
 * What the verifier says of an object's programs, as one value that is made once and handed down to all who compile:
 * engine, card, recorder, checker. Two engines that were given equal verdicts make equal code, so what is judged is
 * what is shipped.
 *
 * A program is asked about when the first one wants to know, and once: whoever only interprets never waits for the
 * verifier.
 */
import { type Content, contentOf, type ExitCode, exitCodes, type ResultStore, UserError } from '../base/index.js';
import { encodeInsns } from '../isa/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import type { ProgramFacts } from './facts.js';
import { type Failure, verify } from './verify.js';

/** What is kept of a {@link verify}: no log. */
export interface Verdict {
  readonly accepted: boolean;
  /** Why it is refused, if it is. */
  readonly failure?: Failure | undefined;
  /** Of an accepted program, where facts were asked for. */
  readonly facts?: ProgramFacts | undefined;
}

/** What the verifier is asked besides whether. */
export interface VerdictOptions {
  /**
   * Collect what is known before each instruction; default false, as all that runs packets compiles: facts take one to
   * three times the verification again and make compiled code at most 1.5 % smaller, in most programs not at all
   * (docs/verifier.md).
   */
  readonly facts?: boolean | undefined;
  /** Keeps acceptance from run to run; of no use with facts. */
  readonly store?: ResultStore | undefined;
}

/** Linux would not load the program: a negative answer, exit 1. */
export class RejectedError extends UserError {
  override readonly name: string = 'RejectedError';
  readonly exitCode: ExitCode = exitCodes.negative;
  readonly code: string = 'rejected';
}

const accepted: Verdict = { accepted: true };
const notAccepted: Verdict = { accepted: false };

/** What the verifier says of programs: each asked about once, when somebody first wants to know. */
export class Verdicts {
  private readonly known = new Map<ProgramSpec, Verdict>();
  private readonly ask: (program: ProgramSpec) => Verdict;

  private constructor(ask: (program: ProgramSpec) => Verdict) {
    this.ask = ask;
  }

  /** The verifier's own; `object` is what the programs are loaded from. */
  static of(object: ObjectSpec, options: VerdictOptions = {}): Verdicts {
    return new Verdicts((program) => verdictOn(object, program, options));
  }

  /** Somebody has asked already: these are accepted, no others. */
  static given(programs: readonly ProgramSpec[]): Verdicts {
    return new Verdicts((program) => (programs.includes(program) ? accepted : notAccepted));
  }

  /**
   * Every program is taken for verified: the kernel has loaded it, or a test knows. Compiled code that is wrongly
   * trusted reads and writes anywhere in guest memory.
   */
  static trusting(): Verdicts {
    return new Verdicts(() => accepted);
  }

  /** Nobody asks the verifier: every access is checked as it happens. */
  static none(): Verdicts {
    return new Verdicts(() => notAccepted);
  }

  of(program: ProgramSpec): Verdict {
    const known = this.known.get(program) ?? this.ask(program);
    this.known.set(program, known);
    return known;
  }

  /** Does the verifier accept all of these? */
  accepts(...programs: readonly ProgramSpec[]): boolean {
    return programs.every((program) => this.of(program).accepted);
  }

  /** Undefined for a program that is refused, and where facts were not asked for. */
  factsOf(program: ProgramSpec): ProgramFacts | undefined {
    return this.of(program).facts;
  }

  /**
   * Throws {@link RejectedError} for the first of the program and those that the object's program arrays hold from the
   * start (which it may tail-call) that Linux would not load; `hint` is the error's, default what the verifier would
   * mend.
   */
  require(object: ObjectSpec, program: ProgramSpec, hint?: string): void {
    const targets = new Set([program.name]);
    for (const { init } of object.maps)
      if (init?.kind === 'programs') for (const name of init.slots.values()) targets.add(name);
    for (const candidate of object.programs) {
      const { failure } = targets.has(candidate.name) ? this.of(candidate) : accepted;
      if (failure === undefined) continue;
      throw new RejectedError(
        `Linux would not load \`${candidate.name}\`: ${failure.message}`,
        {
          file: object.name,
          section: candidate.section,
          // What is refused before any instruction is looked at has none.
          insn: failure.insn < 0 ? undefined : failure.insn,
          source: failure.explanation.source,
        },
        hint ?? failure.explanation.hint,
      );
    }
  }
}

const kind = 'accepted';

function verdictOn(object: ObjectSpec, program: ProgramSpec, { facts = false, store }: VerdictOptions): Verdict {
  const { maps, btf, kernelBtf, license } = object;
  const content = store === undefined || facts ? undefined : verdictContent(object, program);
  // Only acceptance is kept: whoever is refused wants to read why.
  if (content !== undefined && store?.load(kind, content) !== undefined) return accepted;
  const result = verify(program, maps, { btf, kernelBtf, license, facts, logLevel: 0 });
  if (!result.accepted) return { accepted: false, failure: result.failures[0] };
  if (content !== undefined) store?.save(kind, content, new Uint8Array(0));
  return facts ? { accepted: true, facts: result.facts } : accepted;
}

/** All that the verifier reads. */
function verdictContent(object: ObjectSpec, { insns, lines: _, ...program }: ProgramSpec): Content {
  const { maps, license, btf, kernelBtf } = object;
  const kernel = kernelBtf === undefined ? {} : { kernel: kernelBtf.bytes };
  return contentOf({ program, insns: encodeInsns(insns), maps, license, btf: btf?.bytes, ...kernel });
}
