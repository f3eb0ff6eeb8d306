import { resolve } from 'node:path';
import { Command } from 'commander';
import { UserError } from '../../core/errors.ts';
import type { StoredDeadLetter } from '../../model/journal.ts';
import type { Order } from '../../model/order.ts';
import { DEFAULT_CONFIG_PATH, requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';
import { LEFT_UNDONE, newOrder, type OrderHost, placeAndFollow } from '../follow-order.ts';
import type { OpenReader } from './audit.ts';

interface ChoiceOptions {
  readonly config: string;
  readonly journal?: string;
  readonly lane?: string;
  readonly seq?: number;
  readonly all?: true;
  readonly detach?: true;
}

interface DropOptions extends ChoiceOptions {
  readonly reason: string;
}

const RETRY_EXAMPLES = `
Examples:
  gatewatch dead-letters retry --lane splunk-main/records/live --all
  gatewatch dead-letters retry --seq 48211

Each is sent once more, live rows first. One that is delivered is kept and says so; one that is refused again stays with
the new reason, and is not tried again by itself. Lines that no parser could read are no dead letters: they are delivered
as records marked \`unparsed\`.`;

const DROP_EXAMPLES = `
Example:
  gatewatch dead-letters drop --seq 48211 --reason "test traffic, the index was deleted"

The dead letter is kept, with who dropped it, when and why.`;

/** `gatewatch dead-letters retry`. */
export function createRetryCommand(context: CliContext, openReader: OpenReader, host: OrderHost): Command {
  return withChoice(new Command('retry'))
    .description('send them again; exit 3 if there are none or some were refused again')
    .addHelpText('after', RETRY_EXAMPLES)
    .action(async (options: ChoiceOptions) => {
      const ended = await order(context, openReader, host, options, ({ lane, seq }) => ({
        ...newOrder(context, host, askedText(options)),
        kind: 'retry',
        lane,
        ...(seq !== undefined && { seq }),
      }));
      if (ended.some(hasRefused)) context.setExitCode(LEFT_UNDONE);
    });
}

/** `gatewatch dead-letters drop`. */
export function createDropCommand(context: CliContext, openReader: OpenReader, host: OrderHost): Command {
  return withChoice(new Command('drop'))
    .description('give them up for good, which is kept with the reason; exit 3 if there are none')
    .requiredOption('--reason <text>', 'why, for those who ask later')
    .addHelpText('after', DROP_EXAMPLES)
    .action(async (options: DropOptions) => {
      const reason = options.reason.trim();
      if (reason === '')
        throw new UserError('dead_letter_reason', 'Expected --reason to say why, got an empty text.');
      await order(context, openReader, host, options, ({ lane, seq }) => ({
        ...newOrder(context, host, askedText(options)),
        kind: 'drop',
        lane,
        reason,
        ...(seq !== undefined && { seq }),
      }));
    });
}

function withChoice(command: Command): Command {
  return command
    .option('--lane <name>', 'only of this lane')
    .option('--seq <number>', 'the one with this sequence number, as `list` prints it', seqOption)
    .option('--all', 'all that are refused')
    .option('--detach', 'hand the order over and end')
    .option('--journal <path>', 'journal file, instead of the one the configuration names')
    .option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH);
}

function seqOption(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new UserError(
    'dead_letter_seq',
    `Expected --seq to be a sequence number as \`list\` prints it, got \`${text}\`.`,
  );
}

function askedText({ lane, seq }: ChoiceOptions): string {
  return `${seq === undefined ? '--all' : `--seq ${seq}`}${lane === undefined ? '' : ` --lane ${lane}`}`;
}

interface LaneChoice {
  readonly lane: string;
  readonly seq?: number;
}

/** One order for each lane that has some of those meant. */
async function order(
  context: CliContext,
  openReader: OpenReader,
  host: OrderHost,
  options: ChoiceOptions,
  orderOf: (choice: LaneChoice) => Order,
): Promise<readonly Order[]> {
  const { seq, all, detach } = options;
  if ((seq === undefined) === (all === undefined))
    throw new UserError('dead_letter_choice', 'Expected either --seq with a number or --all.');
  const path =
    options.journal === undefined
      ? requireConfig(context, options.config).config.journal.path
      : resolve(context.cwd, options.journal);
  const letters = await lettersOf(openReader, path, options);
  const refused = letters.filter(({ status }) => status === 'refused');
  if (refused.length === 0) {
    context.stderr.write(`${noneText(letters, options)}\n`);
    context.setExitCode(LEFT_UNDONE);
    return [];
  }
  const lanes = [...new Set(refused.map(({ lane }) => lane))];
  const orders = lanes.map((lane) => orderOf({ lane, ...(seq !== undefined && { seq }) }));
  return placeAndFollow(context, host, path, orders, { detach: detach === true, doneText });
}

async function lettersOf(
  openReader: OpenReader,
  path: string,
  { lane, seq }: ChoiceOptions,
): Promise<readonly StoredDeadLetter[]> {
  const reader = await openReader(path);
  try {
    const letters = await reader.deadLetters(lane);
    return seq === undefined ? letters : letters.filter((letter) => letter.seq === seq);
  } finally {
    await reader.close();
  }
}

function noneText(letters: readonly StoredDeadLetter[], { lane, seq }: ChoiceOptions): string {
  const where = lane === undefined ? '' : ` of lane ${lane}`;
  const [ended] = letters;
  if (seq === undefined || ended?.ended === undefined)
    return `no dead letter${where} is refused${seq === undefined ? '' : ` with the sequence number ${seq}`}`;
  return `dead letter ${seq}${where} was ${ended.status} at ${new Date(ended.ended.atMs).toISOString()}`;
}

function doneText(order: Order): string {
  const what = 'lane' in order ? order.lane : order.kind;
  return `${order.kind === 'drop' ? 'Drop' : 'Retry'} of ${what} done: ${order.message ?? 'nothing was kept of its result'}.`;
}

/** What was expired or left out by a filter is not delivered either. */
function hasRefused({ progress }: Order): boolean {
  const { rejected = 0, expired = 0, filtered = 0 } = progress;
  return rejected + expired + filtered > 0;
}
