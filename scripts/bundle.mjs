/**
 * What the package is made of, out of the modules that the compiler left in `dist/`:
 *
 * - `dist/lib/`: the library, ECMAScript modules, one entry point for each subpath of `package.json`, with their types
 *   (`*.d.ts`, nothing but what a public signature names).
 * - `dist/bundle/`: the command line, which `dist/cli/main.js` prefers, and that file itself (`main.cjs`). Finding,
 *   reading and compiling three hundred modules one by one takes longer than most commands do. Files lie as deep as
 *   those of `dist/cli/`, so that paths relative to `import.meta.url` mean the same. They are CommonJS because only
 *   that can be run with code that was kept (src/cli/bundle.ts), and compressed because most of what is in them is in
 *   the library too: a third of the size for the 4 ms that a command takes to unpack what it needs.
 * - `dist/demo/`: the files of `jitnic demo`, compressed.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const external = /^(node:|@vscode\/debugadapter$|bullmq$|koffi$|piscina$|z3-solver$|yaml$)/;
const fromCommander = (id, importer) => id === 'node:child_process' && /\bcommander\b/.test(importer ?? '');
/** Commander can start programs of its own; jitnic has none, and Node takes milliseconds to load what starts them. */
const noPrograms = {
  name: 'no-programs',
  resolveId: {
    order: 'pre',
    handler: (id, importer) => (fromCommander(id, importer) ? '\0none' : undefined),
  },
  load: (id) => (id === '\0none' ? 'export default {};' : undefined),
};
/** Entry points of the library as package.json offers them, without their ending. */
const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const library = Object.fromEntries(
  Object.values(exports)
    .map((entry) => entry.default.replace(/^\.\/dist\/lib\/(.*)\.js$/, '$1'))
    .map((path) => [path, `${dist}${path}`]),
);

const opened = (options) =>
  rolldown({
    external: (id, importer) => external.test(id) && !fromCommander(id, importer),
    // None does anything but offer what others import, so a barrel does not tie what is behind it together.
    treeshake: { moduleSideEffects: false },
    checks: { pluginTimings: false, bundlerTimings: false },
    ...options,
  });

/** The files that would be joined of what `options.input` reaches. */
async function joinedChunks(options) {
  const bundle = await opened(options);
  const { output } = await bundle.generate({ format: 'cjs' });
  await bundle.close();
  return output;
}

/** Joins the modules that `options.input` reaches, in `dist/FOLDER/`. */
async function join(folder, options, output) {
  const bundle = await opened(options);
  const result = await bundle.write({
    dir: `${dist}${folder}`,
    ...output,
  });
  await bundle.close();
  return result.output;
}

const inputs = (ending) => Object.fromEntries(Object.entries(library).map(([name, path]) => [name, path + ending]));

rmSync(`${dist}lib`, { recursive: true, force: true });
await join(
  'lib',
  { input: inputs('.js'), platform: 'neutral' },
  { format: 'es', minify: true, entryFileNames: '[name].js', chunkFileNames: 'parts/[name]-[hash].js' },
);
await join(
  'lib',
  {
    input: Object.fromEntries(Object.entries(inputs('.d.ts')).map(([name, path]) => [`${name}.d`, path])),
    plugins: [dts({ dtsInput: true, tsconfig: false })],
  },
  { format: 'es', entryFileNames: '[name].ts', chunkFileNames: 'parts/[name]-[hash].d.ts' },
);

/**
 * Declarations as an editor needs them: without what stands at the heads of files, which belongs to no name, without
 * blank lines, what is private of a class in one word as TypeScript has it, and with tabs. A hundredth of the package
 * is that.
 */
