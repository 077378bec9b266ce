/**
 * A process of the self-test (search.ts): a campaign over generated C whose cards have one mistake, or none.
 */
import { register } from 'node:module';
import type { Finding, Report, Search } from './search.js';

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
  const result = runCCampaign(Bpf.open(), {
    compile: keepingCompilerIn(folder),
    clangs: installedClangs(),
    seed,
    programs,
    packetsPerProgram: packets,
    cpus: possibleCpus(),
    modes: cardModes.map(({ name }) => name),
    shrink: false,
    stopAtFirst: true,
    progress: () => report({ kind: 'program' }),
  });
  const [failure] = result.failures;
  return { programs: result.generated, modes: failure?.modes ?? [], what: failure?.difference.what ?? '' };
}

process.once('message', (task: Search) => {
  find(task)
    .then((finding) => report({ kind: 'found', finding }))
    .catch((error: unknown) =>
      report({ kind: 'broken', why: error instanceof Error ? String(error.stack) : `${error}` }),
    )
    .finally(() => process.disconnect());
});
