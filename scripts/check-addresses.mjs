// Checks that guest addresses stay where programs run. They have a type of their own, `GuestAddress`
// (src/vm/guest-address.ts), which is a number to those who may compute with it; in all other files the compiler is
// asked for the type of each expression, and none may be an address. Rooms and files that may have them are flags in
// layers.mjs. Tests may look at memory.
import { join, relative } from 'node:path';
import ts from 'typescript';
import { addressed, rows } from './layers.mjs';

const root = process.cwd();
const mayHave = (name) => addressed.some((place) => name === place || name.startsWith(`${place}/`));
const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, root);
// Rooms that cannot see a machine, by the layer rule, need not be asked.
const below = rows.slice(
  0,
  rows.findIndex((row) => row.some(({ name }) => name === 'vm')),
);
const blind = new Set([...below.flat(), ...rows.flat().filter((room) => room.machineless)].map(({ name }) => name));
const sources = fileNames.filter((path) => {
  const name = relative(root, path);
  return /^src\/.*(?<!\.test)\.ts$/.test(name) && !blind.has(name.split('/')[1]);
});
const program = ts.createProgram(sources, { ...options, noEmit: true });
const checker = program.getTypeChecker();

const home = 'src/vm/guest-address.ts';
const addresses = ['GuestAddress', 'GuestPointer'].map(typeOf);

/** The type itself: intersections are made once, so it is one object wherever it comes up. */
function typeOf(name) {
  const file = program.getSourceFile(join(root, home));
  const symbol = file && checker.getSymbolAtLocation(file)?.exports?.get(name);
  if (symbol === undefined) throw new Error(`${home}: no ${name}`);
  return checker.getDeclaredTypeOfSymbol(symbol);
}

const isAddress = (type) => addresses.includes(type) || (type.isUnion() && type.types.some(isAddress));

/**
 * Names that something of that type can have where it comes from: what is exported is declared with its type. Only
 * expressions with such a name are asked for theirs, since asking for all takes as long as compiling.
 */
const names = new Set();
for (const path of sources.filter((name) => mayHave(relative(root, name)))) {
  const visit = (node) => {
    if (node.name !== undefined && node.type !== undefined && /Guest(Address|Pointer)/.test(node.type.getText()))
      names.add(node.name.getText());
    ts.forEachChild(node, visit);
  };
  visit(program.getSourceFile(path));
}
const nameOf = (node) => {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  if (ts.isCallExpression(node)) return nameOf(node.expression);
  if (ts.isBindingElement(node)) return (node.propertyName ?? node.name).getText();
  return undefined;
};

/** Expressions and names of that type, outermost first. */
function addressesIn(file) {
  const found = [];
  const visit = (node) => {
    if (names.has(nameOf(node)) && isAddress(checker.getTypeAtLocation(node))) {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      found.push({ line: line + 1, text: node.getText(file) });
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

let problems = 0;
let checked = 0;
let used = 0;
for (const path of sources) {
  const name = relative(root, path);
  const file = program.getSourceFile(path);
  if (mayHave(name)) {
    // That the check sees any: with another TypeScript it might see none and report success.
    if (used === 0) used += addressesIn(file).length;
    continue;
  }
  checked++;
  for (const { line, text } of addressesIn(file)) {
    problems++;
    console.error(`${name}:${line}: \`${text}\` is a guest address`);
  }
}
if (used === 0) {
  problems++;
  console.error(`${home}: no expression is a guest address anywhere: the check sees nothing`);
}
console.log(`addresses: ${checked} files without, ${problems} problems`);
process.exit(problems > 0 ? 1 : 0);
