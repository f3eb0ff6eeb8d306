import { resolve } from 'node:path';
import { Command } from 'commander';
import { UserError } from '../../core/errors.ts';
import type { JournalReader, StoredDeadLetter } from '../../model/journal.ts';
import { tableOf } from '../backfill-text.ts';
import { DEFAULT_CONFIG_PATH, requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';
import type { OrderHost } from '../follow-order.ts';
import type { OpenReader } from './audit.ts';
import { createDropCommand, createRetryCommand } from './dead-letter-orders.ts';

interface PlaceOptions {
  readonly config: string;
  readonly journal?: string;
  readonly lane?: string;
  readonly json?: true;
}

const NOTHING_FOUND = 3;

/** `gatewatch dead-letters`: what a destination refused for good, and why; `retry` and `drop` order what becomes of it. */
export function createDeadLettersCommand(
  context: CliContext,
  openReader: OpenReader,
  host: OrderHost,
): Command {
  return new Command('dead-letters')
    .description('records that a destination refused for good, each with the reason')
    .addHelpText('after', '\nExample:\n  gatewatch dead-letters list --lane splunk-main/records/live')
    .addCommand(
      withPlace(new Command('list'))
        .description('list them by lane and sequence number')
        .addHelpText('after', '\nExample:\n  gatewatch dead-letters list --json')
        .action((options: PlaceOptions) => runList(context, openReader, options)),
    )
    .addCommand(
      withPlace(new Command('show'))
        .description('print one as it was to be sent; exit 3 if there is none')
        .argument('<seq>', 'sequence number, as `list` prints it')
        .addHelpText('after', '\nExample:\n  gatewatch dead-letters show 48211')
        .action((seq: string, options: PlaceOptions) => runShow(context, openReader, seq, options)),
    )
    .addCommand(createRetryCommand(context, openReader, host))
    .addCommand(createDropCommand(context, openReader, host));
}

function withPlace(command: Command): Command {
  return command
    .option('--lane <name>', 'only of this lane')
    .option('--json', 'as JSON')
    .option('--journal <path>', 'journal file, instead of the one the configuration names')
    .option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH);
}

async function runList(context: CliContext, openReader: OpenReader, options: PlaceOptions): Promise<void> {
  await reading(context, openReader, options, async (reader) => {
    const letters = await reader.deadLetters(options.lane);
    context.stdout.write(options.json ? `${JSON.stringify(letters, null, 2)}\n` : listText(letters));
    for (const { lane, rejectedUnknown } of await reader.lanes()) {
      if (rejectedUnknown === 0 || (options.lane ?? lane) !== lane) continue;
      context.stderr.write(
        `${lane}: ${rejectedUnknown} more refused without being named, so they are in no list; the worker's log says among which rows\n`,
      );
    }
  });
}

function listText(letters: readonly StoredDeadLetter[]): string {
  if (letters.length === 0) return 'no dead letters\n';
  const rows = letters.map((letter) => [
    letter.lane,
    String(letter.seq),
    letter.status,
    `${letter.attempts}`,
    timeText(letter.atMs),
    letter.recordId,
    letter.reason,
  ]);
  return `${tableOf([['lane', 'seq', 'status', 'tries', 'refused at', 'record', 'reason'], ...rows]).join('\n')}\n`;
}

async function runShow(
  context: CliContext,
  openReader: OpenReader,
  text: string,
  options: PlaceOptions,
): Promise<void> {
  const seq = Number(text);
  if (!/^\d+$/.test(text) || seq < 1)
    throw new UserError(
      'dead_letter_seq',
      `Expected a sequence number as \`list\` prints it, got \`${text}\`.`,
    );
  await reading(context, openReader, options, async (reader) => {
    const letters = (await reader.deadLetters(options.lane)).filter((letter) => letter.seq === seq);
    if (letters.length === 0) {
      context.stderr.write(`no dead letter has the sequence number ${text}\n`);
      context.setExitCode(NOTHING_FOUND);
    }
    for (const letter of letters)
      context.stdout.write(await letterText(reader, letter, options.json === true));
  });
}

async function letterText(reader: JournalReader, letter: StoredDeadLetter, asJson: boolean): Promise<string> {
  const [row] = await reader.rowsAt([letter.seq]);
  const record = row?.record;
  if (asJson) return `${JSON.stringify({ ...letter, record })}\n`;
  const { lane, seq, atMs, reason, attempts } = letter;
  const head = `${lane} refused ${seq} at ${timeText(atMs)}${attempts > 1 ? `, try ${attempts}` : ''}: ${reason}`;
  return `${head}\n${endText(letter)}${JSON.stringify(record, null, 2)}\n`;
}

function endText({ status, ended }: StoredDeadLetter): string {
  if (ended === undefined) return '';
  const who = ended.by === undefined ? '' : ` by ${ended.by}`;
  const why = ended.note === undefined ? '' : `: ${ended.note}`;
  return `${status} at ${timeText(ended.atMs)}${who} (order ${ended.order})${why}\n`;
}

async function reading(
  context: CliContext,
  openReader: OpenReader,
  options: PlaceOptions,
  use: (reader: JournalReader) => Promise<void>,
): Promise<void> {
  const path =
    options.journal === undefined
      ? requireConfig(context, options.config).config.journal.path
      : resolve(context.cwd, options.journal);
  const reader = await openReader(path);
  try {
    await use(reader);
  } finally {
    await reader.close();
  }
}

function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
