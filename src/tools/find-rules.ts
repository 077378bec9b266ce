/**
 * `npm run find-rules -- DIR... [--steps N] [--write]`: searches the windows that the optimizer leaves in a folder of
 * objects for shorter ones, and has each proved. A line a rule; with --write they are the table of
 * src/super/search/found-rules.ts, without those that another rule includes. Exit 3 without a solver.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { InputError, UsageError, UserError } from '../base/index.js';
import { findObjects } from '../cli/check/objects.js';
import { noSolver, openSolver } from '../linux/open-solver.js';
import { optimizeObject } from '../super/index.js';
import { RuleFinder } from '../super/search/find-rules.js';
import { formatRule, type Rule, RuleSet, type RuleText } from '../super/search/rules.js';
import { formatNumber } from '../text/index.js';
import { numberFlag, runTool } from './tool.js';

const usage = 'npm run find-rules -- DIR... [--steps N] [--write]';
const target = fileURLToPath(new URL('../../src/super/search/found-rules.ts', import.meta.url));

await runTool(
  usage,
  { steps: { type: 'string' }, write: { type: 'boolean', default: false } },
  async (operands, flags) => {
    if (operands.length === 0) throw new UsageError('give folders of objects', {}, usage);
    const solver = await openSolver();
    if (solver === undefined) throw new InputError(noSolver);
    const finder = new RuleFinder(solver, numberFlag(flags, 'steps', 200_000));
    const rules: Rule[] = [];
    for (const file of operands.flatMap((folder) => findObjects(folder))) {
      try {
        const { bytes } = optimizeObject(new Uint8Array(readFileSync(file.path)), { name: file.name });
        rules.push(...(await finder.find(bytes)));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        console.error(error.format());
      }
    }
    await solver.close();
    const kept = widest(rules);
    for (const rule of kept) console.log(line(formatRule(rule)));
    console.log(
      `${formatNumber(finder.searched)} windows, ${formatNumber(finder.questions)} questions, ${formatNumber(kept.length)} rules`,
    );
    if (flags['write'] === true) writeFileSync(target, sourceOf(kept.map(formatRule)));
    return 0;
  },
);

/** Without rules that another one makes superfluous, in an order that does not depend on where they were found. */
function widest(rules: readonly Rule[]): Rule[] {
  const all = [...new Map(rules.map((rule) => [line(formatRule(rule)), rule])).entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, rule]) => rule);
  return all.filter((rule) => {
    const found = new RuleSet(all.filter((other) => other !== rule)).find(rule, 'v4');
    return found === undefined || found.after.length > rule.after.length;
  });
}

function line({ before, after, known, asked }: RuleText): string {
  return `${before.join('; ')} -> ${after.join('; ') || 'nothing'}   (known ${known.join(',')}; asked ${asked.join(',')})`;
}

function sourceOf(rules: readonly RuleText[]): string {
  const list = (strings: readonly string[]): string => `[${strings.map((text) => `'${text}'`).join(', ')}]`;
  const rows = rules.map(
    ({ before, after, known, asked }) =>
      `  {\n    before: ${list(before)},\n    after: ${list(after)},\n    known: [${known.join(', ')}],\n    asked: [${asked.join(', ')}],\n  },\n`,
  );
  return `/** Rules over windows, written by \`npm run find-rules\`; test/proof/window-rules.test.ts has each of them proved. */
import type { RuleText } from './rules.js';

/** None includes another. */
export const foundRules: readonly RuleText[] = [
${rows.join('')}];
`;
}
