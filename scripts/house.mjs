// `npm run house -- [DIR] [--base DIR] [--all]`: the figures by which the house is judged, for the tree in DIR
// (default: here) and beside it for another checkout (`before`). Rows with a wish are held against it; the last line
// counts them. `--all` lists what a row only counts.
//
// Sources are src/**/*.ts without tests. Lines that hold nothing but comment are comment lines, their share is of the
// lines that are not blank. Import times need a build: `npm run build` in each tree.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import ts from 'typescript';

/** What is wanted (issue "The house for what comes", point 4; house style). */
const wanted = {
  longestComment: 120,
  longestFunction: 120,
  largestFile: 1000,
  comments: [15, 25],
  publicExports: 100,
  allExports: 80,
};
/**
 * Lines that two places have in common before they count as a repetition, without blank lines, comments, imports and
 * bare brackets.
 */
const repeated = 6;
/** Files whose functions may be longer, and why. */
const longAllowed = new Map([
  ['src/interp/interpreter.ts', 'the switch of the interpreter reads as the specification'],
  ['src/nic/software/execute.ts', 'a case for each row of the frozen table of card opcodes, checked when it is loaded'],
]);
const importRuns = 9;

function sourceFiles(root) {
  return readdirSync(join(root, 'src'), { recursive: true })
    .map((name) => `src/${name}`)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort();
}

const roomOf = (name) => (name.split('/').length > 2 ? name.split('/')[1] : '(entry)');

/** What each line of a file is: 'code', 'comment' or 'blank'. A line with both is code. */
function lineKinds(file) {
  const starts = file.getLineStarts();
  const kinds = starts.map(() => 'blank');
  const mark = (from, to, kind) => {
    const first = file.getLineAndCharacterOfPosition(from).line;
    const last = file.getLineAndCharacterOfPosition(Math.max(from, to - 1)).line;
    for (let line = first; line <= last; line++) if (kinds[line] !== 'code') kinds[line] = kind;
  };
  const visit = (node) => {
    if (node.getChildCount(file) === 0 && node.kind !== ts.SyntaxKind.EndOfFileToken) {
      if (node.getEnd() > node.getStart(file)) mark(node.getStart(file), node.getEnd(), 'code');
    }
    // Comments lie in what precedes a token.
    for (const { pos, end } of ts.getLeadingCommentRanges(file.text, node.getFullStart()) ?? [])
      mark(pos, end, 'comment');
    for (const child of node.getChildren(file))
      if (child.kind < ts.SyntaxKind.FirstJSDocNode || child.kind > ts.SyntaxKind.LastJSDocNode) visit(child);
    for (const { pos, end } of ts.getTrailingCommentRanges(file.text, node.getEnd()) ?? []) mark(pos, end, 'comment');
  };
  visit(file);
  return kinds;
}

/** Exports that a file declares itself, and whether a doc comment stands above each. */
function declaredExports(file) {
  const found = [];
  for (const statement of file.statements) {
    const exported =
      ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword);
    if (!exported) continue;
    const names = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.map((d) => d.name.getText(file))
      : [statement.name?.getText(file) ?? 'default'];
    for (const name of names) found.push({ name, documented: hasDoc(statement) });
  }
  return found;
}

/** A doc comment directly above a declaration. TypeScript gives the head of a file to its first statement as well. */
function hasDoc(node) {
  return (node.jsDoc?.length ?? 0) > 0;
}

function documentedDeclaration(declaration) {
  let node = declaration;
  if (ts.isVariableDeclaration(node)) node = node.parent.parent;
  return hasDoc(node);
}

