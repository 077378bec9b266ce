/**
 * Damaged object files: readers refuse them with an error of the user's kind, or read them; they never fail otherwise.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/effort.js';
import { UserError } from '../base/index.js';
import { Btf } from './btf.js';
import { formatDefinition, formatType } from './btf-format.js';
import { readObject } from './read-object.js';
import { mutate, Random, targets } from './testing/mutate.js';

const count = Number(process.env['JITNIC_FUZZ_N'] ?? rounds(600));
const seed = Number(process.env['JITNIC_FUZZ_SEED'] ?? 1);

/** Object files of the examples, and of the corpus where there is one. */
function objects(): { readonly file: string; readonly bytes: Uint8Array }[] {
  const roots = [join(import.meta.dirname, '../../examples'), process.env['JITNIC_CORPUS']];
  return roots
    .flatMap((root) =>
      root === undefined ? [] : readdirSync(root, { recursive: true }).map((name) => join(root, String(name))),
    )
    .filter((file) => file.endsWith('.o'))
    .sort()
    .map((file) => ({ file, bytes: new Uint8Array(readFileSync(file)) }));
}

/** Runs `read` on one damaged input; returns what went wrong. */
function failure(read: () => void): unknown {
  try {
    read();
  } catch (error) {
    if (!(error instanceof UserError)) return error;
  }
  return undefined;
}

describe(`${count} damaged inputs, seed ${seed}`, () => {
  const inputs = objects().map((input) => ({ ...input, spans: targets(input.bytes) }));

  it.skipIf(inputs.length === 0)('object files end in a spec or a user error', { timeout: 600_000 }, () => {
    for (let i = 0; i < count; i++) {
      const random = new Random(seed + i);
      const input = inputs[random.below(inputs.length)];
      if (input === undefined) continue;
      const bytes = mutate(input.bytes, input.spans, random);
      const error = failure(() => {
        const { btf } = readObject(bytes, { name: input.file });
        for (let id = 0; id < (btf?.count ?? 0); id += 7) {
          if (btf !== undefined) [formatType(btf, id, 'x'), formatDefinition(btf, id)];
        }
      });
      expect(error, `seed ${seed + i}, ${input.file}`).toBeUndefined();
    }
  });

  it.skipIf(inputs.length === 0)('a damaged target BTF ends in a spec or a user error', { timeout: 600_000 }, () => {
    const sound = inputs.map((input) => ({ ...input, btf: readObject(input.bytes).btf?.bytes ?? new Uint8Array(24) }));
    for (let i = 0; i < count / 10; i++) {
      const random = new Random(seed + i);
      const input = sound[random.below(sound.length)];
      if (input === undefined) continue;
      const btf = mutate(input.btf, [{ start: 0, size: input.btf.length }], random);
      const error = failure(() => {
        readObject(input.bytes, { btf });
        new Btf(btf).validate();
      });
      expect(error, `seed ${seed + i}, ${input.file}`).toBeUndefined();
    }
  });
});
