/**
 * Does the campaign see? Cards with one mistake each run generated C until the kernel's run tells them apart, and the
 * same programs without a mistake must not be told apart.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../base/index.js';
import { type Mistake, mistakes } from './mistakes.js';
import { type Finding, search } from './search.js';

/** What to look for, and how long. */
export interface CSelfTestOptions {
  /** Parts of names of mistakes; none: all of them. */
  readonly names: readonly string[];
  readonly seed: number;
  /** A mistake has to be found within so many programs. */
  readonly programs: number;
  readonly packets: number;
  /** Processes at a time. */
  readonly jobs: number;
}

/** How many mistakes were found, and how many rows there are. */
export interface CSelfTestResult {
  readonly passed: number;
  readonly failed: number;
}

/** A row as soon as it is known: a search may take minutes. */
export async function selfTestC({ names, jobs, ...task }: CSelfTestOptions): Promise<CSelfTestResult> {
  const chosen = mistakes.filter(({ name }) => names.length === 0 || names.some((part) => name.includes(part)));
  if (chosen.length === 0) throw new UsageError(`no mistake is called \`${names.join('`, `')}\``);
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-fuzz-'));
  let failed = 0;
  let longest = 0;
  const queue = [...chosen];
  const look = async (): Promise<void> => {
    for (let mistake = queue.shift(); mistake !== undefined; mistake = queue.shift()) {
      const finding = await search({ ...task, mistake, folder });
      longest = Math.max(longest, finding.programs);
      if (finding.modes.length === 0) failed++;
      print(mistake, finding);
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, look));
    const right = await search({ ...task, programs: longest, mistake: undefined, folder });
    if (right.modes.length > 0) failed++;
    const words = right.modes.length > 0 ? `FOUND in ${right.modes.join(', ')}: ${right.what}` : 'nothing differs';
    console.log(`no mistake, ${right.programs} programs: ${words}`);
    return { passed: chosen.length + 1 - failed, failed };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The mistake, when it was found, and in which runs. */
function print({ name, module }: Mistake, { programs, modes, what }: Finding): void {
  if (modes.length === 0) {
    console.log(`${name} (${module}): NOT FOUND in ${programs} programs`);
    return;
  }
  console.log(`${name} (${module}): program ${programs}, in ${modes.join('; ')}`);
  console.log(`  ${what.split('\n')[0]?.slice(0, 150)}`);
}
