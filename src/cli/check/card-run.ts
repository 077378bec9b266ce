/**
 * One object file of a corpus: every XDP program in it, through card and host with the plain interpreter beside. One
 * row a program.
 */
import { UserError } from '../../base/index.js';
import { type ObjectSpec, type ProgramSpec, xdpCandidates } from '../../object/index.js';
import { generateTraffic, Prng } from '../../packet/index.js';
import { verdictNames } from '../../platform/index.js';
import { type Arrival, changeMap, Session, type SessionOptions } from '../../runtime/index.js';
import { RejectedError, Verdicts } from '../../verifier/index.js';
import type { ObjectFile } from './objects.js';
import { notForBpf, readSubject, type Subject } from './subjects.js';

/**
 * `failed` is a difference or a crash: a fault in jitnic. `refused` is what Linux or jitnic would not load. `skipped`
 * is not XDP.
 */
export type CorpusResult = 'ok' | 'failed' | 'refused' | 'skipped';

/** A program of a corpus and how it did. */
export interface CorpusRow {
  readonly object: string;
  readonly program: string;
  readonly result: CorpusResult;
  /** Of the bytecode, in slots of eight bytes. */
  readonly insns?: number;
  readonly packets?: number;
  /** Texts as the table prints them: `DROP 12 PASS 988`, `98.4 %`, and abort codes with their counts. */
  readonly verdicts?: string;
  readonly hitRate?: string;
  readonly traces?: number;
  readonly aborts?: string;
  /** Changes that the control plane made between the packets. */
  readonly updates?: number;
  /** Traces that left the card because of them. */
  readonly retired?: number;
  /** `refused` because Linux's verifier would not take it, rather than because jitnic does not do what it asks for. */
  readonly rejected?: boolean;
  /** Faults of the program, or why it did not run. */
  readonly why: string;
}

/** How one run over the corpus is set up. */
export interface CorpusRun {
  /** Places of the card. */
  readonly cacheSize: number;
  /** Traces share places as sides of regions. Default true. */
  readonly regions?: boolean;
  /** Set: before every packet a map is changed at random, from this seed on. */
  readonly updates?: number | undefined;
  /** What the device knows of frames, to which programs are bound then. */
  readonly rxMetadata?: SessionOptions['rxMetadata'];
  /** Only what the verifier accepts runs; else what it would refuse runs with checks, and its faults are told. */
  readonly verified?: boolean;
}

/** All programs of one object file. What goes wrong becomes a row; nothing is thrown. */
export function runObject(file: ObjectFile, packets: readonly Arrival[], run: CorpusRun): CorpusRow[] {
  let subject: Subject | undefined;
  try {
    subject = readSubject(file);
  } catch (error) {
    return [stopped(file.name, '', error)];
  }
  if (subject === undefined) return [{ object: file.name, program: '', result: 'skipped', why: notForBpf }];
  return runSubject(subject, packets, run);
}

/** The same of an object that was read. */
export function runSubject({ object, maps }: Subject, packets: readonly Arrival[], run: CorpusRun): CorpusRow[] {
  if (object.programs.length === 0) {
    return [{ object: object.name, program: '', result: 'skipped', why: 'no program in it' }];
  }
  const candidates = xdpCandidates(object);
  return object.programs.map((program) =>
    candidates.includes(program)
      ? runProgram(object, program, packets, run, {
          check: true,
          cacheSize: run.cacheSize,
          regions: run.regions,
          keepConditions: false,
          rxMetadata: run.rxMetadata,
          maps,
        })
      : { object: object.name, program: program.name, result: 'skipped', why: `type ${program.type}` },
  );
}

/**
 * Runs the packets through card and host, with the interpreter beside, until they differ. What is thrown becomes the
 * row.
 */
function runProgram(
  object: ObjectSpec,
  program: ProgramSpec,
  packets: readonly Arrival[],
  { updates: seed, verified }: CorpusRun,
  options: SessionOptions,
): CorpusRow {
  try {
    // `require` throws RejectedError, which {@link stopped} tells from other refusals.
    if (verified === true) Verdicts.of(object).require(object, program, '`jitnic verify` says more');
    const session = new Session(object, program, options);
    const random = new Prng(seed ?? 0);
    let updates = 0;
    for (const packet of packets) {
      if (seed !== undefined && changeBoth(session, random.u32())) updates++;
      session.run(packet);
      if (session.difference !== undefined) break;
    }
    const difference = session.finish();
    const { runtime, verdicts } = session;
    const faults = [...runtime.faults.values()].map((fault) => `${fault.count} x ${fault.text.split('\n')[0]}`);
    return {
      object: object.name,
      program: program.name,
      result: difference === undefined ? 'ok' : 'failed',
      insns: program.insns.length,
      packets: runtime.packets,
      verdicts: verdictNames
        .filter((verdict) => verdicts[verdict] > 0)
        .map((verdict) => `${verdict} ${verdicts[verdict]}`)
        .join(' '),
      hitRate: `${((100 * runtime.hits) / Math.max(1, runtime.packets)).toFixed(1)} %`,
      traces: runtime.traces.length,
      aborts: [...runtime.aborts].map(([code, times]) => `${code} ${times}`).join(' '),
      ...(seed === undefined ? {} : { updates, retired: runtime.retired }),
      why:
        difference === undefined
          ? withoutFolders(faults.join('; '))
          : `packet ${difference.packet}: ${difference.what}: ${difference.card}, interpreter ${difference.interpreter}`,
    };
  } catch (error) {
    return { ...stopped(object.name, program.name, error), insns: program.insns.length };
  }
}

