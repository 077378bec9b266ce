/** YAML with the lines that its values stand on. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { InputError } from '../base/index.js';
import type { SourceField, SourceNode } from '../cases/index.js';

/** Deeper nesting is no test file. */
const maxDepth = 64;

/** Throws InputError with file and line for what is no YAML, and for aliases. */
export function parseYaml(text: string, file: string): SourceNode {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    intAsBigInt: true,
    prettyErrors: false,
    uniqueKeys: false,
  });
  const lineOf = (offset: number | undefined): number => (offset === undefined ? 0 : lines.linePos(offset).line);
  const [error] = document.errors;
  if (error?.code === 'MULTIPLE_DOCS')
    throw new InputError('a second document begins', { source: `${file}:${lineOf(error.pos[0])}` }, 'a file is one');
  if (error !== undefined)
    throw new InputError(`not YAML: ${error.message}`, { source: `${file}:${lineOf(error.pos[0])}` });

  const convert = (node: Node | null | undefined, line: number, depth: number): SourceNode => {
    const own = lineOf(node?.range?.[0]) || line;
    const fail = (what: string, hint?: string): never => {
      throw new InputError(what, { source: `${file}:${own}` }, hint);
    };
    if (depth > maxDepth) return fail('nested too deep');
    if (isAlias(node)) return fail('aliases are not read', 'write the value out');
    if (isSeq(node))
      return { kind: 'list', line: own, items: node.items.map((item) => convert(item as Node, own, depth + 1)) };
    if (isMap(node)) {
      const fields = node.items.map(({ key, value }): SourceField => {
        const at = lineOf((key as Node).range?.[0]) || own;
        return {
          name: isScalar(key) ? String(key.value) : String(key),
          line: at,
          node: convert(value as Node | null, at, depth + 1),
        };
      });
      return { kind: 'map', line: own, fields };
    }
    const value = isScalar(node) ? node.value : null;
    const source = isScalar(node) ? (node.source ?? String(value)) : '';
    return { kind: 'scalar', line: own, value: typeof value === 'bigint' ? exact(value) : value, text: source };
  };
  return convert(document.contents, 1, 0);
}

/** Numbers that JavaScript holds exactly; others stay text, as in map files. */
function exact(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}
