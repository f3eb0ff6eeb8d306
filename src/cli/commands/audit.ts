import { resolve } from 'node:path';
import { Command } from 'commander';
import {
  type AuditQuery,
  type NameLookup,
  parseDecision,
  parseOutcome,
  parseTime,
  queryRecords,
} from '../../audit/audit-query.ts';
import { csvLines } from '../../audit/csv.ts';
import { showRecord } from '../../audit/story.ts';
import { storyJson, storyText } from '../../audit/story-text.ts';
import { toTable } from '../../audit/table.ts';
import { UserError } from '../../core/errors.ts';
import type { JournalEntry, JournalReader } from '../../model/journal.ts';
import { createRedactor } from '../../redact/redactor.ts';
import { DEFAULT_CONFIG_PATH, requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';
import { createVerifyCommand } from './audit-verify.ts';

/** Opens a journal for reading beside its worker. */
export type OpenReader = (path: string) => Promise<JournalReader>;

const NOTHING_FOUND = 3;
const MOST_RECORDS = 100_000;
const DEFAULT_WIDTH = 80;

interface PlaceOptions {
  readonly config?: string;
  readonly journal?: string;
}

interface QueryOptions extends PlaceOptions {
  readonly customer?: string;
  readonly principal?: string;
  readonly api?: string;
  readonly stage?: string;
  readonly decision?: string;
  readonly outcome?: string;
  readonly record?: string;
  readonly event?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit: string;
  readonly format?: string;
  readonly json?: true;
  readonly allRevisions?: true;
}

/** `gatewatch audit query | show | verify`: looks into the journal beside a running worker. */
export function createAuditCommand(context: CliContext, openReader: OpenReader): Command {
  return new Command('audit')
    .description('look into the audit trail, beside a running worker')
    .addHelpText('after', '\nExample:\n  gatewatch audit query --decision deny --from 2h')
    .addCommand(createQueryCommand(context, openReader))
    .addCommand(createShowCommand(context, openReader))
    .addCommand(
      createVerifyCommand(context, { withPlace, pathOf: (options) => placeOf(context, options).journal }),
    );
}

function createQueryCommand(context: CliContext, openReader: OpenReader): Command {
  return withPlace(new Command('query'))
    .description('list requests, newest first')
    .option('--customer <name>', 'customer, in clear or as a pseudonym')
    .option('--principal <name>', 'principal, in clear or as a pseudonym')
    .option('--api <name>', 'name or id of the API')
    .option('--stage <name>', 'stage')
    .option('--decision <decision>', 'allow, deny, refused_before, error or unknown')
    .option('--outcome <outcome>', 'how the request was joined, e.g. matched, cached_decision, ambiguous')
    .option('--record <id>', 'record id')
    .option('--event <id>', 'event id')
    .option('--from <time>', 'from this time: 2026-11-03T10:00Z, or how long ago: 2h')
    .option('--to <time>', 'up to this time, itself left out')
    .option('--limit <count>', `at most this many records, up to ${MOST_RECORDS}`, '100')
    .option('--all-revisions', 'every revision of a record, not just the newest')
    .option(
      '--format <format>',
      'table, csv, json (an array of records as stored) or jsonl (a line for each) (default: table)',
    )
    .option('--json', 'the same as --format json')
    .addHelpText('after', QUERY_EXAMPLES)
    .action((options: QueryOptions) => runQuery(context, openReader, options));
}

const QUERY_EXAMPLES = `
Examples:
  gatewatch audit query --decision deny --from 2h
  gatewatch audit query --customer C-1042 --from 2026-11-01 --to 2026-11-02 --format csv > c1042.csv
  gatewatch audit query --api orders --outcome ambiguous --json | jq '.[].recordId'`;

const SHOW_EXAMPLES = `
Examples:
  gatewatch audit show eFqE2DW9XIrCtYBMBoIlSWBOhTWMWmzzBdAO0oGzEpA
  gatewatch audit show -- -8s1kq0nQmBv3xYwZ2uR7tLc5dEaHfGjKpNoVbXyMsI   an id that begins with a dash stands after --`;

function createShowCommand(context: CliContext, openReader: OpenReader): Command {
  return withPlace(new Command('show'))
    .description(
      'tell the story of one record: what, who, why, how joined, where delivered; exit 3 if there is none',
    )
    .argument('<id>', 'record id or event id')
    .option('--json', 'as JSON')
    .addHelpText('after', SHOW_EXAMPLES)
    .action((id: string, options: PlaceOptions & { readonly json?: true }) =>
      runShow(context, openReader, id, options),
    );
}

function withPlace(command: Command): Command {
  return command
    .option(
      '-c, --config <path>',
      `configuration file: pseudonym keys and the journal (default: ${DEFAULT_CONFIG_PATH})`,
    )
    .option('--journal <path>', 'journal file, instead of the one the configuration names');
}

async function runQuery(context: CliContext, openReader: OpenReader, options: QueryOptions): Promise<void> {
  const print = printerOf(options, context);
  const query = auditQuery(options, context.now());
  const place = placeOf(context, options);
  const names = place.names ?? asWritten(context, options);
  const entries = await reading(openReader, place.journal, (reader) => queryRecords(reader, names, query));
  for (const piece of print(entries)) context.stdout.write(piece);
  if (entries.length === 0) context.stderr.write('no record matches\n');
  if (entries.length === query.limit)
    context.stderr.write(`stopped at --limit ${query.limit}; there may be more\n`);
}

async function runShow(
  context: CliContext,
  openReader: OpenReader,
  id: string,
  options: PlaceOptions & { readonly json?: true },
): Promise<void> {
  const { journal } = placeOf(context, options);
  const story = await reading(openReader, journal, (reader) => showRecord(reader, id));
  if (story === undefined) {
    context.stderr.write(`no record and no event has the id ${id} in ${journal}\n`);
    context.setExitCode(NOTHING_FOUND);
    return;
  }
  context.stdout.write(options.json ? storyJson(story) : storyText(story));
}

async function reading<T>(
  openReader: OpenReader,
  path: string,
  use: (reader: JournalReader) => Promise<T>,
): Promise<T> {
  const reader = await openReader(path);
  try {
    return await use(reader);
  } finally {
    await reader.close();
  }
}

/** Both from the configuration file, unless `--journal` stands alone and there is none. */
function placeOf(context: CliContext, options: PlaceOptions): { journal: string; names?: NameLookup } {
  const config = options.config ?? DEFAULT_CONFIG_PATH;
  const journal = options.journal === undefined ? undefined : resolve(context.cwd, options.journal);
  const hasConfig = options.config !== undefined || context.fileExists(resolve(context.cwd, config));
  if (journal !== undefined && !hasConfig) return { journal };
  const loaded = requireConfig(context, config);
  return { journal: journal ?? loaded.config.journal.path, names: createRedactor(loaded.config.redaction) };
}

function asWritten(context: CliContext, options: QueryOptions): NameLookup {
  if (options.customer !== undefined || options.principal !== undefined) {
    context.stderr.write('no configuration with pseudonym keys: names are looked up as written\n');
  }
  return { pseudonymsUnderEveryKey: (_, name) => [name] };
}

function auditQuery(options: QueryOptions, nowMs: number): AuditQuery {
  const { customer, principal, api, stage, decision, outcome, record, event, from, to } = options;
  const fromMs = from === undefined ? undefined : parseTime('--from', from, nowMs);
  const toMs = to === undefined ? undefined : parseTime('--to', to, nowMs);
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    throw new UserError('audit_span', `Expected --from to be before --to, got ${from} and ${to}.`);
  }
  return {
    ...(customer !== undefined && { customer }),
    ...(principal !== undefined && { principal }),
    ...(api !== undefined && { api }),
    ...(stage !== undefined && { stage }),
    ...(decision !== undefined && { decision: parseDecision(decision) }),
    ...(outcome !== undefined && { outcome: parseOutcome(outcome) }),
    ...(record !== undefined && { recordId: record }),
    ...(event !== undefined && { eventId: event }),
    ...(fromMs !== undefined && { fromMs }),
    ...(toMs !== undefined && { toMs }),
    limit: parseLimit(options.limit),
    revisions: options.allRevisions ? 'all' : 'latest',
  };
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= MOST_RECORDS) return limit;
  throw new UserError(
    'audit_limit',
    `Expected --limit to be a whole number from 1 to ${MOST_RECORDS}, got \`${text}\`.`,
  );
}