/** Functions with their lengths in lines, nested ones on their own too. */
function functionsOf(file, name) {
  const found = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body !== undefined) {
      const line = (at) => file.getLineAndCharacterOfPosition(at).line;
      const label = node.name?.getText(file) ?? node.parent?.name?.getText(file) ?? '(anonymous)';
      found.push({
        name: label,
        lines: line(node.getEnd()) - line(node.getStart(file)) + 1,
        where: `${name}:${line(node.getStart(file)) + 1}`,
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** Runs of equal lines in two places: each pair of places once, as long as it goes. */
function repetitions(files) {
  const lines = [];
  for (const { name, file, kinds } of files) {
    const text = file.text.split('\n');
    for (const [i, kind] of kinds.entries()) {
      const line = text[i].trim().replace(/\s+/g, ' ');
      if (kind === 'code' && /\w/.test(line) && !/^(import|export) .* from |^} from |^type \w+,$|^\w+,$/.test(line))
        lines.push({ name, at: i + 1, line });
    }
    lines.push({ name, at: 0, line: `end of ${name}` });
  }
  const windows = new Map();
  for (let i = 0; i + repeated <= lines.length; i++) {
    const window = lines.slice(i, i + repeated);
    if (window.some(({ name }) => name !== lines[i].name)) continue;
    const key = window.map(({ line }) => line).join('\n');
    windows.set(key, [...(windows.get(key) ?? []), i]);
  }
  const pairs = [];
  for (const places of windows.values()) {
    for (let b = 1; b < places.length; b++) {
      const [first, second] = [places[0], places[b]];
      // Not the beginning of a run if the lines before are equal as well.
      if (lines[first - 1]?.line === lines[second - 1]?.line) continue;
      let length = repeated;
      while (lines[first + length]?.line === lines[second + length]?.line && first + length < second) length++;
      pairs.push({
        lines: length,
        where: `${lines[first].name}:${lines[first].at} and ${lines[second].name}:${lines[second].at}`,
      });
    }
  }
  return pairs.sort((a, b) => b.lines - a.lines);
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
const share = (part, whole) => (whole === 0 ? 100 : (100 * part) / whole);

/** The entry points of the package, as sources. */
function entryPoints(root) {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const built = Object.values(exports).map((entry) => (typeof entry === 'string' ? entry : (entry.default ?? '')));
  const sources = built.map((path) => path.replace(/^\.\/dist\/(lib\/)?/, 'src/').replace(/\.js$/, '.ts'));
  return sources.filter((path) => existsSync(join(root, path)));
}

function publicExports(root) {
  const entries = entryPoints(root);
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: entries }, ts.sys, root);
  const program = ts.createProgram(
    entries.map((entry) => join(root, entry)),
    { ...options, noEmit: true },
  );
  const checker = program.getTypeChecker();
  const declarations = new Map();
  for (const entry of entries) {
    const symbol = checker.getSymbolAtLocation(program.getSourceFile(join(root, entry)));
    for (const exported of symbol === undefined ? [] : checker.getExportsOfModule(symbol)) {
      const target = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      declarations.set(target, target.declarations ?? []);
    }
  }
  return [...declarations].map(([symbol, list]) => ({
    name: symbol.name,
    documented: list.some(documentedDeclaration),
  }));
}

/** Milliseconds from start to end of a process that imports the library, without those of one that does nothing. */
function importTimes(roots) {
  const time = (code) => {
    const start = performance.now();
    execFileSync(process.execPath, ['--input-type=module', '-e', code]);
    return performance.now() - start;
  };
  // What a user imports: the package's own entry point.
  const library = roots.map((root) => {
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    return join(root, exports['.'].default);
  });
  const times = roots.map(() => []);
  // In turns, so that a busy machine disturbs all alike.
  for (let run = 0; run < importRuns; run++)
    for (const [i, path] of library.entries())
      if (existsSync(path)) times[i].push(time(`await import(${JSON.stringify(path)})`) - time('0'));
  return times.map((list) => (list.length === 0 ? undefined : median(list)));
}

function measure(root) {
  const files = sourceFiles(root).map((name) => {
    const file = ts.createSourceFile(name, readFileSync(join(root, name), 'utf8'), ts.ScriptTarget.ES2023, true);
    return { name, file, kinds: lineKinds(file) };
  });
  const rooms = new Map();
  for (const { name, kinds } of files) {
    const room = rooms.get(roomOf(name)) ?? { files: 0, lines: 0, comments: 0, filled: 0 };
    room.files++;
    room.lines += kinds.length - 1;
    room.comments += kinds.filter((kind) => kind === 'comment').length;
    room.filled += kinds.filter((kind) => kind !== 'blank').length;
    rooms.set(roomOf(name), room);
  }
  const sizes = files
    .map(({ name, kinds }) => ({ where: name, lines: kinds.length - 1 }))
    .sort((a, b) => b.lines - a.lines);
  const wide = files.flatMap(({ name, file, kinds }) =>
    file.text
      .split('\n')
      .flatMap((line, i) =>
        kinds[i] === 'comment' && line.length > wanted.longestComment ? [`${name}:${i + 1}`] : [],
      ),
  );
  const functions = files.flatMap(({ name, file }) => functionsOf(file, name)).sort((a, b) => b.lines - a.lines);
  const own = files.flatMap(({ name, file }) => declaredExports(file).map((entry) => ({ ...entry, where: name })));
  const open = publicExports(root);
  const counted = functions.filter(({ where }) => !longAllowed.has(where.split(':')[0]));
  const total = [...rooms.values()].reduce((sum, room) => ({
    files: sum.files + room.files,
    lines: sum.lines + room.lines,
    comments: sum.comments + room.comments,
    filled: sum.filled + room.filled,
  }));
  const longFunctions = counted.filter(({ lines }) => lines > wanted.longestFunction);
  return {
    rooms,
    total,
    figures: {
      files: total.files,
      lines: total.lines,
      median: median(sizes.map(({ lines }) => lines)),
      largest: sizes[0]?.lines ?? 0,
      comments: share(total.comments, total.filled),
      wide: wide.length,
      open: share(open.filter((entry) => entry.documented).length, open.length),
      own: share(own.filter((entry) => entry.documented).length, own.length),
      function: counted[0]?.lines ?? 0,
      functions: longFunctions.length,
      pairs: repetitions(files),
    },
    lists: {
      largest: sizes.slice(0, 5).map(({ where, lines }) => `${where}: ${lines} lines`),
      wide,
      open: open.filter((entry) => !entry.documented).map(({ name }) => name),
      own: own.filter((entry) => !entry.documented).map(({ name, where }) => `${where}: ${name}`),
      functions: longFunctions.map(({ name, lines, where }) => `${where}: ${name}, ${lines} lines`),
    },
  };
}

const { values, positionals } = parseArgs({
  options: { base: { type: 'string' }, all: { type: 'boolean' } },
  allowPositionals: true,
});
const roots = [positionals[0] ?? '.', ...(values.base === undefined ? [] : [values.base])].map((root) => resolve(root));
const trees = roots.map(measure);
const times = importTimes(roots);
const [tree] = trees;

/** Prints rows of cells under a title, numbers to the right. */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    );
}