/** The same change on the machine that runs and on the one that checks it. */
function changeBoth(session: Session, seed: number): boolean {
  let done = false;
  session.change((machine) => {
    done = changeMap(machine, new Prng(seed));
  });
  return done;
}

/** A row for what could not be run: the user's kind of error is a refusal, any other is a fault of ours. */
export function stopped(object: string, program: string, error: unknown): CorpusRow {
  if (error instanceof UserError) {
    const why = (error.format().split('\n')[0] ?? '').replace(`${object}: `, '');
    const rejected = error instanceof RejectedError;
    return { object, program, result: 'refused', ...(rejected ? { rejected } : {}), why: withoutFolders(why) };
  }
  const why = error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 3).join(' ') : String(error);
  return { object, program, result: 'failed', why };
}

/** Source lines name files as they were where the object was compiled; their folders say nothing elsewhere. */
export function withoutFolders(text: string): string {
  return text.replace(/(?<![\w.])(?:\/[^\s/:]+)+\/([^\s/:]+)/g, '$1');
}

/**
 * Traffic for programs of which nothing is known: 500 flows, some much more popular than others, VLANs, damaged
 * packets.
 */
export function corpusTraffic(seed: number, count: number): Arrival[] {
  const traffic = generateTraffic({
    seed,
    packets: count,
    flows: 500,
    popularity: { zipf: 1 },
    vlan: 0.05,
    malformed: 0.02,
  });
  return Array.from(traffic, (packet) => ({ data: packet.data.slice(), time: packet.time }));
}

/** What `--markdown` writes: the figures and the table. `packets` says what was put in. */
export function corpusPage(rows: readonly CorpusRow[], packets: string): string {
  return `# Corpus

XDP programs by their authors, as they come out of the compiler: the examples of this repository, the kernel's samples and
selftests, and programs that others ship compiled. Each ran ${packets} through card and host, with the
plain interpreter beside it (\`--check\`): verdict, packet, metadata, outputs and map memory agreed after every packet of each program that is \`ok\`.

A program is *refused* when Linux or jitnic would not load it (the notes say why), *skipped* when it is not an XDP program, and *failed* when the two sides
differed. Notes of programs that ran name faults at which Linux's verifier would have stopped them. Written by
\`npm run corpus -- DIR... --markdown docs/corpus.md\`.

${corpusSummary(rows)}.

${corpusTable(rows.filter((row) => row.result !== 'skipped'))}`;
}

/** The table as Markdown. */
function corpusTable(rows: readonly CorpusRow[]): string {
  const titles = 'object,program,insns,packets,verdicts,hit rate,traces,aborts,result,notes'.split(',');
  const line = (cells: readonly (string | number | undefined)[]): string =>
    `| ${cells.map((cell) => String(cell ?? '').replace(/\|/g, '\\|')).join(' | ')} |`;
  const cells = (row: CorpusRow): readonly (string | number | undefined)[] => [
    row.object,
    row.program,
    row.insns,
    row.packets,
    row.verdicts,
    row.hitRate,
    row.traces,
    row.aborts,
    row.result,
    row.why,
  ];
  return [line(titles), line(titles.map(() => '---')), ...rows.map((row) => line(cells(row)))].join('\n').concat('\n');
}

/** `124 passed, 0 failed, 3 refused, 8 skipped`, and what the control plane did meanwhile. */
export function corpusSummary(rows: readonly CorpusRow[]): string {
  const sum = (get: (row: CorpusRow) => number | undefined): string =>
    rows.reduce((total, row) => total + (get(row) ?? 0), 0).toLocaleString('en-US');
  const changed = rows.some((row) => row.updates !== undefined)
    ? `; ${sum((row) => row.updates)} updates between ${sum((row) => row.packets)} packets, ${sum((row) => row.retired)} traces retired`
    : '';
  const count = (result: CorpusResult): number => rows.filter((row) => row.result === result).length;
  return `${count('ok')} passed, ${count('failed')} failed, ${count('refused')} refused, ${count('skipped')} skipped${changed}`;
}