/** In pieces of a record each: all of them as one text would be hundreds of megabytes. */
type Printer = (entries: readonly JournalEntry[]) => Iterable<string>;

function printerOf({ format, json }: Pick<QueryOptions, 'format' | 'json'>, context: CliContext): Printer {
  if (json === true && format !== undefined && format !== 'json') {
    throw new UserError('audit_format', `Expected --json or --format ${format}, got both: leave one out.`);
  }
  const named = json === true ? 'json' : (format ?? 'table');
  switch (named) {
    case 'table':
      return (entries) =>
        entries.length === 0 ? [] : [toTable(entries, context.stdout.columns ?? DEFAULT_WIDTH)];
    case 'json':
      return jsonItems;
    case 'jsonl':
      return jsonLines;
    case 'csv':
      return csvLines;
    default:
      throw new UserError(
        'audit_format',
        `Expected --format to be table, csv, json or jsonl, got \`${named}\`.`,
      );
  }
}

function* jsonItems(entries: readonly JournalEntry[]): Generator<string> {
  yield '[';
  let before = '\n';
  for (const { body } of entries) {
    yield before + body;
    before = ',\n';
  }
  yield entries.length === 0 ? ']\n' : '\n]\n';
}

function* jsonLines(entries: readonly JournalEntry[]): Generator<string> {
  for (const { body } of entries) yield `${body}\n`;
}
