import { Command } from 'commander';
import { CONSTANT_SPLUNK_FIELDS, FIELDS, type Field } from '../../catalog/fields.ts';
import type { CliContext } from '../context.ts';

/** `gatewatch fields [--json | --markdown]`: what each field is called in the journal, CSV, Splunk and Dynatrace. */
export function createFieldsCommand(context: CliContext): Command {
  return new Command('fields')
    .description(
      'print the field dictionary: every field, its unit, its redaction, its name at each destination',
    )
    .option('--json', 'as JSON')
    .option('--markdown', 'as Markdown')
    .addHelpText('after', '\nExample:\n  gatewatch fields --markdown > fields.md')
    .action((options: { json?: true; markdown?: true }) => {
      if (options.json) context.stdout.write(`${JSON.stringify(FIELDS, null, 2)}\n`);
      else context.stdout.write(options.markdown ? fieldsMarkdown() : fieldsText());
    });
}

const HEADINGS = [
  'Field',
  'Records',
  'Type',
  'Unit',
  'CSV',
  'Splunk Web',
  'Splunk Authentication',
  'Splunk metric',
  'Splunk alarm',
  'Dynatrace log',
  'Dynatrace metric',
  'Redaction',
  'Meaning',
];

export function fieldsMarkdown(): string {
  const rows = [HEADINGS, HEADINGS.map(() => '---'), ...FIELDS.map(cells)];
  const constants = Object.entries(CONSTANT_SPLUNK_FIELDS).map(
    ([name, value]) => `\`${name}\` = \`${value}\``,
  );
  return `${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n\nThe same on every Splunk event: ${constants.join(', ')}.\n`;
}

function cells(field: Field): readonly string[] {
  const names = (list: readonly (string | undefined)[]) =>
    list.flatMap((name) => (name === undefined ? [] : [`\`${name}\``])).join(', ');
  return [
    names([field.name]),
    field.of.join(', '),
    field.type,
    field.unit ?? '',
    names([field.csv]),
    names(field.splunkWeb ?? []),
    names(field.splunkAuthentication ?? []),
    names([field.splunkMetric]),
    names([field.splunkAlarm]),
    names([field.dynatrace]),
    names([field.dynatraceMetric]),
    field.redaction,
    field.description,
  ];
}

/** One block per field, narrow enough for any terminal. */
function fieldsText(): string {
  return FIELDS.map(block).join('\n');
}

function block(field: Field): string {
  const unit = field.unit === undefined ? '' : ` in ${field.unit}`;
  const named: readonly (readonly [string, string | undefined])[] = [
    ['records', field.of.join(', ')],
    ['csv', field.csv],
    ['splunk web', field.splunkWeb?.join(', ')],
    ['splunk auth', field.splunkAuthentication?.join(', ')],
    ['splunk metric', field.splunkMetric],
    ['splunk alarm', field.splunkAlarm],
    ['dynatrace', field.dynatrace],
    ['dt metric', field.dynatraceMetric],
  ];
  const lines = named.flatMap(([label, name]) =>
    name === undefined ? [] : [`  ${label.padEnd(14)}${name}\n`],
  );
  return `${field.name} (${field.type}${unit}, ${field.redaction})\n  ${field.description}.\n${lines.join('')}`;
}
