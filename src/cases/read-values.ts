/** Packets and verdicts of a test file. */
import { buildPacket } from '../packet/index.js';
import { verdictNames } from '../platform/index.js';
import { nearestHint } from '../text/index.js';
import type { NodeReader, SourceNode } from './source-node.js';

/** Layers, or bytes of JavaScript. */
export function readData(reader: NodeReader, node: SourceNode): Uint8Array {
  if (node.kind === 'scalar' && node.value instanceof Uint8Array) return node.value;
  const text = reader.text(node, 'a packet');
  return reader.within(node.line, () => buildPacket(text));
}

/** The verdict of that name. Throws InputError with the nearest. */
export function verdictOf(reader: NodeReader, node: SourceNode): string {
  const name = reader.text(node, 'a verdict').toUpperCase().replace(/^XDP_/, '');
  if (verdictNames.some((one) => one === name)) return name;
  const what = name === '' ? 'no verdict is named' : `there is no verdict \`${name}\``;
  return reader.fail(node.line, what, nearestHint(name, verdictNames, 'verdicts are'));
}
