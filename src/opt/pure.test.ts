import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { encodingFault } from '../code/index.js';
import {
  buildFunction,
  checkFunction,
  checkValues,
  type FunctionCode,
  formatFunction,
  type Program,
  plainNames,
  Unsupported,
  type World,
  worldOf,
} from '../ir/index.js';
import { readObject, xdpFitness } from '../object/index.js';
import { verify } from '../verifier/index.js';
import { stepsOf } from './optimize.js';
import { defaultSettings } from './settings.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const objects = ['examples', 'bench/programs'].flatMap((folder) =>
  readdirSync(`${root}${folder}`, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.o'))
    .map((name) => `${folder}/${name}`),
);

const exact = (code: FunctionCode): string => formatFunction(code, plainNames, true);

/** Programs of an object file as they are translated; without those that are left to the interpreter. */
function* functionsOf(path: string): Generator<{ readonly world: World; readonly code: FunctionCode }> {
  const object = readObject(readFileSync(`${root}${path}`), { name: path });
  const world = worldOf(object);
  for (const program of world.programs) {
    if (xdpFitness(program.spec) === 'other') continue;
    const code = translated(world, program, object);
    if (code !== undefined) yield { world, code };
  }
}

function translated(
  world: World,
  program: Program,
  { maps, btf, license }: ReturnType<typeof readObject>,
): FunctionCode | undefined {
  const { accepted, facts } = verify(program.spec, maps, { btf, license, facts: true, logLevel: 0 });
  const trust = accepted ? 'verified' : 'checked';
  try {
    return buildFunction(world, program, { trust, fault: encodingFault, facts });
  } catch (error) {
    if (error instanceof Unsupported) return undefined;
    throw error;
  }
}

describe('a pass is a function of its input', () => {
  it.each(objects)(
    'which stays as it is, and gives the same each time: %s',
    (path) => {
      let functions = 0;
      for (const { world, code } of functionsOf(path)) {
        let input = code;
        let before = exact(code);
        for (const { pass, modes } of stepsOf(code, defaultSettings)) {
          const context = { world, params: defaultSettings.params, modes };
          const output = pass.run(input, context);
          const text = exact(output);
          // What has been made of the input in the meantime must not be seen.
          const again = pass.run(input, context);
          expect(exact(again), `${pass.name} run again`).toBe(text);
          expect(exact(input), `${pass.name} changes its input`).toBe(before);
          // It gave this, and the next pass begins with it.
          before = exact(output);
          expect(before, `${pass.name} run again changes what it gave`).toBe(text);
          checkFunction(output, pass.name);
          checkValues(output, pass.name);
          expect(output.graph.code === input.graph.code, `${pass.name} copies the values`).toBe(true);
          input = output;
        }
        functions++;
      }
      expect(functions).toBeGreaterThan(0);
    },
    120_000,
  );
});
