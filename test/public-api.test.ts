/**
 * The package's public face: every type in a signature can be imported, every export has a comment, and docs/api says
 * what the sources say. After a change on purpose, `npm run api-docs` writes docs/api anew; the difference is what
 * users will notice.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import * as nic from '../src/api/nic.js';
import * as object from '../src/api/object.js';
import * as optimizer from '../src/api/optimizer.js';
import * as packet from '../src/api/packet.js';
import * as runtime from '../src/api/runtime.js';
import * as verifier from '../src/api/verifier.js';
import * as all from '../src/index.js';
import { entryPoints, exportsOf, type PublicName } from './support/public-api.js';

const root = fileURLToPath(new URL('../', import.meta.url));
const faces: readonly (readonly [entry: string, names: readonly PublicName[]])[] = Object.entries(entryPoints).map(
  ([entry, file]) => [entry, exportsOf(file)],
);
const pageOf = (entry: string): string => `${root}docs/api/${entry.replace('jitnic/', '')}.md`;

/** First sentence of what an entry point says of itself. */
function headOf(file: string): string {
  const text = readFileSync(`${root}src/${file}`, 'utf8');
  const [, comment = ''] = /^\/\*\*([\s\S]*?)\*\//.exec(text) ?? [];
  return comment.replaceAll(/\n? \* ?/g, ' ').trim();
}

/** `{@link X}` as code, indented examples as they are. */
const prose = (comment: string): string => comment.replaceAll(/\{@link ([^}]+)\}/g, '`$1`');

function page(entry: string, names: readonly PublicName[]): string {
  const sections = names.map(
    ({ name, file, documented, comment }) =>
      `## \`${name}\`\n\n${prose(comment)}\n\n\`\`\`ts\n${documented}\n\`\`\`\n\n[source](../../src/${file})\n`,
  );
  const list = names.map(({ name }) => `[\`${name}\`](#${name.toLowerCase()})`).join(' · ');
  return `# ${entry}\n\n${headOf(entryPoints[entry] ?? '')}\n\nWritten from the comments in \`src/\` by \`npm run api-docs\`.\n\n${list}\n\n${sections.join('\n')}`;
}

describe('the public face', () => {
  test('names every type that its signatures use', () => {
    const known = new Set(faces.flatMap(([, names]) => names.map(({ file, declared }) => `${file} ${declared}`)));
    const missing = faces.flatMap(([entry, names]) =>
      names.flatMap((name) =>
        name.types
          .filter((type) => !known.has(`${type.file} ${type.name}`))
          .map((type) => `${entry} ${name.name}: ${type.name} of src/${type.file} is exported nowhere`),
      ),
    );
    expect(missing).toEqual([]);
  });

  test('has a comment for every export', () => {
    expect(
      faces.flatMap(([entry, names]) =>
        names.flatMap(({ name, comment }) => (comment === '' ? [`${entry} ${name}`] : [])),
      ),
    ).toEqual([]);
  });

  test('is what docs/api/api.txt says', async () => {
    const text = faces
      .map(([entry, names]) => `# ${entry}\n\n${names.map(({ signature }) => signature).join('\n\n')}\n`)
      .join('\n');
    await expect(text).toMatchFileSnapshot(`${root}docs/api/api.txt`);
  });

  test.each(faces)('is documented as its comments say: %s', async (entry, names) => {
    await expect(page(entry, names)).toMatchFileSnapshot(pageOf(entry));
  });

  test('can be had whole: jitnic exports what its subpaths do', () => {
    const parts = { ...nic, ...object, ...optimizer, ...packet, ...runtime, ...verifier };
    expect(Object.keys(all).sort()).toEqual(Object.keys(parts).sort());
  });

  test('is what package.json offers', () => {
    const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
      readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>;
    };
    const offered = Object.entries(exports)
      .filter(([path]) => path !== '.')
      .map(([path, { types, default: code }]) => [path, types, code]);
    expect(offered).toEqual(
      Object.entries(entryPoints).map(([entry, file]) => {
        const built = `./dist/lib/${file.replace(/\.ts$/, '')}`;
        return [`.${entry.replace('jitnic', '')}`, `${built}.d.ts`, `${built}.js`];
      }),
    );
  });
});
