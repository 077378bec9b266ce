// Checks that guest addresses stay where programs run. They have a type of their own, `GuestAddress`
// (src/vm/guest-address.ts), which is a number to those who may compute with it; in all other files the compiler is
// asked for the type of each expression, and none may be an address. Rooms and files that may have them are flags in
// layers.mjs. Tests may look at memory.
import { join, relative } from 'node:path';
import ts from 'typescript';
import { addressed } from './layers.mjs';

const root = process.cwd();
const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const sources = fileNames.filter((name) => /^src\/.*(?<!\.test)\.ts$/.test(relative(root, name)));
const program = ts.createProgram(sources, { ...options, noEmit: true });
const checker = program.getTypeChecker();

const home = 'src/vm/guest-address.ts';
const address = addressType();

/** The type itself: intersections are made once, so it is one object wherever it comes up. */
function addressType() {
  const file = program.getSourceFile(join(root, home));
  const symbol = file && checker.getSymbolAtLocation(file)?.exports?.get('GuestAddress');
  if (symbol === undefined) throw new Error(`${home}: no GuestAddress`);
  return checker.getDeclaredTypeOfSymbol(symbol);
}

const isAddress = (type) => type === address || (type.isUnion() && type.types.some(isAddress));

/** Expressions and names of that type, outermost first. */
function addressesIn(file) {
  const found = [];
  const visit = (node) => {
    if ((ts.isExpression(node) || ts.isBindingElement(node)) && isAddress(checker.getTypeAtLocation(node))) {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      found.push({ line: line + 1, text: node.getText(file) });
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const mayHave = (name) => addressed.some((place) => name === place || name.startsWith(`${place}/`));
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
