import { Command } from 'commander';
import { parseTime } from '../../audit/audit-query.ts';
import { UserError } from '../../core/errors.ts';
import { type TrailProblem, type TrailReport, verifyTrail } from '../../store/verify-trail.ts';
import type { CliContext } from '../context.ts';

/** What the subcommands of `audit` share: how they find the journal. */
export interface JournalPlace {
  withPlace(command: Command): Command;
  pathOf(options: { readonly config?: string; readonly journal?: string }): string;
}

interface VerifyOptions {
  readonly config?: string;
  readonly journal?: string;
  readonly from?: string;
  readonly to?: string;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  gatewatch audit verify
  gatewatch audit verify --from 2026-11-01 --to 2026-11-08 --json > verified.json

Compares every stored record with the SHA-256 beside it, every sealed segment with the SHA-256 on record, and the row
numbers with each other, and reads every other table and index. It runs beside a worker and changes nothing. Exit 1
names what is not as it was stored.`;

/** `gatewatch audit verify`: is the trail what was stored? */
export function createVerifyCommand(context: CliContext, place: JournalPlace): Command {
  return place
    .withPlace(new Command('verify'))
    .description('compare the whole trail with its hashes and row numbers; exit 1 names what does not match')
    .option('--from <time>', 'from this event time: 2026-11-03T10:00Z, or how long ago: 30d')
    .option('--to <time>', 'up to this event time, itself left out')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action((options: VerifyOptions) => runVerify(context, place, options));
}

async function runVerify(context: CliContext, place: JournalPlace, options: VerifyOptions): Promise<void> {
  const { from, to } = options;
  const fromMs = from === undefined ? undefined : parseTime('--from', from, context.now());
  const toMs = to === undefined ? undefined : parseTime('--to', to, context.now());
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
    throw new UserError('audit_span', `Expected --from to be before --to, got ${from} and ${to}.`);
  const report = await verifyTrail({
    path: place.pathOf(options),
    onProgress: progressOn(context),
    ...(fromMs !== undefined && { fromMs }),
    ...(toMs !== undefined && { toMs }),
  });
  context.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : reportText(report));
  if (report.problems.length > 0) context.setExitCode(1);
}

/** One line that is written over on a terminal; nothing where it would fill a log. */
function progressOn({ stderr }: CliContext): (rows: number, ofRows: number) => void {
  if (stderr.isTTY !== true) return () => undefined;
  return (rows, ofRows) => {
    const percent = Math.floor((100 * rows) / Math.max(1, ofRows));
    stderr.write(`\r${counted(rows)} of ${counted(ofRows)} rows (${percent} %)${rows >= ofRows ? '\n' : ''}`);
  };
}

function reportText({ rows, segments, problems, remedy, absent }: TrailReport): string {
  const lines = problems.map(problemLine);
  if (remedy !== undefined) lines.push(`what to do: ${remedy}`);
  for (const { firstSeq, lastSeq, state, changedMs } of absent) {
    const when = new Date(changedMs).toISOString();
    lines.push(`note: rows ${firstSeq} to ${lastSeq} were ${state} at ${when}; a gap record says why`);
  }
  const where = segments === 1 ? '1 sealed segment' : `${segments} sealed segments`;
  const what = `${counted(rows)} rows compared, ${where} among them`;
  const verdict =
    problems.length === 0
      ? 'every row matches its hash and no number is missing'
      : `${counted(problems.length)} ${problems.length === 1 ? 'problem' : 'problems'}`;
  return `${[...lines, `${what}: ${verdict}`].join('\n')}\n`;
}

function problemLine({ seq, lastSeq, table, file, problem }: TrailProblem): string {
  if (table !== undefined) return `table ${table}: ${problem} (${file})`;
  if (seq === undefined) return `${file}: ${problem}`;
  return lastSeq === undefined
    ? `row ${seq} ${problem} (${file})`
    : `rows ${seq} to ${lastSeq}: each ${problem} (${file})`;
}

function counted(count: number): string {
  return count.toLocaleString('en-US');
}
