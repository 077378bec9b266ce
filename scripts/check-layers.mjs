// Checks the layer rule with dependency-cruiser, and that dependency-cruiser saw every source file: with a TypeScript
// that it cannot drive it cruises nothing and reports success.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import { rows } from './layers.mjs';

const rooms = rows.flat();
const portable = rooms.filter((room) => room.portable).map((room) => room.name);
const machineless = rooms.filter((room) => room.machineless).map((room) => room.name);
const folders = readdirSync('src', { withFileTypes: true }).filter((e) => e.isDirectory());
const unlisted = folders.map((e) => e.name).filter((name) => !rooms.some((room) => room.name === name));
const sources = readdirSync('src', { recursive: true })
  .map(String)
  .filter((f) => /\.tsx?$/.test(f))
  .map((f) => join('src', f));

const forbidden = [
  {
    name: 'no-cycles',
    severity: 'error',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'core-is-portable',
    severity: 'error',
    from: { path: `^src/(${portable.join('|')})/`, pathNot: '\\.test\\.ts$' },
    to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-no-pkg', 'unknown'] },
  },
  {
    // Whoever imports the library or calls the command line has no use for what pages are made of.
    name: 'page-parts-in-web',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/web/' },
    to: { path: 'node_modules/(react|react-dom|@codemirror)/' },
  },
  {
    name: 'no-machine',
    severity: 'error',
    from: { path: `^src/(${machineless.join('|')})/` },
    to: { path: '^src/(vm|interp)/' },
  },
];
for (const [i, row] of rows.entries()) {
  const before = rows
    .slice(0, i)
    .flat()
    .map((room) => room.name);
  for (const { name } of row) {
    forbidden.push({
      name: `room-${name}`,
      severity: 'error',
      from: { path: `^src/${name}/` },
      to: { path: '^src/[^/]+/', pathNot: `^src/(${[...before, name].join('|')})/` },
    });
  }
}

const result = await cruise(
  ['src'],
  {
    ruleSet: { forbidden },
    validate: true,
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js'] },
  },
  undefined,
  { tsConfig: undefined },
);
const { modules, summary } = result.output;
const seen = new Set(modules.map((m) => m.source));
const missed = sources.filter((f) => !seen.has(f));
const problems = [
  ...unlisted.map((name) => `src/${name}: not in scripts/layers.mjs; add the folder to a row`),
  ...missed.map((file) => `${file}: not cruised`),
  ...summary.violations.map((v) => `${v.from} -> ${v.to}: ${v.rule.name}`),
];
const core = JSON.parse(readFileSync('tsconfig.core.json', 'utf8')).include;
const wanted = portable.map((name) => `src/${name}/**/*.ts`);
if (core.join() !== wanted.join()) {
  problems.push(
    `tsconfig.core.json: "include" must be the portable rooms in order:\n${JSON.stringify(wanted, null, 2)}`,
  );
}
for (const problem of problems) console.error(problem);
console.log(`layers: ${sources.length} files, ${sources.length - missed.length} cruised, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
