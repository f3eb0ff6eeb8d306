import { Command, Option } from 'commander';
import { parseTime } from '../../audit/audit-query.ts';
import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import { UserError } from '../../core/errors.ts';
import type { JournalReader, RowSpan, StreamName } from '../../model/journal.ts';
import type { ReplayOrder } from '../../model/order.ts';
import type { Sink } from '../../model/sink.ts';
import type { Window } from '../../model/source-event.ts';
import { spanText, tableOf } from '../backfill-text.ts';
import { DEFAULT_CONFIG_PATH, requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';
import { refuseJsonOfWork } from '../dry-run.ts';
import { LEFT_UNDONE, newOrder, type OrderHost, placeAndFollow } from '../follow-order.ts';
import type { OpenReader } from './audit.ts';

/** What the command touches beside the context. */
export interface ReplayHost extends OrderHost {
  readonly openReader: OpenReader;
  /** The sinks of a configuration, to ask what they would leave out: they connect nowhere, the command closes them. */
  readonly createSinks: (config: GatewatchConfig) => readonly Sink[];
}

interface ReplayOptions {
  readonly config: string;
  readonly sink: string;
  readonly from: string;
  readonly to: string;
  readonly stream?: StreamName;
  readonly rate?: number;
  readonly dryRun?: true;
  readonly json?: true;
  readonly detach?: true;
}

const PAGE_ROWS = 2_000;
const STREAMS: readonly StreamName[] = ['records', 'metrics', 'alarms'];
const EXAMPLES = `
Examples:
  gatewatch replay --sink splunk-main --from 2026-11-01T00:00Z --to 2026-11-02T00:00Z --dry-run
  gatewatch replay --sink splunk-main --from 6h --to 5h --stream records --rate 500
  gatewatch replay --sink dynatrace --from 6h --dry-run --json | jq '.streams[].toSend'

The worker that holds the journal carries it out, live rows first, and goes on after a restart. What it sends bears the
event ids of the first time, so the destination can tell repeats. \`gatewatch orders\` shows what came of it.`;

/** `gatewatch replay`: sends what is stored of a span to one sink again. */
export function createReplayCommand(context: CliContext, host: ReplayHost): Command {
  return new Command('replay')
    .description(
      'send what is stored of a span to one sink again, live rows first; exit 3 if there is nothing',
    )
    .requiredOption('--sink <name>', 'sink, as the configuration names it')
    .requiredOption('--from <time>', 'events from this time: 2026-11-03T10:00Z, or how long ago: 24h')
    .addOption(new Option('--to <time>', 'up to this time, itself left out').default('0s', 'now'))
    .addOption(new Option('--stream <name>', 'only this stream').choices(STREAMS))
    .option('--rate <rows>', 'most rows per second', rate)
    .option('--dry-run', 'print what would be sent and end; needs no worker')
    .option('--json', 'what would be sent as JSON; needs --dry-run')
    .option('--detach', 'hand the order over and end')
    .option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH)
    .addHelpText('after', EXAMPLES)
    .action((options: ReplayOptions) => runReplay(context, host, options));
}

function rate(text: string): number {
  const value = Number(text.replace(/\/s$/, ''));
  if (Number.isFinite(value) && value > 0) return value;
  throw new UserError(
    'bad_option',
    `Expected --rate to be rows per second above 0, such as 500, got \`${text}\`.`,
  );
}

async function runReplay(context: CliContext, host: ReplayHost, options: ReplayOptions): Promise<void> {
  refuseJsonOfWork(options);
  const { config } = requireConfig(context, options.config);
  const span = spanOf(context, options);
  const plans = await plansOf(host, config, span, options);
  const filled = plans.filter(({ rows }) => rows > 0);
  context.stdout.write(
    options.json ? planJson(options.sink, span, filled) : planText(options.sink, span, filled),
  );
  if (filled.length === 0) {
    context.stderr.write(`nothing is stored of ${spanText(span)}; \`gatewatch backfill\` reads the past\n`);
    context.setExitCode(LEFT_UNDONE);
    return;
  }
  if (options.dryRun) return;
  const orders = filled.map((plan) => orderOf(context, host, options, span, plan));
  await placeAndFollow(context, host, config.journal.path, orders, {
    detach: options.detach === true,
    doneText: ({ message }) => `Replay done: ${message ?? 'nothing was kept of its result'}.`,
  });
}

function spanOf(context: CliContext, options: ReplayOptions): Window {
  const nowMs = context.now();
  const fromMs = parseTime('--from', options.from, nowMs);
  const toMs = parseTime('--to', options.to, nowMs);
  if (fromMs < toMs) return { fromMs, toMs };
  throw new UserError('replay_span', `Expected --from to be before --to, got ${spanText({ fromMs, toMs })}.`);
}

/** What the journal holds of the span for one stream, and what the sink would leave out of it now. */
interface Plan {
  readonly stream: StreamName;
  readonly rows: number;
  readonly bytes: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly lastSeq: number;
  readonly filtered: number;
  /** Reason → rows. */
  readonly expired: ReadonlyMap<string, number>;
}

