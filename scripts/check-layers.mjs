// Checks the layer rule with dependency-cruiser, and that dependency-cruiser saw every source file: with a TypeScript
// that it cannot drive it cruises nothing and reports success.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import { layers, machineless, portable } from './layers.mjs';

const names = layers.flat();
const folders = readdirSync('src', { withFileTypes: true }).filter((e) => e.isDirectory());
const unlisted = folders.map((e) => e.name).filter((name) => !names.includes(name));
const sources = readdirSync('src', { recursive: true })
  .map(String)
  .filter((f) => f.endsWith('.ts'))
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
    name: 'no-machine',
    severity: 'error',
    from: { path: `^src/(${machineless.join('|')})/` },
    to: { path: '^src/(vm|interp)/', pathNot: '^src/interp/encoding\\.ts$' },
  },
];
for (const [row, siblings] of layers.entries()) {
  const above = layers.slice(0, row).flat();
  for (const layer of siblings) {
    forbidden.push({
      name: `layer-${layer}`,
      severity: 'error',
      from: { path: `^src/${layer}/` },
      to: { path: '^src/[^/]+/', pathNot: `^src/(${[...above, layer].join('|')})/` },
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
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
  undefined,
  { tsConfig: undefined },
);
const { modules, summary } = result.output;
const seen = new Set(modules.map((m) => m.source));
const missed = sources.filter((f) => !seen.has(f));
const problems = [
  ...unlisted.map((name) => `src/${name}: not in scripts/layers.mjs; add the folder to the list of layers`),
  ...missed.map((file) => `${file}: not cruised`),
  ...summary.violations.map((v) => `${v.from} -> ${v.to}: ${v.rule.name}`),
];
const core = JSON.parse(readFileSync('tsconfig.core.json', 'utf8')).include;
for (const layer of portable) {
  if (folders.some((e) => e.name === layer) && !core.includes(`src/${layer}/**/*.ts`)) {
    problems.push(`tsconfig.core.json: \`src/${layer}/**/*.ts\` is missing from "include"`);
  }
}
for (const problem of problems) console.error(problem);
console.log(`layers: ${sources.length} files, ${sources.length - missed.length} cruised, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
