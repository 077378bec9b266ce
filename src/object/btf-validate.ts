/**
 * No type may contain itself. There are two ways to go round in a circle without end, and each is looked for on its
 * own graph:
 *
 * - *by name*: following pointers, qualifiers, typedefs, arrays, functions and their parameters, a type's C text is
 *   built; struct, union and enum are named, so they end the path;
 * - *by value*: following qualifiers, typedefs, arrays, variables and members, a value is laid out; a pointer ends the
 *   path.
 *
 * The search is a depth-first walk with an explicit stack, since the input decides how deep it goes.
 */
import type { Btf } from './btf.js';
import type { BtfType } from './btf-type.js';

/** Types whose C text is part of this one's. */
function textEdges(type: BtfType): readonly number[] {
  switch (type.kind) {
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
    case 'array':
    case 'func':
    case 'var':
    case 'decl_tag':
      return [type.type];
    case 'func_proto':
      return [type.returnType, ...type.params.map((param) => param.type)];
    default:
      return [];
  }
}

/** Types whose values are part of this one's. */
function valueEdges(type: BtfType): readonly number[] {
  switch (type.kind) {
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
    case 'array':
    case 'var':
      return [type.type];
    case 'struct':
    case 'union':
      return type.members.map((member) => member.type);
    case 'datasec':
      return type.vars.map((variable) => variable.type);
    default:
      return [];
  }
}

const unseen = 0;
const open = 1;
const done = 2;

/** Depth first with a stack of its own; meeting a type that is still open closes a circle. */
function search(btf: Btf, edges: (type: BtfType) => readonly number[]): void {
  const state = new Uint8Array(btf.count);
  for (let root = 1; root < btf.count; root++) {
    if (state[root] !== unseen) continue;
    state[root] = open;
    const stack = [{ id: root, edges: edges(btf.type(root)), next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const to = top.edges[top.next++];
      if (to === undefined) {
        state[top.id] = done;
        stack.pop();
      } else if (state[to] === open) {
        btf.fail(to, 'the type contains itself');
      } else if (state[to] === unseen) {
        state[to] = open;
        stack.push({ id: to, edges: edges(btf.type(to)), next: 0 });
      }
    }
  }
}

/** Throws InputError for a type that contains itself. All types must be decodable. */
export function checkCycles(btf: Btf): void {
  search(btf, textEdges);
  search(btf, valueEdges);
}
