/**
 * `npm run trace-bench [-- SECTION...] [-c packets]`: tables about the speed of traces over the examples, one a section: `recording` is what it takes to
 * make one, `hits` what the card wins, `matching` how finding a trace grows with their number (it takes no examples).
 */
import { UsageError } from '../base/index.js';
import { xdpCandidates } from '../object/index.js';
import { findObjects } from './objects.js';
import { packetsBeside, readSubject } from './subjects.js';
import { numberFlag, runTool } from './tool.js';
import { hitsTable } from './trace-bench/hits.js';
import { matchingTable } from './trace-bench/matching.js';
import { type RecordingSubject, recordingTable } from './trace-bench/recording.js';

const usage =
  'usage: npm run trace-bench [-- SECTION...] [--examples DIR] [-c packets]; sections: recording, hits, matching';

/** Title and table of each section. */
const sections: Readonly<Record<string, (subjects: readonly RecordingSubject[]) => string>> = {
  recording: recordingTable,
  hits: hitsTable,
  matching: matchingTable,
};

await runTool(
  usage,
  { examples: { type: 'string' }, count: { type: 'string', short: 'c' } },
  async (operands, flags) => {
    const names = operands.length === 0 ? Object.keys(sections) : operands;
    const folder = typeof flags['examples'] === 'string' ? flags['examples'] : 'examples';
    const count = numberFlag(flags, 'count', 1000);
    const subjects: RecordingSubject[] = [];
    for (const file of findObjects(folder)) {
      const subject = readSubject(file);
      const packets = await packetsBeside(file, count);
      const program = subject && xdpCandidates(subject.object).at(-1);
      if (subject === undefined || packets === undefined || program === undefined) continue;
      const name = (file.name.split('/').at(-1) ?? '').replace(/\.o$/, '');
      subjects.push({ name, object: subject.object, program, maps: subject.maps?.contents, packets });
    }
    for (const name of names) {
      const section = sections[name];
      if (section === undefined) throw new UsageError(`no section \`${name}\``, {}, usage);
      process.stdout.write(`${section(subjects)}\n`);
    }
    return 0;
  },
);