for (const entry of readdirSync(`${dist}lib`, { recursive: true, withFileTypes: true })) {
  if (!entry.name.endsWith('.d.ts')) continue;
  const file = `${entry.parentPath}/${entry.name}`;
  const text = readFileSync(file, 'utf8')
    .replace(/^\/\/.*\n/gm, '')
    .replace(/^\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*(?=\/\*\*|import|export \{)/gm, '')
    .replace(/\n{2,}/g, '\n')
    .replace(/^( +)(?:\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n +)?private [^\n]*;\n/gm, '$1#private;\n')
    .replace(/ class [\s\S]*?\n\}\n/g, (body) => {
      let seen = 0;
      return body.replace(/ +#private;\n/g, (line) => (seen++ === 0 ? line : ''));
    })
    .replace(/^(?: {2})+/gm, (spaces) => '\t'.repeat(spaces.length / 2));
  writeFileSync(file, text);
}

rmSync(`${dist}bundle`, { recursive: true, force: true });
const commandLine = {
  input: [`${dist}cli/program.js`, `${dist}cli/job-worker.js`, `${dist}cli/explore-worker.js`],
  platform: 'node',
  plugins: [noPrograms],
  preserveEntrySignatures: 'allow-extension',
};

/**
 * What a run needs late or never, as a file that is read when the first of its functions is called
 * (src/cli/bundle.ts): most runs find the verifier's word in the cache, and few packets are not worth compiling for.
 * Modules that a run looks into before that stay with the rest; one that is missing here costs time and nothing else.
 */
const late = {
  verifier: [/^verifier\/(?!index|verdicts)/],
  compiler: [
    /^jit\/(?!index|demands|exchange|host-imports|lookup-cache|place|wasm-engine)/,
    /^opt\/(?!index|pass|settings)/,
    /^ir\/(?:build-|call-effects|check-function|check-value|fact-source|flow|function|loop-|needed|phis|schedule|single-|translat|variables)/,
    /^nic\/software\/(?:block-builder|card-module|lower-(?!tree)|tree-layout)/,
  ],
  // Other ways in and out than an object file, a capture as tcpdump writes it, and counts.
  formats: [
    /^isa\/(?:assemble|cursor|parse-insn|source-line)/,
    /^base\/base64/,
    /^object\/(?:btf-builder|core-(?!match|relocate)|image|listing|parse-image|print-image|raw|write-)/,
    /^packet\/(?:byte-sink|capture-writer|checksum|layers|pcap-writer|pcapng|prng|summary-)/,
    /^trace\/(?:read|write)-traces/,
  ],
};
const isIn = (tests, id) => id.startsWith(dist) && tests.some((test) => test.test(id.slice(dist.length)));
const isLate = (id) => Object.values(late).some((tests) => isIn(tests, id));

/**
 * A file costs its reader half a millisecond, so what everybody needs to begin with is one file, what `show` needs
 * besides is one (objects and how to print them), and what `run` needs besides is one.
 */
async function groups() {
  const chunks = await joinedChunks(commandLine);
  const named = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  const needs = (name) => {
    const met = new Set();
    const visit = (chunk) => {
      if (chunk === undefined || met.has(chunk)) return;
      met.add(chunk);
      for (const other of chunk.imports) visit(named.get(other));
    };
    visit(chunks.find(({ moduleIds = [] }) => moduleIds.includes(`${dist}cli/${name}.js`)));
    return [...met].flatMap(({ moduleIds }) => moduleIds);
  };
  const taken = new Set([`${dist}cli/program.js`]);
  const needed = ['program', 'show', 'run'].map((name) => {
    const modules = new Set(needs(name).filter((id) => !taken.has(id) && !isLate(id)));
    for (const id of modules) taken.add(id);
    return { name: `of-${name}`, test: (id) => modules.has(id) };
  });
  return [
    ...needed,
    ...Object.entries(late).map(([name, tests]) => ({ name: `late-${name}`, test: (id) => isIn(tests, id) })),
  ];
}

const joined = await join('bundle', commandLine, {
  format: 'cjs',
  minify: true,
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
  // Dependencies are in groups of their own, or in none.
  codeSplitting: { groups: await groups(), includeDependenciesRecursively: false },
});

// What starts a process and threads.
await join(
  'bundle',
  {
    input: { main: `${dist}cli/main.js`, job: `${dist}cli/joined-job.js`, point: `${dist}cli/joined-point.js` },
    platform: 'node',
  },
  { format: 'cjs', minify: true, entryFileNames: '[name].cjs', chunkFileNames: 'start.cjs' },
);
// They are named as where files are not joined.
writeFileSync(`${dist}bundle/job-worker.js`, "import './job.cjs';\n");
writeFileSync(`${dist}bundle/explore-worker.js`, "import point from './point.cjs';\nexport const { work } = point;\n");

for (const { fileName, code } of joined) {
  if (code === undefined) continue;
  // Code that V8 kept has forgotten how to import.
  const imported = /\bimport\([`'"]/.exec(code);
  if (imported !== null)
    throw new Error(
      `${fileName}: ${code.slice(imported.index, imported.index + 60)}: use createRequire(import.meta.url)`,
    );
  writeFileSync(`${dist}bundle/${fileName}.br`, brotliCompressSync(code));
  rmSync(`${dist}bundle/${fileName}`);
}

// A late file that is looked into while the others are read would be read at once, before what it needs.
const early = (fileName) => {
  const module = { exports: {} };
  const refuse = (name) => () => {
    throw new Error(`${fileName} looks into ${name} while it is read`);
  };
  const required = (id) =>
    id.startsWith('./late-')
      ? new Proxy({}, { get: refuse(id) })
      : id.startsWith('./')
        ? read(id.slice(2))
        : needed(id);
  const { code } = joined.find((file) => file.fileName === fileName);
  new Function('exports', 'require', 'module', '__filename', code)(
    module.exports,
    required,
    module,
    `${dist}bundle/${fileName}`,
  );
  return module.exports;
};
const needed = createRequire(`${dist}bundle/main.cjs`);
const known = new Map();
const read = (fileName) => {
  if (!known.has(fileName)) known.set(fileName, early(fileName));
  return known.get(fileName);
};
for (const { fileName } of joined) if (fileName.startsWith('of-')) read(fileName);

// For editors and validators: nobody reads them, so they need no spaces. That of the daemon's bodies the daemon gives.
mkdirSync(`${dist}schemas`, { recursive: true });
const schemas = new URL('../schemas/', import.meta.url);
for (const name of readdirSync(schemas).filter((each) => each !== 'daemon.schema.json'))
  writeFileSync(`${dist}schemas/${name}`, JSON.stringify(JSON.parse(readFileSync(new URL(name, schemas), 'utf8'))));

mkdirSync(`${dist}demo`, { recursive: true });
const demo = new URL('../examples/load-balancer/', import.meta.url);
for (const name of ['load-balancer.o', 'load-balancer.maps.json', 'traffic.pcap'])
  writeFileSync(`${dist}demo/${name}.br`, brotliCompressSync(readFileSync(new URL(name, demo))));

// What is kept from run to run is good for the build that made it (src/cli/run-store.ts, src/cli/bundle.ts).
const id = createHash('sha256');
for (const { fileName, code = '' } of joined) id.update(fileName).update(code);
writeFileSync(`${dist}bundle/build-id`, id.digest('hex'));
