/** The flags of `--coverage`, apart from what is done with them: most runs have none of it to load. */
import type { Command } from 'commander';

/** Values of the flags. */
export interface CoverageFlags {
  readonly coverage?: true;
  readonly lcov?: string;
  readonly coverageHtml?: string;
  readonly coverageData?: string;
}

/** Declares them. */
export function declareCoverage(command: Command): void {
  command
    .optionsGroup('Coverage:')
    .option('--coverage', 'lines, branches and instructions that ran')
    .option('--lcov <file>', 'the same as an lcov tracefile, for editors and services')
    .option('--coverage-html <file>', 'the same as a page')
    .option('--coverage-data <file>', 'counts that are added to those of earlier runs, if the file is there')
    .optionsGroup('Options:');
}

/** Names of all of them. */
export const coverageNames: readonly (keyof CoverageFlags)[] = ['coverage', 'lcov', 'coverageHtml', 'coverageData'];

/** Is coverage asked for? */
export function wantsCoverage(flags: CoverageFlags): boolean {
  return coverageNames.some((name) => flags[name] !== undefined);
}
