/**
 * The text of the IR, printed and read back: the examples, and all objects of the folder that `JITNIC_CORPUS` names.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/index.js';
import {
  checkFunction,
  checkValues,
  type FunctionCode,
  formatFunction,
  parseFunction,
  plainNames,
  Unsupported,
} from '../../src/ir/index.js';
import { worldOfMachine } from '../../src/jit/index.js';
import { type ObjectSpec, sizeMaps, xdpFitness } from '../../src/object/index.js';
import { defaultSettings, levelSettings, translate } from '../../src/opt/index.js';
import { findObjects, loadObject, type ObjectFile } from '../../src/cli/check/objects.js';
import { Verdicts } from '../../src/verifier/index.js';
import { Machine } from '../../src/vm/index.js';

const corpus = process.env['JITNIC_CORPUS'];
const examples = findObjects(fileURLToPath(new URL('../../examples/', import.meta.url)));

const exact = (code: FunctionCode): string => formatFunction(code, plainNames, true);

/** Undefined for what cannot be run at all: its maps are refused. */
function machineOf(object: ObjectSpec): Machine | undefined {
  try {
    return new Machine(sizeMaps(object, 64).object);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/**
 * Every XDP program as it was translated and as all passes leave it, with what the verifier knows of it or with the
 * checks of a program that nobody has verified; how many texts that were.
 */
function readBack(file: ObjectFile, verified: boolean): number {
  const machine = machineOf(loadObject(file));
  let texts = 0;
  const verdicts = machine && verified ? Verdicts.of(machine.object, { facts: true }) : Verdicts.none();
  for (const program of machine?.programs ?? []) {
    if (machine === undefined || program.refusal !== undefined || xdpFitness(program.spec) === 'other') continue;
    for (const settings of [levelSettings(0), defaultSettings]) {
      try {
        const code = translate(worldOfMachine(machine), program, { verdicts, settings });
        const text = exact(code);
        const parsed = parseFunction(text, program);
        checkFunction(parsed, 'read back');
        checkValues(parsed, 'read back');
        expect(exact(parsed)).toBe(text);
        texts++;
      } catch (error) {
        if (!(error instanceof Unsupported)) throw error;
      }
    }
  }
  return texts;
}

describe('the text of the IR is read back as it was', () => {
  test.each(examples)('$name', (file) => {
    expect(readBack(file, true)).toBeGreaterThan(0);
  });

  test.skipIf(corpus === undefined)('objects of the corpus (JITNIC_CORPUS names their folder)', { timeout: 300_000 }, () => {
    let texts = 0;
    for (const file of findObjects(corpus ?? '')) texts += readBack(file, false);
    expect(texts).toBeGreaterThan(100);
  });
});