async function plansOf(
  host: ReplayHost,
  config: GatewatchConfig,
  span: Window,
  options: ReplayOptions,
): Promise<readonly Plan[]> {
  if (config.sinks[options.sink] === undefined) throw unknownSink(options.sink, Object.keys(config.sinks));
  const sinks = host.createSinks(config);
  try {
    const sink = sinks.find(({ name }) => name === options.sink);
    if (sink === undefined) throw unknownSink(options.sink, Object.keys(config.sinks));
    const streams = streamsFor(sink, options.stream);
    const reader = await host.openReader(config.journal.path);
    try {
      const plans: Plan[] = [];
      for (const stream of streams) plans.push(await planFor(reader, sink, stream, span));
      return plans;
    } finally {
      await reader.close();
    }
  } finally {
    await Promise.all(sinks.map((sink) => sink.close()));
  }
}

function unknownSink(got: string, known: readonly string[]): UserError {
  return new UserError(
    'unknown_sink',
    `Expected --sink to name a sink of the configuration (${known.join(', ') || 'it has none'}), got \`${got}\`.`,
  );
}

function streamsFor(sink: Sink, wanted: StreamName | undefined): readonly StreamName[] {
  if (wanted === undefined) return sink.streams;
  if (sink.streams.includes(wanted)) return [wanted];
  throw new UserError(
    'replay_stream',
    `Expected --stream to be one that ${sink.name} takes (${sink.streams.join(', ')}), got \`${wanted}\`: see its filter in the configuration.`,
  );
}

async function planFor(reader: JournalReader, sink: Sink, stream: StreamName, span: Window): Promise<Plan> {
  const expired = new Map<string, number>();
  let plan = { rows: 0, bytes: 0, firstMs: Number.POSITIVE_INFINITY, lastMs: 0, lastSeq: 0, filtered: 0 };
  for (;;) {
    const next: RowSpan = { ...span, stream, afterSeq: plan.lastSeq, throughSeq: Number.MAX_SAFE_INTEGER };
    const page = await reader.readSpan(next, PAGE_ROWS);
    const last = page.at(-1);
    if (last === undefined) return { stream, ...plan, expired };
    const left = sink.preview?.(page) ?? { expired: [], filtered: [] };
    for (const { reason } of left.expired) expired.set(reason, (expired.get(reason) ?? 0) + 1);
    const times = page.map(({ eventMs }) => eventMs);
    plan = {
      rows: plan.rows + page.length,
      bytes: plan.bytes + page.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0),
      firstMs: Math.min(plan.firstMs, ...times),
      lastMs: Math.max(plan.lastMs, ...times),
      lastSeq: last.seq,
      filtered: plan.filtered + left.filtered.length,
    };
  }
}

function planText(sink: string, span: Window, plans: readonly Plan[]): string {
  const rows = plans.map((plan) => [
    plan.stream,
    `${plan.rows}`,
    bytesText(plan.bytes),
    timeText(plan.firstMs),
    timeText(plan.lastMs),
    `${expiredRows(plan)}`,
    `${plan.filtered}`,
    `${toSend(plan)}`,
  ]);
  const heading = ['stream', 'rows', 'bytes', 'first event', 'last event', 'expired', 'filtered', 'to send'];
  const reasons = plans.flatMap(({ expired }) =>
    [...expired].map(([why, count]) => `expired ${count}: ${why}`),
  );
  const lines = [
    `Replay to ${sink}, ${spanText(span)}`,
    ...(rows.length === 0 ? [] : ['', ...tableOf([heading, ...rows])]),
    ...(reasons.length === 0 ? [] : ['', ...reasons]),
  ];
  return `${lines.join('\n')}\n`;
}

/** Times in milliseconds; `bytes` as stored. No streams: nothing is stored of the span. */
function planJson(sink: string, span: Window, plans: readonly Plan[]): string {
  const streams = plans.map((plan) => {
    const { stream, rows, bytes, firstMs, lastMs, filtered } = plan;
    const expired = [...plan.expired].map(([reason, count]) => ({ reason, rows: count }));
    return { stream, rows, bytes, firstMs, lastMs, expired, filtered, toSend: toSend(plan) };
  });
  return `${JSON.stringify({ sink, ...span, streams }, null, 2)}\n`;
}

function toSend(plan: Plan): number {
  return plan.rows - expiredRows(plan) - plan.filtered;
}

function expiredRows({ expired }: Plan): number {
  return [...expired.values()].reduce((sum, count) => sum + count, 0);
}

/** As stored; what goes over the wire depends on the destination and is compressed. */
function bytesText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} B`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1_000)} kB` : `${Math.round(bytes / 1_000_000)} MB`;
}

function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function orderOf(
  context: CliContext,
  host: ReplayHost,
  { sink, from, to, rate: rowsPerSecond }: ReplayOptions,
  span: Window,
  { stream, rows, lastSeq }: Plan,
): ReplayOrder {
  return {
    ...newOrder(context, host, `${from}..${to}`),
    kind: 'replay',
    ...span,
    sink,
    stream,
    rows,
    throughSeq: lastSeq,
    ...(rowsPerSecond !== undefined && { rowsPerSecond }),
  };
}
