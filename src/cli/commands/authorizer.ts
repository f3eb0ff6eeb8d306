import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { messageOf, UserError } from '../../core/errors.ts';
import { matchesGlob } from '../../inventory/glob.ts';
import type { LogPart } from '../../model/part.ts';
import { createRedactor } from '../../redact/redactor.ts';
import { createAuthorizerLogReader } from '../../sources/authorizer-logs/authorizer-log-reader.ts';
import { formFromConfig } from '../../sources/authorizer-logs/form-from-config.ts';
import { AUTO_FORM, type AuthorizerFormSettings } from '../../sources/authorizer-logs/settings.ts';
import { DEFAULT_CONFIG_PATH, requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';

const PRESETS = ['auto', 'text', 'lambda_json', 'powertools', 'custom'] as const;

interface TryOptions {
  readonly preset?: (typeof PRESETS)[number];
  readonly config?: string;
  readonly name?: string;
  readonly function?: string;
}

/** `gatewatch authorizer try`: what Gatewatch would find in an authorizer's lines, before it is left to run. */
export function authorizerCommand(context: CliContext): Command {
  return new Command('authorizer')
    .description('look at how authorizers log')
    .addHelpText('after', EXAMPLE)
    .addCommand(createTryCommand(context));
}

const EXAMPLE =
  '\nExample:\n  gatewatch authorizer try sample.log --config gatewatch.yaml --name legacy-token\n' +
  '  aws logs tail /aws/lambda/authz --format short | gatewatch authorizer try - --preset text';

function createTryCommand(context: CliContext): Command {
  return new Command('try')
    .description(
      'read sample lines, one event a line, and show what a preset or the configuration finds in each',
    )
    .argument('<file>', 'file of sample lines, or - for standard input')
    .addOption(new Option('-p, --preset <preset>', 'form of the lines').choices(PRESETS))
    .option('-c, --config <path>', 'configuration file whose `authorizers:` entry is tried')
    .option('-n, --name <name>', 'authorizer name that the entry matches')
    .option('-f, --function <name>', 'Lambda function name that the entry matches')
    .addHelpText('after', EXAMPLE)
    .action((file: string, options: TryOptions) => {
      const parts = readSample(linesOf(context, file), formOf(context, options));
      context.stdout.write(`${table(parts.map(rowOf))}\n${summaryOf(parts)}`);
    });
}

function formOf(context: CliContext, options: TryOptions): AuthorizerFormSettings {
  const configured = isConfigWanted(options) ? configuredForm(context, options) : AUTO_FORM;
  return options.preset === undefined ? configured : { ...configured, preset: options.preset };
}

function isConfigWanted(options: TryOptions): boolean {
  return options.config !== undefined || options.name !== undefined || options.function !== undefined;
}

function configuredForm(context: CliContext, options: TryOptions): AuthorizerFormSettings {
  const path = options.config ?? DEFAULT_CONFIG_PATH;
  const { authorizers } = requireConfig(context, path).config;
  if (options.name === undefined && options.function === undefined) {
    throw new UserError(
      'authorizer_name',
      `Expected --name or --function beside --config, to know which entry of \`authorizers:\` to try, got neither.`,
    );
  }
  const rule = authorizers.find(
    ({ match }) => fits(match.name, options.name) && fits(match.function, options.function),
  );
  if (rule !== undefined) return formFromConfig(rule);
  context.stderr.write(
    `No entry of \`authorizers:\` in ${path} matches; the lines are read with every preset.\n`,
  );
  return AUTO_FORM;
}

function fits(pattern: string | undefined, name: string | undefined): boolean {
  return pattern === undefined || (name !== undefined && matchesGlob(pattern, name));
}

function linesOf(context: CliContext, file: string): readonly string[] {
  let text: string;
  try {
    text = context.readFile(file === '-' ? '/dev/stdin' : resolve(context.cwd, file));
  } catch (cause) {
    throw new UserError(
      'authorizer_file',
      `Expected to read ${file}, got ${messageOf(cause)}; check its name.`,
      {
        cause,
      },
    );
  }
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}

/** Names stay readable: whoever tries a preset must see which values it took. Secrets are still redacted. */
function readSample(lines: readonly string[], form: AuthorizerFormSettings): readonly LogPart[] {
  const read = createAuthorizerLogReader({
    group: { account: 'sample', region: 'sample', logGroup: 'sample' },
    unit: 'sample',
    form,
    redactor: createRedactor({ keys: [], pseudonymise: [] }),
    customerOf: new Map(),
  });
  return read(
    lines.map((message, i) => ({
      eventId: `${i}`,
      logStream: 'sample',
      timestampMs: i,
      ingestionMs: i,
      message,
    })),
  );
}

const COLUMNS = [
  'line',
  'is',
  'invocation',
  'decision',
  'reason',
  'principal',
  'customer',
  'gateway request id',
];
const FIELDS = ['decision', 'reason', 'principal', 'customer', 'gatewayRequestId', 'connectionId'] as const;
const LONGEST_CELL = 40;

function rowOf(part: LogPart, index: number): readonly string[] {
  const number = String(index + 1);
  if (part.role === 'unparsed') return [number, 'unparsed', '', '', part.problem];
  if (part.role === 'filtered') return [number, 'filtered', '', '', part.rule];
  if (part.role === 'access') return [number];
  const { decision, reason, principal, customer, gatewayRequestId } = part;
  const values = [decision, reason, principal, customer, gatewayRequestId].map((value) => value ?? '-');
  return [number, part.line, part.lambdaRequestId.slice(0, 8), ...values];
}

function table(rows: readonly (readonly string[])[]): string {
  const cells = [COLUMNS, ...rows].map((row) =>
    COLUMNS.map((_, i) => clipped(row[i] ?? '', row.length <= 5 && i === row.length - 1)),
  );
  const widths = COLUMNS.map((_, i) =>
    Math.max(...cells.map((row) => Math.min(LONGEST_CELL, row[i]?.length ?? 0))),
  );
  return cells
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function clipped(cell: string, isLast: boolean): string {
  return isLast || cell.length <= LONGEST_CELL ? cell : `${cell.slice(0, LONGEST_CELL - 1)}…`;
}

function summaryOf(parts: readonly LogPart[]): string {
  const lines = parts.filter((part) => part.role === 'authorizer');
  const invocations = new Set(lines.map((line) => line.lambdaRequestId)).size;
  const missing = FIELDS.filter((field) => lines.every((line) => line[field] === undefined));
  const count = (role: LogPart['role']) => parts.filter((part) => part.role === role).length;
  return [
    '',
    `${parts.length} lines: ${lines.length} of ${invocations} invocations, ${count('filtered')} filtered, ${count('unparsed')} unparsed.`,
    `Found nowhere: ${missing.join(', ') || 'nothing, every field was found'}.`,
    ...(missing.includes('decision')
      ? ['Without a decision, allow and deny come from the access line alone: set `fields.decision`.']
      : []),
    '',
  ].join('\n');
}
