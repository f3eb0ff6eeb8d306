import { inputJsonSchema, type JsonSchema } from '../documents/schema-lookup.ts';
import { gatewatchConfig } from './gatewatch-config.ts';

export interface OptionRow {
  /** Dotted; `NAME` stands for a name of the user's choice, `[]` for a position in a list. */
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  /** As YAML on one line; empty without one. */
  readonly default: string;
  readonly meaning: string;
  readonly example: string;
}

/** Every option of `gatewatch.yaml` from the schema that also validates it, in the order of the schema. */
export function optionRows(): readonly OptionRow[] {
  return rowsBelow(inputJsonSchema(gatewatchConfig), '');
}

/** The option reference as a Markdown page. */
export function optionReferenceMarkdown(): string {
  const rows = optionRows().map((row) => {
    const fallback = row.required ? '*required*' : code(row.default);
    return `| ${code(row.path)} | ${row.type} | ${fallback} | ${cell(row.meaning)} | ${code(row.example)} |`;
  });
  return [
    '# Options of gatewatch.yaml',
    '',
    'Any single value may be a reference: `${' +
      'env:NAME}` or `${' +
      'file:PATH}` (relative to the file). `$${' +
      '` is a literal `${' +
      '`.',
    'Durations are written `90s`, `5m`, `1h30m`; sizes `512KiB`, `2MiB`.',
    '',
    '| option | type | default | meaning | example |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function rowsBelow(schema: JsonSchema, path: string): readonly OptionRow[] {
  const required = new Set(schema.required ?? []);
  const rows: OptionRow[] = [];
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    if (typeof child === 'object') rows.push(...rowsOf(child, join(path, name), required.has(name)));
  }
  return rows;
}

function rowsOf(schema: JsonSchema, path: string, required: boolean): readonly OptionRow[] {
  const rows: OptionRow[] = [rowOf(schema, path, required), ...rowsBelow(schema, path)];
  const entries = schema.additionalProperties;
  if (typeof entries === 'object') rows.push(...entryRows(entries, join(path, 'NAME')));
  const items = schema.items;
  if (typeof items === 'object' && !Array.isArray(items)) rows.push(...entryRows(items, `${path}[]`));
  return rows;
}

/** Entries of a map or list: their options; for alternatives those of each, told apart by `type`. */
function entryRows(schema: JsonSchema, path: string): readonly OptionRow[] {
  if (schema.oneOf === undefined) return rowsBelow(schema, path);
  return schema.oneOf.flatMap((alternative) => {
    if (typeof alternative !== 'object') return [];
    const type = alternative.properties?.type;
    const name = typeof type === 'object' ? String(type.const) : 'other';
    return rowsBelow(alternative, `${path}(${name})`);
  });
}

function rowOf(schema: JsonSchema, path: string, required: boolean): OptionRow {
  const examples: unknown = schema.examples;
  const example: unknown = Array.isArray(examples) ? examples[0] : schema.const;
  return {
    path,
    type: typeName(schema),
    required,
    default: schema.default === undefined ? '' : JSON.stringify(schema.default),
    meaning: schema.description ?? '',
    example: example === undefined ? '' : JSON.stringify(example),
  };
}

const FORMAT_NAMES: Readonly<Record<string, string>> = {
  'duration-text': 'duration',
  'size-text': 'size',
  secret: 'secret',
  cron: 'cron expression',
  glob: 'pattern',
  uri: 'URL',
};

function typeName(schema: JsonSchema): string {
  const named = FORMAT_NAMES[schema.format ?? ''];
  if (named !== undefined) return named;
  if (schema.enum !== undefined) return schema.enum.map(String).join(', ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  switch (schema.type) {
    case 'array':
      return 'list';
    case 'object':
      return 'map';
    case 'string':
      return 'text';
    case 'integer':
      return 'whole number';
    default:
      return typeof schema.type === 'string' ? schema.type : 'map';
  }
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function code(text: string): string {
  return text === '' ? '' : `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
