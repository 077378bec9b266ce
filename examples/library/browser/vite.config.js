// Inside of this repository `jitnic` is what `npm run build` made; where the package is installed nothing of this is needed.
import { fileURLToPath } from 'node:url';

export default {
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  resolve: { alias: { jitnic: fileURLToPath(new URL('../../../dist/lib/index.js', import.meta.url)) } },
  build: { target: 'es2023', outDir: 'dist', emptyOutDir: true },
};
