/**
 * `npm run soundness -- [DIR] [--programs N] [--packets N] [--seed N]`: generated programs (and those of a folder of
 * objects) run in the interpreter, every register and stack slot compared with what the verifier claims. Exit 0 when
 * no claim is violated.
 */
import { UserError } from '../base/index.js';
import { fromObjects } from '../cli/check/objects.js';
import { makePackets } from '../cli/check/traffic.js';
import { checkSoundness, generatedObject, newSoundnessResult, objectCases } from '../judge/index.js';
import { formatNumber, formatTable } from '../text/index.js';
import { factJson } from '../verifier/index.js';
import { negativeIf, numberFlag, runTool } from './tool.js';

const usage = 'npm run soundness -- [DIR] [--programs N] [--packets N] [--seed N]';

await runTool(
  usage,
  { programs: { type: 'string' }, packets: { type: 'string' }, seed: { type: 'string' } },
  (operands, flags) => {
    const seed = numberFlag(flags, 'seed', 1);
    const programs = numberFlag(flags, 'programs', 1000);
    const packets = makePackets(numberFlag(flags, 'packets', 100), seed).map((data) => ({ data }));
    const result = newSoundnessResult();
    const start = performance.now();
    for (let i = 0; i < programs; i++) {
      const object = generatedObject(seed + i);
      const [program] = object.programs;
      if (program !== undefined) checkSoundness(object, program, packets, seed + i, result);
    }
    // A real program that cannot run here (a map type, say) is told and left out; a generated one always runs.
    for (const { name, object, program } of operands.flatMap((folder) =>
      fromObjects(folder, (object) => objectCases(object)),
    )) {
      try {
        checkSoundness(object, program, packets, seed, result);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        console.log(`${name}: ${error.format().replaceAll('\n', '; ')}`);
      }
    }
    const seconds = (performance.now() - start) / 1000;
    process.stdout.write(
      formatTable(
        ['programs', 'rejected', 'runs', 'instructions', 'values', 'traps', 'violations', 'seconds'].map((title) => ({
          title,
        })),
        [
          [
            result.programs,
            result.rejected,
            result.runs,
            result.insns,
            result.values,
            result.traps,
            result.violations.length,
            Math.round(seconds),
          ],
        ],
      ),
    );
    for (const { program, insn, place, value, fact } of result.violations) {
      console.log(`${program}: insn ${insn}: ${place} = ${value} is not ${JSON.stringify(factJson(fact))}`);
    }
    // A trap is a failure of the same kind: the verifier claims that an accepted program has none.
    const failed = result.violations.length + result.traps;
    console.log(`${formatNumber(result.runs - result.traps)} passed, ${formatNumber(failed)} failed`);
    return negativeIf(failed);
  },
);
