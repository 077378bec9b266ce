/**
 * `npm run loading -- DIR`: what our loader hands to the kernel against what libbpf hands to it (`bpftool prog
 * loadall`), object by object. Wherever libbpf's is accepted ours has to be, and the programs have to do the same with
 * the same packets.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { UnsupportedError, UserError } from '../base/index.js';
import { findObjects, loadObject, type ObjectFile } from '../cli/check/objects.js';
import { makePackets } from '../cli/check/traffic.js';
import { isHermetic } from '../judge/index.js';
import { Bpf, fitsTestRun, KernelObject } from '../linux/index.js';
import { xdpFitness } from '../object/index.js';
import { type Cell, count, formatTable } from '../text/index.js';
import { negativeIf, numberFlag, oneOperand, runTool, writeSummary } from './tool.js';

const usage = 'npm run loading -- DIR [-c PACKETS] [--seed N]';
/** Where bpftool pins what it loaded, so that the test can run it. */
const bpffs = '/sys/fs/bpf';

/** One object: what became of it on either side (`accepted` or `refused`), and what was run both ways. */
interface Row {
  readonly object: string;
  readonly libbpf: string;
  readonly ours: string;
  readonly programs: number;
  readonly packets: number;
  /** Undefined: as it should be. */
  readonly problem: string | undefined;
}

await runTool(
  usage,
  { count: { type: 'string', short: 'c' }, seed: { type: 'string' }, summary: { type: 'string' } },
  (operands, flags) => {
    const packets = makePackets(numberFlag(flags, 'count', 100), numberFlag(flags, 'seed', 1));
    const bpf = Bpf.open();
    bpf.pinToCpu(0);
    const rows = findObjects(oneOperand(operands, usage)).map((file) => compareLoading(bpf, file, packets));
    const cells = rows.map((row): Cell[] => [
      row.object,
      row.libbpf,
      row.ours,
      row.programs,
      row.packets,
      row.problem ?? (row.ours === 'accepted' && row.libbpf === 'accepted' ? 'same' : ''),
    ]);
    const titles = ['object', 'libbpf', 'ours', 'programs run', 'packets', 'result'];
    process.stdout.write(
      formatTable(
        titles.map((title) => ({ title })),
        cells,
      ),
    );
    const failed = rows.filter((row) => row.problem !== undefined).length;
    const only = rows.filter((row) => row.libbpf !== 'accepted' && row.ours === 'accepted').length;
    const neither = rows.filter((row) => row.libbpf !== 'accepted' && row.ours !== 'accepted').length;
    console.log(
      `\n${count(only, 'object')} that only our loader brings in (a program of another type in it needs more)`,
    );
    if (neither > 0) console.log(`${count(neither, 'object')} that neither brings in`);
    writeSummary(flags, {
      objects: rows.length,
      failed,
      accepted: rows.filter((row) => row.libbpf === 'accepted' && row.ours === 'accepted').length,
      onlyOurs: only,
      neither,
      programs: rows.reduce((sum, row) => sum + row.programs, 0),
      packets: rows.reduce((sum, row) => sum + row.packets, 0),
      remaining: rows.filter((row) => row.problem !== undefined),
    });
    console.log(`${rows.length - failed} passed, ${failed} failed`);
    return negativeIf(failed);
  },
);

/** Loads an object both ways and compares. libbpf's comes first: whether ours has to succeed depends on it. */
function compareLoading(bpf: Bpf, file: ObjectFile, packets: readonly Uint8Array[]): Row {
  const pins = mkdtempSync(join(bpffs, 'jitnic-'));
  const others = new Set(readdirSync(bpffs));
  const libbpf = loadWithBpftool(file.path, pins);
  const base = { object: file.name, libbpf: libbpf === undefined ? 'accepted' : 'refused', programs: 0, packets: 0 };
  let kernel: KernelObject | undefined;
  try {
    const object = loadObject(file);
    kernel = KernelObject.load(bpf, object, {
      // Only programs in XDP sections; others may need what a file does not say (an attach point, a struct_ops).
      programs: object.programs.filter((p) => xdpFitness(p) === 'declared').map((p) => p.name),
    });
    const refused = kernel.programs.find(({ loaded }) => !('fd' in loaded));
    const ours = refused === undefined ? 'accepted' : 'refused';
    if (libbpf !== undefined || refused !== undefined) {
      const problem = libbpf === undefined ? `\`${refused?.spec.name}\` is refused` : undefined;
      return { ...base, ours, problem };
    }
    return { ...base, ours, ...compareRuns(bpf, kernel, join(pins, 'progs'), packets) };
  } catch (error) {
    const words = error instanceof UserError ? error.format() : `jitnic fails: ${error}`;
    // A file that libbpf refuses as well we may refuse, with a message for users; a crash is always a problem.
    const isProblem = libbpf === undefined || !(error instanceof UserError);
    return { ...base, ours: 'refused', problem: isProblem ? words.split('\n')[0] : undefined };
  } finally {
    kernel?.close();
    rmSync(pins, { recursive: true, force: true });
    // Maps that ask for it are pinned by name, and the next object would find them.
    for (const name of readdirSync(bpffs)) {
      if (!others.has(name) && !name.startsWith('jitnic-')) rmSync(join(bpffs, name), { recursive: true, force: true });
    }
  }
}

/**
 * Undefined when libbpf and the kernel take the object; else what it says. Throws UnsupportedError when there is no
 * bpftool.
 */
function loadWithBpftool(path: string, pins: string): string | undefined {
  try {
    const maps = join(pins, 'maps');
    execFileSync('bpftool', ['prog', 'loadall', path, join(pins, 'progs'), 'pinmaps', maps], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new UnsupportedError('bpftool is not installed', {}, 'install the package `bpftool`');
    }
    return String((error as { stderr?: unknown }).stderr ?? error);
  }
}

/** Same packets through each XDP program, loaded both ways, with maps as the object has them. */
function compareRuns(
  bpf: Bpf,
  kernel: KernelObject,
  folder: string,
  packets: readonly Uint8Array[],
): Pick<Row, 'programs' | 'packets' | 'problem'> {
  // There is no folder for an object without programs.
  const pinned = new Set(existsSync(folder) ? readdirSync(folder) : []);
  let programs = 0;
  let compared = 0;
  for (const { spec, loaded } of kernel.programs) {
    // What asks for time or random numbers does not do the same twice, however it was loaded.
    if (!('fd' in loaded) || spec.attach !== 'xdp' || !pinned.has(spec.name) || !isHermetic(spec)) continue;
    const theirs = bpf.getPinned(join(folder, spec.name));
    programs++;
    try {
      for (const data of packets) {
        if (!fitsTestRun(data.length, spec)) continue;
        const expected = bpf.testRun(theirs, { data });
        const [status, verdict, bytes] = [expected.status, expected.retval, Buffer.from(expected.data)];
        const got = bpf.testRun(loaded.fd, { data });
        compared++;
        if (got.status !== status || got.retval !== verdict || bytes.compare(got.data) !== 0) {
          const problem = `\`${spec.name}\` gives ${got.retval} and libbpf's ${verdict} on packet ${Buffer.from(data).toString('hex')}`;
          return { programs, packets: compared, problem };
        }
      }
    } finally {
      bpf.close(theirs);
    }
  }
  return { programs, packets: compared, problem: undefined };
}
