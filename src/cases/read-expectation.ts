/** What a test file expects, read. */
import { checkFieldValue } from '../packet/index.js';
import { readData, verdictOf } from './read-values.js';
import { type NodeReader, plainOf, type SourceNode } from './source-node.js';
import type { Expectation, MapLines } from './suite.js';

const expectFields = [
  'verdict',
  'verdicts',
  'packet',
  'fields',
  'unchanged',
  'redirect',
  'maps',
  'globals',
  'printed',
  'records',
  'instructions',
] as const;

const redirectFields = ['ifindex', 'map', 'key', 'cpu', 'socket'] as const;

/** A verdict alone, or fields. Throws InputError. */
export function readExpectation(reader: NodeReader, node: SourceNode): Expectation {
  if (node.kind !== 'map') {
    if (node.kind === 'list' && node.items.length === 0) reader.fail(node.line, '`expect` names no verdict');
    const verdict = { line: node.line, names: reader.items(node).map((one) => verdictOf(reader, one)) };
    return { ...nothing(node.line), verdict };
  }
  const fields = reader.fields(node, '`expect`', expectFields);
  const read = <T>(name: (typeof expectFields)[number], body: (field: SourceNode) => T): T | undefined => {
    const field = fields.get(name);
    return field === undefined ? undefined : body(field);
  };
  if (fields.size === 0) reader.fail(node.line, '`expect` says nothing', `fields are ${expectFields.join(', ')}`);
  const unchanged = read('unchanged', (one) => {
    if (!reader.truth(one, '`unchanged`'))
      reader.fail(one.line, '`unchanged: false` says nothing of the packet', 'say how it leaves: `packet` or `fields`');
    return { line: one.line, data: 'same' as const };
  });
  const packet = read('packet', (one) => ({ line: one.line, data: readData(reader, one) }));
  if (packet !== undefined && unchanged !== undefined)
    reader.fail(unchanged.line, '`packet` and `unchanged` exclude each other');
  const verdict = read('verdict', (one) => ({
    line: one.line,
    names: reader.items(one).map((v) => verdictOf(reader, v)),
  }));
  const target = fields.get('redirect');
  if (target !== undefined && verdict !== undefined && !verdict.names.includes('REDIRECT'))
    reader.fail(
      target.line,
      `a packet that is ${verdict.names.join(' or ')} is not redirected`,
      'verdict: REDIRECT, or without `redirect`',
    );
  return {
    line: node.line,
    verdict,
    verdicts: read('verdicts', (one) => readCounts(reader, one)),
    packet: packet ?? unchanged,
    fields:
      read('fields', (one) =>
        reader.entries(one, '`fields`').map(({ name, line, node: value }) => {
          const wanted = reader.text(value, `\`${name}\``);
          reader.within(line, () => checkFieldValue(name, wanted));
          return { line, name, value: wanted };
        }),
      ) ?? [],
    redirect: read('redirect', (one) => ({ line: one.line, fields: redirectTarget(reader, one) })),
    maps: read('maps', (one) => readMaps(reader, one)) ?? [],
    globals:
      read('globals', (one) =>
        reader.entries(one, '`globals`').map(({ name, line, node: value }) => ({ line, name, value: plainOf(value) })),
      ) ?? [],
    printed: read('printed', (one) => ({
      line: one.line,
      texts: reader.items(one).map((text) => readPattern(reader, text)),
    })),
    records:
      read('records', (one) =>
        reader
          .entries(one, '`records`')
          .map(({ name, line, node: values }) => ({ line, map: name, values: reader.items(values).map(plainOf) })),
      ) ?? [],
    instructions: read('instructions', (one) => ({ line: one.line, most: reader.whole(one, '`instructions`', 1) })),
  };
}

/** A line as it is, or between slashes a regular expression, with flags behind the second. */
function readPattern(reader: NodeReader, node: SourceNode): string | RegExp {
  const text = reader.text(node, 'a line');
  const [, source, flags] = /^\/(.*)\/([a-z]*)$/s.exec(text) ?? [];
  if (source === undefined) return text;
  try {
    // What is found does not depend on what was looked for before.
    return new RegExp(source, flags?.replace(/[gy]/g, ''));
  } catch (error) {
    return reader.fail(node.line, error instanceof Error ? error.message : String(error));
  }
}

function nothing(line: number): Expectation {
  return {
    line,
    verdict: undefined,
    verdicts: undefined,
    packet: undefined,
    fields: [],
    redirect: undefined,
    maps: [],
    globals: [],
    printed: undefined,
    records: [],
    instructions: undefined,
  };
}

function readCounts(reader: NodeReader, node: SourceNode): { line: number; counts: Record<string, number> } {
  const counts = reader.entries(node, '`verdicts`').map(({ name, line, node: n }): [string, number] => {
    const verdict = verdictOf(reader, { kind: 'scalar', line, value: name, text: name });
    return [verdict, reader.whole(n, `\`${name}\``, 0)];
  });
  return { line: node.line, counts: Object.fromEntries(counts) };
}

/** `3` is interface 3. */
function redirectTarget(reader: NodeReader, node: SourceNode): ReadonlyMap<string, SourceNode> {
  const fields =
    node.kind === 'scalar' ? new Map([['ifindex', node]]) : reader.fields(node, '`redirect`', redirectFields);
  if (fields.size === 0) reader.fail(node.line, '`redirect` says nothing', `fields are ${redirectFields.join(', ')}`);
  for (const [name, value] of fields) if (name !== 'map') redirectNumber(reader, name, value);
  return fields;
}

/** A device map that sends to all of its interfaces has several of them. */
function redirectNumber(reader: NodeReader, name: string, node: SourceNode): void {
  const what = node.line === 0 || name !== 'ifindex' ? `\`${name}\`` : 'an interface';
  const text = reader.text(node, what);
  if (name === 'ifindex' && /^\d+(,\d+)*$/.test(text)) return;
  reader.whole(node, `\`redirect\`: ${what}`, 0);
}

/** Maps with entries, as in map files; in expectations a `size` beside them. */
export function readMaps(reader: NodeReader, node: SourceNode): MapLines[] {
  return reader.entries(node, '`maps`').map(({ name, line, node: contents }): MapLines => {
    const fields =
      contents.kind === 'map' ? reader.fields(contents, `map \`${name}\``, ['size', 'entries']) : undefined;
    const size = fields?.get('size');
    const list = fields === undefined ? contents : fields.get('entries');
    if (list !== undefined && list.kind !== 'list')
      reader.fail(list.line, `map \`${name}\` is no list of entries`, '- {key: 1, value: 2}');
    const entries = list?.kind === 'list' ? list.items : [];
    return {
      map: name,
      line,
      size: size === undefined ? undefined : reader.whole(size, '`size`', 0),
      entries: entries.map((entry) => {
        const parts = reader.fields(entry, 'an entry', ['key', 'value', 'values', 'cpu', 'absent']);
        const absent = parts.get('absent');
        const value = parts.get('value') ?? parts.get('values');
        if (absent !== undefined && reader.truth(absent, '`absent`') && value !== undefined)
          reader.fail(value.line, 'an element that is absent has no value');
        return { line: entry.line, json: plainOf(entry) as Record<string, unknown> };
      }),
    };
  });
}
