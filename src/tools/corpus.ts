/**
 * `npm run corpus -- DIR [-r capture] [-c packets] [--markdown FILE]`: every object file below DIR, every XDP program in it, run through card and host
 * with the plain interpreter beside. One row each; closes with `N passed, N failed`; exit code 1 if any failed.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '../base/index.js';
import { openCaptureFile } from '../cli/capture-input.js';
import type { Io } from '../cli/command.js';
import type { Cell } from '../cli/output.js';
import {
  Btf,
  type MapSpec,
  type ObjectSpec,
  type ProgramSpec,
  readObject,
  xdpFitness,
  xdpPrograms,
} from '../object/index.js';
import { generateTraffic, type Packet } from '../packet/index.js';
import { verdictNames } from '../platform/index.js';
import { Session } from '../runtime/index.js';

interface Row {
  readonly object: string;
  readonly program: string;
  readonly insns: number | undefined;
  readonly packets: number | undefined;
  readonly verdicts: string;
  readonly hitRate: string;
  readonly traces: number | undefined;
  readonly aborts: string;
  readonly result: 'ok' | 'failed' | 'skipped';
  readonly why: string;
}

const usage = 'usage: npm run corpus -- DIR [-r capture] [-c packets] [--markdown FILE] [--cache-size N] [--seed N]\n';

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      read: { type: 'string', short: 'r' },
      count: { type: 'string', short: 'c' },
      markdown: { type: 'string' },
      'cache-size': { type: 'string' },
      seed: { type: 'string' },
    },
  });
  const [folder] = positionals;
  const count = Number(values.count ?? (values.read === undefined ? 1000 : Number.POSITIVE_INFINITY));
  const cacheSize = Number(values['cache-size'] ?? 64);
  const seed = Number(values.seed ?? 1);
  if (folder === undefined || !(count > 0) || !(cacheSize > 0) || !Number.isSafeInteger(seed)) {
    process.stderr.write(usage);
    return 2;
  }
  const kernelBtf = '/sys/kernel/btf/vmlinux';
  const btf = existsSync(kernelBtf) ? new Btf(await readFile(kernelBtf), kernelBtf) : undefined;
  const files = await objectFiles(folder);
  if (files.length === 0) {
    process.stderr.write(`${folder}: no object files\n`);
    return 3;
  }
  const rows: Row[] = [];
  const take = (row: Row): void => {
    rows.push(row);
    const shown = [
      row.result.padEnd(7),
      `${row.object} ${row.program}`.padEnd(50),
      row.verdicts,
      row.hitRate,
      row.traces === undefined ? '' : `${row.traces} traces`,
      row.aborts,
      row.why,
    ];
    process.stdout.write(`${shown.filter((cell) => cell !== '').join('  ')}\n`);
  };
  for (const file of files) {
    const name = relative(folder, file);
    let object: ObjectSpec;
    try {
      const bytes = await readFile(file);
      if (bytes[18] !== 247 && bytes[4] === 2) continue; // Somebody else's machine code.
      object = sized(readObject(bytes, { name, ...(btf === undefined ? {} : { btf }) }));
    } catch (error) {
      take(blank(name, '', 'failed', reason(error)));
      continue;
    }
    for (const program of object.programs) {
      if (!isXdp(object, program)) {
        take(blank(name, program.name, 'skipped', `type ${program.type}`));
        continue;
      }
      const packets = values.read === undefined ? generated(seed, count) : captured(values.read);
      take(await runOne(object, program, name, packets, count, cacheSize));
    }
  }
  const passed = rows.filter((row) => row.result === 'ok').length;
  const failed = rows.filter((row) => row.result === 'failed').length;
  if (values.markdown !== undefined) await writeFile(values.markdown, markdown(rows));
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return failed > 0 ? 1 : 0;
}

async function objectFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.o'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Programs declared for XDP; where an object declares none, those of which it says nothing. */
function isXdp(object: ObjectSpec, program: ProgramSpec): boolean {
  return xdpFitness(program) === 'declared' || xdpPrograms(object).includes(program);
}

/** Maps whose size the object leaves to its loader get one entry for each of 8 CPUs. */
function sized(object: ObjectSpec): ObjectSpec {
  const needsSize = (map: MapSpec): boolean =>
    map.maxEntries === 0 && map.type !== 'ringbuf' && map.type !== 'perf_event_array';
  return { ...object, maps: object.maps.map((map) => (needsSize(map) ? { ...map, maxEntries: 8 } : map)) };
}

function* generated(seed: number, count: number): Generator<Packet> {
  yield* generateTraffic({
    seed,
    packets: Math.min(count, 1e9),
    flows: 500,
    popularity: { zipf: 1 },
    vlan: 0.05,
    malformed: 0.02,
  });
}

async function* captured(path: string): AsyncGenerator<Packet> {
  const quiet = { info: () => undefined, stdin: () => process.stdin } as unknown as Io;
  const input = await openCaptureFile(path, quiet);
  yield* input.packets();
}

async function runOne(
  object: ObjectSpec,
  program: ProgramSpec,
  name: string,
  packets: AsyncIterable<Packet> | Iterable<Packet>,
  count: number,
  cacheSize: number,
): Promise<Row> {
  try {
    const session = new Session(object, program, { check: true, cacheSize });
    for await (const packet of packets) {
      if (session.runtime.packets >= count) break;
      session.run(packet);
      if (session.difference !== undefined) break;
    }
    const difference = session.finish();
    const { runtime } = session;
    const why =
      difference === undefined
        ? [...runtime.faults.values()].map((fault) => `${fault.count} x ${fault.text.split('\n')[0]}`).join('; ')
        : `packet ${difference.packet}: ${difference.what}: ${difference.card}, interpreter ${difference.interpreter}`;
    return {
      object: name,
      program: program.name,
      insns: program.insns.length,
      packets: runtime.packets,
      verdicts: verdictNames
        .filter((verdict) => session.verdicts[verdict] > 0)
        .map((verdict) => `${verdict} ${session.verdicts[verdict]}`)
        .join(' '),
      hitRate: `${((100 * runtime.hits) / Math.max(1, runtime.packets)).toFixed(1)} %`,
      traces: runtime.traces.length,
      aborts: [...runtime.aborts].map(([code, times]) => `${code} ${times}`).join(' '),
      result: difference === undefined ? 'ok' : 'failed',
      why,
    };
  } catch (error) {
    return { ...blank(name, program.name, 'failed', reason(error)), insns: program.insns.length };
  }
}

function reason(error: unknown): string {
  if (error instanceof UserError) return error.format().split('\n')[0] ?? '';
  return error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 3).join(' ') : String(error);
}

function blank(object: string, program: string, result: Row['result'], why: string): Row {
  return {
    object,
    program,
    insns: undefined,
    packets: undefined,
    verdicts: '',
    hitRate: '',
    traces: undefined,
    aborts: '',
    result,
    why,
  };
}

function markdown(rows: readonly Row[]): string {
  const titles = [
    'object',
    'program',
    'insns',
    'packets',
    'verdicts',
    'hit rate',
    'traces',
    'aborts',
    'result',
    'notes',
  ];
  const cells = (row: Row): readonly Cell[] => [
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
  const line = (values: readonly Cell[]): string =>
    `| ${values.map((value) => String(value ?? '').replace(/\|/g, '\\|')).join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map((row) => line(cells(row)))].join('\n').concat('\n');
}

process.exitCode = await main(process.argv.slice(2));
