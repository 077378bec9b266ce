// `npm pack` (and `npm publish`) call this before and after: a package has no use for scripts that need the repository
// and for what the repository is built and tested with. `strip` takes them out of package.json and keeps the file as it
// was in dist/package.json; `restore` puts it back.
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const manifest = fileURLToPath(new URL('../package.json', import.meta.url));
const kept = fileURLToPath(new URL('../dist/package.json', import.meta.url));

switch (process.argv[2]) {
  case 'strip': {
    copyFileSync(manifest, kept);
    const { scripts, devDependencies, ...rest } = JSON.parse(readFileSync(manifest, 'utf8'));
    writeFileSync(manifest, `${JSON.stringify(rest, null, 2)}\n`);
    break;
  }
  case 'restore':
    if (existsSync(kept)) renameSync(kept, manifest);
    break;
  default:
    throw new Error('manifest.mjs strip|restore');
}
