/**
 * Places where `npm run mutants` changes an operator: what stands there, what is put there instead, and where a probe
 * goes that tells which tests come by.
 */
import ts from 'typescript';

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

/**
 * Places of a file, in its order: `from` and `to` (offsets) of what `becomes` something else, `probe` (from, to) of
 * the expression that is evaluated on the way there, and whether that happens while the module loads.
 */
export function placesOf(name, text) {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true);
  const places = [];
  const add = (node, becomes, probed = node) => {
    const from = node.getStart(file);
    const to = node.getEnd();
    const line = file.getLineAndCharacterOfPosition(from).line + 1;
    const probe = { from: probed.getStart(file), to: probed.getEnd() };
    places.push({ name, line, from, to, was: text.slice(from, to), becomes, probe, atLoad: !isWithinCode(node) });
  };
  const visit = (node) => {
    // Types have no tests, and words for people have none that count.
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (ts.isThrowStatement(node) || ts.isTemplateExpression(node)) return;
    if (ts.isBinaryExpression(node)) {
      const { operatorToken: token, left, right } = node;
      const sign = token.getText(file);
      const isText = [left, right].some((side) => ts.isStringLiteral(side) || ts.isTemplateExpression(side));
      if (operators[sign] !== undefined && !(sign === '+' && isText)) add(token, operators[sign], left);
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

/** In a function, or in a field that an object gets when it is made. */
function isWithinCode(node) {
  const found = ts.findAncestor(node, (at) => ts.isFunctionLike(at) || ts.isPropertyDeclaration(at));
  return found !== undefined && !ts.getModifiers(found)?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword);
}

/** The text with the operator changed. */
export const mutated = (text, { from, to, becomes }) => text.slice(0, from) + becomes + text.slice(to);

/**
 * The text with a probe at each of its places: before the expression is evaluated, the place's number is marked in
 * `globalThis.reached`. `places`: pairs of number and place.
 */
export function probed(text, places) {
  const insertions = places.flatMap(([number, { probe }]) => [
    { at: probe.from, put: `(globalThis.reached[${number}]=1,` },
    { at: probe.to, put: ')' },
  ]);
  let out = text;
  for (const { at, put } of insertions.sort((a, b) => b.at - a.at)) out = out.slice(0, at) + put + out.slice(at);
  return out;
}
