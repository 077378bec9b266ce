// `npm run mutants -- [--seed N] [--count M] [--jobs J] [--rooms a,b] [--only FILE:LINE]`: do the tests see? Changes one
// operator of the sources at a time (`<` for `<=`, `&&` for `||`, `+ 1` for `+ 2`, `===` for `!==`, a negated
// condition) and runs the tests that are related to that file; a mutant that all of them pass has lived. Places are drawn
// at random from the seed, rooms alike by their number of places.
//
// Each job works in a clone of its own: the sources as they are here, uncommitted changes included, with node_modules
// and dist beside them by link. What a test finds in dist (the built command line) is what was built last, not the
// mutant: a mutant that nothing but such a test could see counts as one that lived.
//
// A row a mutant, `N killed, M lived` at the end, with the mutants that lived once more; exit 1 if fewer than 95 of 100
// died.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const root = fileURLToPath(new URL('../', import.meta.url));
const usualRooms = ['trace', 'runtime', 'opt', 'verifier', 'jit', 'cache', 'vm'];
/** Share of the mutants that have to die. */
const wanted = 0.95;
/** Minutes after which the tests of a mutant hang, which is a way of seeing it. */
const patience = 15;

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '20' },
    jobs: { type: 'string', default: '1' },
    rooms: { type: 'string', default: usualRooms.join(',') },
    only: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

/** What an operator becomes. Neighbours that a mistake would put there, not just any other. */
const operators = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '&&': '||',
  '||': '&&',
  '+': '-',
  '-': '+',
  '<<': '>>>',
  '>>>': '<<',
  '>>': '<<',
  '&': '|',
  '|': '&',
};

/** Places of a file: from, to (offsets), what stands there and what is put in its place. */
function placesOf(name) {
  const text = readFileSync(join(root, name), 'utf8');
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true);
  const places = [];
  const add = (node, to) => {
    const from = node.getStart(file);
    const line = file.getLineAndCharacterOfPosition(from).line;
    places.push({ name, line: line + 1, from, to: node.getEnd(), was: text.slice(from, node.getEnd()), becomes: to });
  };
  const visit = (node) => {
    // Types have no tests, and words for people have none that count.
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (ts.isThrowStatement(node) || ts.isTemplateExpression(node)) return;
    if (ts.isBinaryExpression(node)) {
      const { operatorToken: token, left, right } = node;
      const sign = token.getText(file);
      const isText = [left, right].some((side) => ts.isStringLiteral(side) || ts.isTemplateExpression(side));
      if (operators[sign] !== undefined && !isText) add(token, operators[sign]);
    } else if (ts.isNumericLiteral(node) && /^\d{1,6}$/.test(node.text) && !ts.isPropertyAssignment(node.parent))
      add(node, String(Number(node.text) + 1));
    else if (node.kind === ts.SyntaxKind.TrueKeyword) add(node, 'false');
    else if (node.kind === ts.SyntaxKind.FalseKeyword) add(node, 'true');
    else if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken)
      add(node, node.operand.getText(file));
    ts.forEachChild(node, visit);
  };
  visit(file);
  return places;
}

/** Numbers below 2^32 from a seed (xorshift32 on a scrambled seed). */
function random(seed) {
  let state = (Math.imul(seed, 2654435761) ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

function drawn(places, count, seed) {
  const next = random(seed);
  const left = [...places];
  const chosen = [];
  while (chosen.length < count && left.length > 0) chosen.push(...left.splice(next() % left.length, 1));
  return chosen;
}

function clone(number) {
  const folder = mkdtempSync(join(tmpdir(), `jitnic-mutants-${number}-`));
  const tracked = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  for (const name of tracked.stdout.trim().split('\n')) cpSync(join(root, name), join(folder, name));
  for (const name of ['node_modules', 'dist']) symlinkSync(join(root, name), join(folder, name));
  return folder;
}

/**
 * The first of the related tests that fails, undefined where none does. Those of the file's own room come first: most
 * mutants die there, in seconds, and need not wait for whatever else imports the file.
 */
async function killer(folder, name) {
  const room = name.split('/').slice(0, 2).join('/');
  return (await firstFailure(folder, name, room)) ?? (await firstFailure(folder, name, '.'));
}

const firstFailure = (folder, name, tests) => failureOf(folder, ['related', name, '--run', '--dir', tests]);
const allTests = (folder) => failureOf(folder, ['run']);

/** Runs vitest until a test fails; resolves with that test, undefined where all pass. */
function failureOf(folder, words) {
  return new Promise((resolve) => {
    const report = join(folder, 'report.json');
    rmSync(report, { force: true });
    const args = ['vitest', ...words, '--bail=1', '--passWithNoTests', '--reporter=json'];
    args.push(`--outputFile.json=${report}`);
    const child = spawn('npx', [...args, '--no-file-parallelism'], { cwd: folder, stdio: 'ignore', detached: true });
    const hang = setTimeout(() => {
      process.kill(-child.pid, 'SIGKILL');
    }, patience * 60_000);
    child.on('exit', (status, signal) => {
      clearTimeout(hang);
      if (signal !== null) return resolve('(hangs)');
      if (status === 0) return resolve(undefined);
      try {
        const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
        const failed = testResults.find(({ status: end }) => end === 'failed');
        const test = failed?.assertionResults.find(({ status: end }) => end === 'failed');
        resolve(`${failed?.name.replace(`${folder}/`, '') ?? '?'}: ${test?.fullName ?? 'does not load'}`);
      } catch {
        resolve('(no report)');
      }
    });
  });
}

const shown = ({ name, line, was, becomes }) => `${name}:${line}  \`${was}\` -> \`${becomes}\``;

async function work(folder, queue, rows) {
  for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
    const path = join(folder, place.name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.slice(0, place.from) + place.becomes + text.slice(place.to));
    const start = performance.now();
    const by = await killer(folder, place.name);
    writeFileSync(path, text);
    rows.push({ place, by });
    const seconds = Math.round((performance.now() - start) / 1000);
    console.log(`${by === undefined ? 'LIVED ' : 'killed'}  ${shown(place)}  ${seconds} s${by ? `  ${by}` : ''}`);
  }
}

const sources = flags.rooms
  .split(',')
  .flatMap((room) => readdirSync(join(root, 'src', room), { recursive: true }).map((name) => `src/${room}/${name}`))
  .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|testing|\/index\.ts$/.test(name))
  .sort();
const all = sources.flatMap(placesOf);
const chosen =
  flags.only === undefined
    ? drawn(all, Number(flags.count), Number(flags.seed))
    : all.filter(({ name, line }) => `${name}:${line}`.endsWith(flags.only));
console.log(`${chosen.length} of ${all.length} places in ${sources.length} files, seed ${flags.seed}`);
if (flags.list) for (const place of chosen) console.log(shown(place));
else {
  const rows = [];
  const folders = Array.from({ length: Math.max(1, Number(flags.jobs)) }, (_, i) => clone(i));
  try {
    // A test that fails without a mutant would seem to kill all of them.
    const before = await allTests(folders[0]);
    if (before !== undefined) throw new Error(`a test fails with the sources as they are: ${before}`);
    const queue = [...chosen];
    await Promise.all(folders.map((folder) => work(folder, queue, rows)));
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
  const lived = rows.filter(({ by }) => by === undefined);
  console.log('');
  for (const { place } of lived) console.log(`lived: ${shown(place)}`);
  console.log(`${rows.length - lived.length} killed, ${lived.length} lived`);
  if (rows.length - lived.length < wanted * rows.length) process.exitCode = 1;
}
