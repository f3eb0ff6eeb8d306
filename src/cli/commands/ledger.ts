import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { parseTime } from '../../audit/audit-query.ts';
import { type Settling, settlingLines } from '../../correlate/settling.ts';
import type {
  Checkpoint,
  Gap,
  JournalReader,
  LaneState,
  LedgerEntry,
  OutcomeCount,
  UncountedRows,
} from '../../model/journal.ts';
import { tableOf } from '../backfill-text.ts';
import { DEFAULT_CONFIG_PATH, requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';
import type { OpenReader } from './audit.ts';

interface LedgerOptions {
  readonly config: string;
  readonly journal?: string;
  readonly from: string;
  readonly to: string;
  readonly json?: true;
  readonly windows?: true;
}

/** What the windows of one unit held together. */
export interface UnitTotals {
  readonly unit: string;
  readonly read: number;
  readonly seen: number;
  readonly stored: number;
  readonly quarantined: number;
  readonly filtered: number;
  readonly unparsed: number;
  readonly gaps: number;
  /** Lines that were read, of any time, and wait for their partner. */
  readonly settling: number;
  /** `seen = stored + quarantined + filtered`. */
  readonly balanced: boolean;
}

export interface Ledger {
  readonly fromMs: number;
  readonly toMs: number;
  readonly units: readonly UnitTotals[];
  /** Rows of what waits for its partner that nobody can read: their lines are in no `settling`. Absent: none. */
  readonly unreadableSettling?: number;
  /** Each window or part of one that was committed, when asked for. */
  readonly windows?: readonly LedgerEntry[];
  readonly gaps: readonly Gap[];
  /** Requests of the span by how they were joined. */
  readonly outcomes: readonly OutcomeCount[];
  /** Rows that `outcomes` leaves out, because their segment is gone, away or damaged. */
  readonly uncounted: readonly UncountedRows[];
  readonly lanes: readonly LaneState[];
  /** How far each unit has been read, by live reading. */
  readonly checkpoints: readonly Pick<Checkpoint, 'unit' | 'readThroughMs'>[];
  readonly balanced: boolean;
}

const OUT_OF_BALANCE = 1;

const HELP = `
Examples:
  gatewatch ledger --from 7d
  gatewatch ledger --from 2026-11-01 --to 2026-11-02 --json

read      what CloudWatch showed, repeats included; seen: for the first time
stored    in a record of the trail; unparsed: of these, lines that no parser could read
filtered  platform lines that belong to no invocation; quarantined: refused, kept apart
settling  lines that wait for their partner now; gaps: spans that were lost, each with its reason below

A window is counted whole when it touches the span, so a first reading of hours shows in \`--from 5m\`.`;

/** `gatewatch ledger`: was everything that CloudWatch showed accounted for. Exit 1 when the books do not balance. */
export function createLedgerCommand(context: CliContext, openReader: OpenReader): Command {
  return new Command('ledger')
    .description(
      'what was read, stored, joined, missed and delivered, and what still waits; exit 1 if it does not add up',
    )
    .option('--from <time>', 'windows from this time: 2026-11-03T10:00Z, or how long ago', '24h')
    .addOption(new Option('--to <time>', 'up to this time, itself left out').default('0s', 'now'))
    .option('--windows', 'each window as well, not only what those of a unit held together')
    .option('--json', 'as JSON')
    .option('--journal <path>', 'journal file, instead of the one the configuration names')
    .option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH)
    .addHelpText('after', HELP)
    .action((options: LedgerOptions) => runLedger(context, openReader, options));
}

async function runLedger(context: CliContext, openReader: OpenReader, options: LedgerOptions): Promise<void> {
  const fromMs = parseTime('--from', options.from, context.now());
  const toMs = parseTime('--to', options.to, context.now());
  const path =
    options.journal === undefined
      ? requireConfig(context, options.config).config.journal.path
      : resolve(context.cwd, options.journal);
  const reader = await openReader(path);
  try {
    const ledger = await readLedger(reader, fromMs, toMs, options.windows === true);
    context.stdout.write(options.json ? `${JSON.stringify(ledger, null, 2)}\n` : ledgerText(ledger));
    if (!ledger.balanced) context.setExitCode(OUT_OF_BALANCE);
  } finally {
    await reader.close();
  }
}

async function readLedger(
  reader: JournalReader,
  fromMs: number,
  toMs: number,
  withWindows: boolean,
): Promise<Ledger> {
  const gaps = (await reader.gaps()).filter((gap) => gap.fromMs < toMs && gap.toMs > fromMs);
  const entries = await reader.ledger(fromMs, toMs);
  const { lines, unreadable } = await settlingLines(reader);
  const units = totalsOf(entries, gaps, lines);
  const windows = withWindows ? { windows: entries } : {};
  const { counts: outcomes, uncounted } = await reader.outcomes(fromMs, toMs);
  const checkpoints = (await reader.checkpoints()).map(({ unit, readThroughMs }) => ({
    unit,
    readThroughMs,
  }));
  const balanced = units.every((unit) => unit.balanced);
  // Replays are orders: `gatewatch orders` shows them.
  const lanes = (await reader.lanes()).filter((lane) => lane.class !== 'replay');
  const unsaid = unreadable === 0 ? {} : { unreadableSettling: unreadable };
  return {
    fromMs,
    toMs,
    units,
    ...unsaid,
    ...windows,
    gaps,
    outcomes,
    uncounted,
    lanes,
    checkpoints,
    balanced,
  };
}

