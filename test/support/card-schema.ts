/** The JSON schema of card descriptions, made of the table of parameters. */
import { bases, cardKinds, type ParameterRow, parameterRows } from '../../src/nic/index.js';

type Schema = Readonly<Record<string, unknown>>;

function valueSchema({ type, words, least }: ParameterRow): Schema {
  switch (type) {
    case 'word':
      return { enum: words };
    case 'words':
      return { type: 'array', minItems: 1, items: { enum: words } };
    default:
      return { type, minimum: least };
  }
}

function parameterSchema(row: ParameterRow): Schema {
  return {
    description: row.what,
    $ref: '#/$defs/parameter',
    type: 'object',
    properties: { value: valueSchema(row), ...(row.unit === '' ? {} : { unit: { const: row.unit } }) },
    ...(row.unit === '' ? {} : { required: ['unit'] }),
    unevaluatedProperties: false,
  };
}

/** What all parameters have. */
const parameter: Schema = {
  type: 'object',
  properties: { value: true, basis: { enum: bases }, source: { type: 'string' } },
  required: ['value', 'basis', 'source'],
};

/** Rows below a path as an object. */
function treeSchema(rows: readonly (readonly [string, ParameterRow])[]): Schema {
  const properties: Record<string, Schema> = {};
  let additional: Schema | false = false;
  for (const field of new Set(rows.map(([path]) => path.split('.')[0] ?? ''))) {
    const here = rows.filter(([path]) => path.split('.')[0] === field);
    const [only] = here;
    const made =
      here.length === 1 && only !== undefined && !only[0].includes('.')
        ? parameterSchema(only[1])
        : treeSchema(here.map(([path, row]) => [path.slice(field.length + 1), row] as const));
    if (field === '*') additional = made;
    else properties[field] = made;
  }
  return { type: 'object', properties, additionalProperties: additional };
}

/** The schema as its file has it. */
export function cardSchemaText(): string {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'jitnic.card-file/1',
    title: 'A description of a card, for jitnic card and --card',
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      name: { type: 'string', pattern: '^[a-z0-9][a-z0-9._-]*$' },
      like: { type: 'string' },
      kind: { enum: cardKinds },
      title: { type: 'string' },
      parameters: treeSchema(parameterRows.map((row) => [row.path, row] as const)),
    },
    required: ['name'],
    additionalProperties: false,
    $defs: { parameter },
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
