/**
 * A process of the self-test (search.ts): a campaign over generated C whose cards have one mistake, or none.
 */
import { register } from 'node:module';
import type { Finding, Report, Search } from './search.js';

/** One run of each kind. */
const searched = [
  'card of 2',
  'card of 64, not compiled',
  'card of 64, unverified',
  'card of 64, --check',
  'card of 64, arena, --check',
];

function report(what: Report): void {
  process.send?.(what);
}

/** Modules are read once the hook stands, so the campaign is imported here. */
async function find({ mistake, seed, programs, packets, folder }: Search): Promise<Finding> {
  if (mistake !== undefined) register('./mistake-hook.js', import.meta.url, { data: mistake });
  const { runCCampaign } = await import('./campaign.js');
  const { installedClangs, keepingCompilerIn } = await import('./compile.js');
  const { cardModes } = await import('./card-subject.js');
  const { Bpf, possibleCpus } = await import('../../linux/index.js');
  const options = {
    compile: keepingCompilerIn(folder),
    clangs: installedClangs(),
    packetsPerProgram: packets,
    cpus: possibleCpus(),
    shrink: false,
    stopAtFirst: true,
    progress: () => report({ kind: 'program' }),
  };
  const bpf = Bpf.open();
  // Half of the runs see nearly all that the others see; those are made of the program that was told apart.
  const first = runCCampaign(bpf, { ...options, seed, programs, modes: searched });
  const [found] = first.failures;
  if (found === undefined) return { programs: first.generated, modes: [], what: '' };
  const modes = cardModes.map(({ name }) => name);
  const [failure = found] = runCCampaign(bpf, { ...options, seed: found.seed, programs: 1, modes }).failures;
  return { programs: first.generated, modes: failure.modes, what: failure.difference.what };
}

process.once('message', (task: Search) => {
  find(task)
    .then((finding) => report({ kind: 'found', finding }))
    .catch((error: unknown) =>
      report({ kind: 'broken', why: error instanceof Error ? String(error.stack) : `${error}` }),
    )
    .finally(() => process.disconnect());
});
