/**
 * `npm run trace-bench [-- SECTION...] [-c packets]`: tables about the speed of traces over the examples, one a
 * section: `recording` is what it takes to make one, `hits` what the card wins, `matching` how finding a trace grows
 * with their number, and how it is for the examples' own traces; `runs` is what whole runs of 100,000 packets cost
 * with the card and without. `--only NAME`: one of the examples. `--no-joins`: each side of a branch is a trace of its
 * own (of the first two sections).
 */
import { execFileSync } from 'node:child_process';
import { UsageError } from '../base/index.js';
import { findObjects } from '../cli/check/objects.js';
import { notForBpf, packetsBeside, readSubject } from '../cli/check/subjects.js';
import { xdpCandidates } from '../object/index.js';
import { numberFlag, runTool } from './tool.js';
import { type Hits, hitsTable, measureHits } from './trace-bench/hits.js';
import { matchingTable } from './trace-bench/matching.js';
import { ruleMatchingTable } from './trace-bench/program-rules.js';
import { type RecordingSubject, recordingTable } from './trace-bench/recording.js';
import { type RunSubject, runsTable } from './trace-bench/runs.js';

const usage =
  'usage: npm run trace-bench [-- SECTION...] [--examples DIR] [--only NAME] [--no-joins] [-c packets]; sections: recording, hits, matching, runs';

/** An example: what it is in memory, and the files that it was read from. */
type BenchSubject = RecordingSubject & RunSubject;

/** The table of each section. */
const sections: Readonly<Record<string, (subjects: readonly BenchSubject[]) => string>> = {
  recording: recordingTable,
  hits: (subjects) => hitsTable(subjects.map(({ name }) => hitsApart(name))),
  runs: runsTable,
  matching: (subjects) => `${matchingTable()}\n${ruleMatchingTable(subjects)}`,
};

/** Measures the hits of one example in a process of its own: this program with `--json`. */
function hitsApart(name: string): Hits {
  const [script = ''] = process.argv.slice(1);
  // The same flags; sections are words without a dash.
  const same = process.argv.slice(2).filter((word) => !(word in sections));
  const text = execFileSync(process.execPath, [script, ...same, 'hits', '--only', name, '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(text) as Hits;
}

await runTool(
  usage,
  {
    examples: { type: 'string' },
    only: { type: 'string' },
    count: { type: 'string', short: 'c' },
    json: { type: 'boolean' },
    'no-joins': { type: 'boolean' },
  },
  async (operands, flags) => {
    const names = operands.length === 0 ? Object.keys(sections) : operands;
    const folder = typeof flags['examples'] === 'string' ? flags['examples'] : 'examples';
    const count = numberFlag(flags, 'count', 1000);
    const subjects: BenchSubject[] = [];
    for (const file of findObjects(folder)) {
      const subject = readSubject(file);
      const packets = await packetsBeside(file, count);
      // An example's main program stands last.
      const program = subject && xdpCandidates(subject.object).at(-1);
      const name = (file.name.split('/').at(-1) ?? '').replace(/\.o$/, '');
      if (flags['only'] !== undefined && flags['only'] !== name) continue;
      if (subject === undefined || packets === undefined || program === undefined) {
        const why =
          subject === undefined
            ? notForBpf
            : packets === undefined
              ? 'no traffic.pcap beside it'
              : 'no XDP program in it';
        console.error(`${file.name}: left out: ${why}`);
        continue;
      }
      const maps = `${file.path.replace(/\.o$/, '')}.maps.json`;
      subjects.push({
        name,
        object: subject.object,
        program,
        maps: subject.maps?.contents,
        packets,
        joins: flags['no-joins'] !== true,
        files: { object: file.path, program: program.name, maps: subject.maps === undefined ? undefined : maps },
      });
    }
    if (subjects.length === 0) throw new UsageError('no example to measure', {}, usage);
    if (flags['json'] === true) {
      for (const subject of subjects) process.stdout.write(`${JSON.stringify(measureHits(subject))}\n`);
      return 0;
    }
    for (const name of names) {
      const section = sections[name];
      if (section === undefined) throw new UsageError(`no section \`${name}\``, {}, usage);
      process.stdout.write(`${section(subjects)}\n`);
    }
    return 0;
  },
);