const percent = (x) => `${x.toFixed(1)} %`;
const before = values.base === undefined ? [] : ['before'];
const names = [...new Set(trees.flatMap(({ rooms }) => [...rooms.keys()]))].sort();
const roomCells = (room) =>
  room === undefined
    ? ['', '', '']
    : [String(room.files), String(room.lines), percent(share(room.comments, room.filled))];
table([
  ['room', 'files', 'lines', 'comment', ...before.flatMap(() => ['files', 'lines', 'before'])],
  ...names.map((name) => [name, ...trees.flatMap(({ rooms }) => roomCells(rooms.get(name)))]),
  ['all', ...trees.flatMap(({ total }) => roomCells(total))],
]);
console.log();

const [low, high] = wanted.comments;
const within = (x, from, to) => x >= from && x <= to;
/** Figure, how it is printed, the wish in words, whether it is met. */
const rows = [
  ['files', 'files', String],
  ['lines', 'lines', String],
  ['median file, lines', 'median', String, '60 to 400', (x) => within(x, 60, 400)],
  ['largest file, lines', 'largest', String, `at most ${wanted.largestFile}`, (x) => x <= wanted.largestFile],
  ['comment lines', 'comments', percent, `${low} to ${high} %`, (x) => within(x, low, high)],
  ['comment lines past 120 columns', 'wide', String, 'none', (x) => x === 0],
  ['public exports with a comment', 'open', percent, `${wanted.publicExports} %`, (x) => x >= wanted.publicExports],
  ['all exports with a comment', 'own', percent, `at least ${wanted.allExports} %`, (x) => x >= wanted.allExports],
  [
    'largest function, lines',
    'function',
    String,
    `at most ${wanted.longestFunction}`,
    (x) => x <= wanted.longestFunction,
  ],
  ['functions longer than that', 'functions', String, 'none', (x) => x === 0],
  [`pairs of ${repeated} equal lines and more`, 'pairs', (pairs) => String(pairs.length)],
];
let [passed, failed] = [0, 0];
const printed = rows.map(([title, key, show, wish, holds]) => {
  const value = tree.figures[key];
  let mark = '';
  if (holds !== undefined) {
    mark = holds(value) ? 'yes' : 'NO';
    if (mark === 'yes') passed++;
    else failed++;
  }
  return [title, ...trees.map(({ figures }) => show(figures[key])), wish ?? '', mark];
});
const milliseconds = (time) => (time === undefined ? 'not built' : `${time.toFixed(0)} ms`);
table([
  ['figure', 'measured', ...before, 'wanted', ''],
  ...printed,
  [`import of the library, median of ${importRuns}`, ...times.map(milliseconds), '', ''],
]);

const list = (title, entries) => {
  const shown = values.all === true ? entries : entries.slice(0, 5);
  if (entries.length === 0) return;
  console.log(
    `\n${title}${shown.length < entries.length ? ` (${shown.length} of ${entries.length}, --all shows the rest)` : ''}`,
  );
  for (const entry of shown) console.log(`  ${entry}`);
};
list('largest files', tree.lists.largest);
list('functions past 120 lines', tree.lists.functions);
list(
  'may be longer',
  [...longAllowed].map(([name, why]) => `${name}: ${why}`),
);
list(
  'repeated',
  tree.figures.pairs.map(({ lines, where }) => `${lines} lines: ${where}`),
);
list('comments past 120 columns', tree.lists.wide);
list('public exports without a comment', tree.lists.open);
list('exports without a comment', tree.lists.own);
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
