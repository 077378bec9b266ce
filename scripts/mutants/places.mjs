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
 * the expression that is evaluated on the way there, `whole` (from, to) of the expression that the operator makes, and
 * whether that happens while the module loads.
 */
export function placesOf(name, text) {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true);
  const places = [];
  const add = (node, becomes, { probed, whole } = { probed: node, whole: node }) => {
    const from = node.getStart(file);
    const to = node.getEnd();
    const line = file.getLineAndCharacterOfPosition(from).line + 1;
    const range = (of) => ({ from: of.getStart(file), to: of.getEnd() });
    const [probe, all] = [range(probed), range(whole)];
    places.push({
      name,
      line,
      from,
      to,
      was: text.slice(from, to),
      becomes,
      probe,
      whole: all,
      atLoad: !isWithinCode(node),
    });
  };
  const visit = (node) => {
    // Types have no tests, and words for people have none that count.
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (ts.isThrowStatement(node) || ts.isTemplateExpression(node)) return;
    if (ts.isBinaryExpression(node)) {
      const { operatorToken: token, left, right } = node;
      const sign = token.getText(file);
      const isText = [left, right].some((side) => ts.isStringLiteral(side) || ts.isTemplateExpression(side));
      if (operators[sign] !== undefined && !(sign === '+' && isText))
        add(token, operators[sign], { probed: left, whole: node });
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

/**
 * The text with all of its places in it, each as it was until `globalThis.mutant` is its number; that they were come
 * by is marked in `globalThis.reached`. `places`: pairs of number and place, none of them at load.
 */
export function switched(text, places) {
  const byWhole = places.toSorted(([, a], [, b]) => a.whole.from - b.whole.from || b.whole.to - a.whole.to);
  /** The text from one offset to another, with the switches of `within`, which lie there. */
  const render = (from, to, within) => {
    let out = '';
    let at = from;
    for (let i = 0; i < within.length; ) {
      const [number, place] = within[i];
      const { whole } = place;
      let end = i + 1;
      while (end < within.length && within[end][1].whole.from < whole.to) end++;
      const changed = text.slice(whole.from, place.from) + place.becomes + text.slice(place.to, whole.to);
      const same = render(whole.from, whole.to, within.slice(i + 1, end));
      const mark = `(globalThis.reached[${number}]=1,globalThis.mutant===${number})`;
      out += `${text.slice(at, whole.from)}(${mark}?(${changed}):(${same}))`;
      at = whole.to;
      i = end;
    }
    return out + text.slice(at, to);
  };
  return render(0, text.length, byWhole);
}

/**
 * Does the changed operator bind otherwise than the one that stood there (`a && b && c` with `||`)? Behind a switch it
 * would stand in brackets of its own, and be another mutant.
 */
export function regroups(text, { whole, from, to, becomes }) {
  const shape = (source) => {
    const visit = (node) => {
      if (ts.isParenthesizedExpression(node)) return visit(node.expression);
      const below = [];
      ts.forEachChild(node, (child) => void below.push(visit(child)));
      return `${node.kind}(${below.join()})`;
    };
    return visit(ts.createSourceFile('changed.ts', source, ts.ScriptTarget.ES2023));
  };
  const changed = text.slice(whole.from, from) + becomes + text.slice(to, whole.to);
  const around = (inner) => text.slice(0, whole.from) + inner + text.slice(whole.to);
  return shape(around(changed)) !== shape(around(`(${changed})`));
}