/** One row per unit, also for those that have nothing but gaps or lines that wait. */
export function totalsOf(
  entries: readonly LedgerEntry[],
  gaps: readonly Gap[],
  settling: Settling = new Map(),
): UnitTotals[] {
  const named = [...entries, ...gaps].map(({ unit }) => unit);
  const names = new Set([...named, ...settling.keys()]);
  return [...names].sort().map((unit) => {
    const own = entries.filter((entry) => entry.unit === unit);
    const sum = (of: (entry: LedgerEntry) => number) => own.reduce((total, entry) => total + of(entry), 0);
    return {
      unit,
      read: sum((entry) => entry.read),
      seen: sum((entry) => entry.seen),
      stored: sum((entry) => entry.stored),
      quarantined: sum((entry) => entry.quarantined),
      filtered: sum((entry) => entry.filtered),
      unparsed: sum((entry) => entry.unparsed),
      gaps: gaps.filter((gap) => gap.unit === unit).length,
      settling: settling.get(unit) ?? 0,
      balanced: own.every(
        ({ seen, stored, quarantined, filtered }) => seen === stored + quarantined + filtered,
      ),
    };
  });
}

function ledgerText({
  units,
  unreadableSettling = 0,
  windows,
  gaps,
  outcomes,
  uncounted,
  lanes,
  checkpoints,
  balanced,
  fromMs,
  toMs,
}: Ledger): string {
  const through = new Map(checkpoints.map(({ unit, readThroughMs }) => [unit, readThroughMs]));
  const unitRows = units.map((one) => [
    one.unit,
    ...[
      one.read,
      one.seen,
      one.stored,
      one.quarantined,
      one.filtered,
      one.unparsed,
      one.settling,
      one.gaps,
    ].map(String),
    timeText(through.get(one.unit)),
    one.balanced ? '' : 'DOES NOT ADD UP',
  ]);
  const laneRows = lanes.map((lane) => [
    lane.lane,
    ...[
      lane.accepted,
      lane.rejected + lane.rejectedUnknown,
      lane.expired,
      lane.filtered,
      lane.pending ?? 0,
    ].map(String),
    lane.heldReason === undefined ? '' : `held: ${lane.heldReason}`,
  ]);
  const verdict = balanced
    ? 'seen = stored + quarantined + filtered holds in every window'
    : 'seen = stored + quarantined + filtered does NOT hold everywhere';
  return [
    `Lines and points read in windows that touch ${timeText(fromMs)} to ${timeText(toMs)}`,
    '',
    ...tableOf([UNIT_HEAD, ...unitRows]),
    '',
    ...unreadableText(unreadableSettling),
    ...windowTable(windows),
    `Requests of ${timeText(fromMs)} to ${timeText(toMs)}, by how they are joined now`,
    '',
    ...tableOf([['API and stage', 'joined', 'records'], ...outcomeRows(outcomes)]),
    ...uncounted.map(uncountedText),
    '',
    'Lanes, since each began',
    '',
    ...tableOf([['lane', 'delivered', 'rejected', 'expired', 'filtered', 'pending', ''], ...laneRows]),
    '',
    ...gaps.map((gap) => `gap ${gap.unit} ${timeText(gap.fromMs)} to ${timeText(gap.toMs)}: ${gap.reason}`),
    `${verdict}; ${gaps.length} gaps`,
    '',
  ].join('\n');
}

function unreadableText(rows: number): string[] {
  if (rows === 0) return [];
  const what = `${rows} rows of lines that wait for their partner cannot be read, and are not among those settling`;
  return [
    `${what}: check the journal with \`gatewatch audit verify\`, and report it if that finds nothing`,
    '',
  ];
}

function windowTable(windows: readonly LedgerEntry[] | undefined): string[] {
  if (windows === undefined) return [];
  const rows = windows.map(({ unit, window, read, seen, stored, quarantined, filtered, unparsed }) => [
    unit,
    timeText(window.fromMs),
    timeText(window.toMs),
    ...[read, seen, stored, quarantined, filtered, unparsed].map(String),
  ]);
  const head = ['window of', 'from', 'to', 'read', 'seen', 'stored', 'quarantined', 'filtered', 'unparsed'];
  return [...tableOf([head, ...rows]), ''];
}

const UNIT_HEAD = [
  'unit',
  'read',
  'seen',
  'stored',
  'quarantined',
  'filtered',
  'unparsed',
  'settling',
  'gaps',
  'read through',
  '',
];

/** The name is said once for all of its outcomes. */
function outcomeRows(outcomes: readonly OutcomeCount[]): string[][] {
  let before = '';
  return outcomes.map(({ apiName, apiId, stage, outcome, records }) => {
    const name = nameOf(apiName, stage, apiId);
    const shown = name === before ? '' : name;
    before = name;
    return [shown, outcome, String(records)];
  });
}

function nameOf(apiName: string, stage: string, apiId: string): string {
  if (apiName === '') return '(lines no format explains)';
  return apiId === 'unknown' ? '(authorizer of no API that is known)' : `${apiName} ${stage} (${apiId})`;
}

function uncountedText({ firstSeq, lastSeq, fromMs, toMs, reason }: UncountedRows): string {
  return `not counted: rows ${firstSeq} to ${lastSeq}, events of ${timeText(fromMs)} to ${timeText(toMs)}: ${reason}`;
}

function timeText(ms: number | undefined): string {
  return ms === undefined ? '-' : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
