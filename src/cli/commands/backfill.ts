import { Command, Option } from 'commander';
import { parseTime } from '../../audit/audit-query.ts';
import type { AwsClients } from '../../aws/aws-clients.ts';
import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import { GatewatchError, UserError } from '../../core/errors.ts';
import { discoverInventory } from '../../inventory/discover-inventory.ts';
import { matchesGlob } from '../../inventory/glob.ts';
import { inventorySettingsOf } from '../../inventory/inventory-settings.ts';
import type { Inventory } from '../../model/inventory.ts';
import { type BackfillOrder, hasEnded, type Order, type OrderDesk } from '../../model/order.ts';
import { type BackfillForecast, forecastBackfill } from '../../pipeline/backfill-forecast.ts';
import { logUnitOf } from '../../pipeline/topology.ts';
import { logGroupsOf, UNVERIFIED_PRICES } from '../../sources/cost-forecast.ts';
import { metricSeriesFor } from '../../sources/metrics/metric-series.ts';
import { metricsSettingsOf } from '../../sources/metrics/metrics-settings.ts';
import { metricsUnit } from '../../sources/metrics/metrics-source.ts';
import { forecastJson, forecastText, spanText } from '../backfill-text.ts';
import { DEFAULT_CONFIG_PATH, requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';
import { refuseJsonOfWork } from '../dry-run.ts';
import { followOrder, LEFT_UNDONE, newOrder, type OrderHost } from '../follow-order.ts';
import { createProgressView } from '../order-progress.ts';
import type { Runtime } from '../worker/runtime.ts';

/** What the command touches beside the context. */
export interface BackfillHost extends OrderHost {
  /** Makes clients for the accounts of a configuration; the command closes them. */
  readonly connect: (config: GatewatchConfig) => AwsClients;
  /** Opens the journal for writing, does the work and closes it. Throws `journal_in_use` beside a worker. */
  readonly withRuntime: (config: GatewatchConfig, work: (runtime: Runtime) => Promise<void>) => Promise<void>;
  /** Asks a person; false where nobody can be asked. */
  readonly confirm: (question: string) => Promise<boolean>;
}

interface BackfillOptions {
  readonly config: string;
  readonly from: string;
  readonly to: string;
  readonly unit?: string;
  readonly rate?: number;
  readonly yes?: true;
  readonly dryRun?: true;
  readonly json?: true;
  readonly detach?: true;
  readonly pricePerThousandMetrics: number;
}

const STOPPED = 130;
/** Share of each AWS quota that the clients take. */
const QUOTA_SHARE = 0.6;
const EXAMPLES = `
Examples:
  gatewatch backfill --from 2026-11-01T00:00Z --to 2026-11-02T00:00Z --dry-run
  gatewatch backfill --from 24h --dry-run --json | jq .dollars
  gatewatch backfill --from 24h --rate 2 --yes
  gatewatch backfill --from 7d --to 1d --unit 'logs:*:/aws/lambda/orders-*'

Interrupted, whatever the cause: run the same command again and it goes on where it stopped.
Beside a running worker it hands the order over and follows it; Ctrl-C ends the following alone.`;

/** `gatewatch backfill`: reads a span of the past into the journal, as live reading would have. */
export function createBackfillCommand(context: CliContext, host: BackfillHost): Command {
  return new Command('backfill')
    .description('read a span of the past: forecast its cost, then read it slice by slice, never twice')
    .requiredOption('--from <time>', 'from this time: 2026-11-03T10:00Z, or how long ago: 24h')
    .addOption(new Option('--to <time>', 'up to this time, itself left out').default('0s', 'now'))
    .option('--unit <pattern>', 'only units that match, e.g. "logs:*:/apigw/orders" or "metrics:*"')
    .option('--rate <calls>', 'most AWS calls per second', rate)
    .option('-y, --yes', 'start without asking')
    .option('--dry-run', 'print the forecast and end; exit 3 when a listing failed')
    .option('--json', 'the forecast as JSON; needs --dry-run')
    .option('--detach', 'hand the order to the running worker and end')
    .option(
      '--price-per-thousand-metrics <dollars>',
      'price of 1,000 metrics requested (unverified default)',
      price,
      UNVERIFIED_PRICES.perThousandMetrics,
    )
    .option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH)
    .addHelpText('after', EXAMPLES)
    .action((options: BackfillOptions) => runBackfill(context, host, options));
}

function rate(text: string): number {
  const value = Number(text.replace(/\/s$/, ''));
  if (Number.isFinite(value) && value > 0) return value;
  throw new UserError(
    'bad_option',
    `Expected --rate to be calls per second above 0, such as 2, got \`${text}\`.`,
  );
}

function price(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new UserError('bad_option', `Expected a number of at least 0, got \`${text}\`.`);
}

async function runBackfill(context: CliContext, host: BackfillHost, options: BackfillOptions): Promise<void> {
  refuseJsonOfWork(options);
  const { config } = requireConfig(context, options.config);
  const wanted = orderOf(context, host, options);
  const begun = await unfinishedLike(host, config.journal.path, wanted);
  const order = begun ?? wanted;
  if (begun !== undefined && options.json === undefined)
    context.stdout.write(`Going on with the backfill of ${spanText(begun)} asked for before.\n`);
  const { forecast, complete } = await forecastOf(
    context,
    host,
    config,
    order,
    options.pricePerThousandMetrics,
  );
  context.stdout.write(
    options.json
      ? forecastJson(forecast, { order, isBegun: begun !== undefined, complete })
      : forecastText(forecast, {
          span: order,
          pricePerThousand: options.pricePerThousandMetrics,
          complete,
        }),
  );
  refuseGone(forecast);
  if (options.dryRun) {
    if (!complete) context.setExitCode(LEFT_UNDONE);
    return;
  }
  if (!(await isWanted(context, host, options, begun))) return;
  await carryOutOrHandOver(context, host, config, {
    order,
    isPlaced: begun !== undefined,
    detach: options.detach === true,
  });
}

function orderOf(context: CliContext, host: BackfillHost, options: BackfillOptions): BackfillOrder {
  const nowMs = context.now();
  const fromMs = parseTime('--from', options.from, nowMs);
  const toMs = parseTime('--to', options.to, nowMs);
  if (fromMs >= toMs)
    throw new UserError(
      'backfill_span',
      `Expected --from to be before --to, got ${spanText({ fromMs, toMs })}.`,
    );
  if (toMs > nowMs)
    throw new UserError(
      'backfill_span',
      `Expected --to to lie in the past, got ${new Date(toMs).toISOString()}: what is to come is live reading's.`,
    );
  return {
    ...newOrder(context, host, `${options.from}..${options.to}`),
    kind: 'backfill',
    fromMs,
    toMs,
    ...(options.unit !== undefined && { unit: options.unit }),
    ...(options.rate !== undefined && { callsPerSecond: options.rate }),
  };
}

/** The order that the same command placed before and that has not ended. No journal yet: none. */
async function unfinishedLike(
  host: BackfillHost,
  path: string,
  wanted: BackfillOrder,
): Promise<BackfillOrder | undefined> {
  const desk = await deskOrNone(host, path);
  if (desk === undefined) return undefined;
  try {
    const backfills = (await desk.orders()).filter((order) => order.kind === 'backfill');
    return backfills.find(
      (order) => order.asked === wanted.asked && order.unit === wanted.unit && !hasEnded(order),
    );
  } finally {
    await desk.close();
  }
}

async function deskOrNone(host: BackfillHost, path: string): Promise<OrderDesk | undefined> {
  try {
    return await host.openDesk(path);
  } catch (error) {
    const codes = ['journal_missing', 'journal_not_migrated'];
    if (error instanceof GatewatchError && codes.includes(error.code)) return undefined;
    throw error;
  }
}

async function forecastOf(
  context: CliContext,
  host: BackfillHost,
  config: GatewatchConfig,
  order: BackfillOrder,
  dollarsPerThousandMetrics: number,
): Promise<{ readonly forecast: BackfillForecast; readonly complete: boolean }> {
  const inventory = await listed(context, host, config);
  const isMeant = (unit: string) => order.unit === undefined || matchesGlob(order.unit, unit);
  const groups = logGroupsOf(inventory);
  const series = metricSeriesFor(inventory, metricsSettingsOf(config.metrics));
  const chosen = {
    logGroups: groups.filter((group) => isMeant(logUnitOf(group))),
    series: series.filter((one) => isMeant(metricsUnit(one))),
  };
  if (chosen.logGroups.length + chosen.series.length === 0)
    throw nothingMeant(order, [...groups.map(logUnitOf), ...series.map(metricsUnit)], inventory.complete);
  const reached = Object.values(order.progress);
  const fromMs = reached.length === 0 ? order.fromMs : Math.min(order.toMs, ...reached);
  const forecast = forecastBackfill({
    ...chosen,
    span: { fromMs, toMs: order.toMs },
    sliceMs: config.logs.slice,
    quotaShare: QUOTA_SHARE,
    quotas: {},
    dollarsPerThousandMetrics,
    nowMs: context.now(),
    ...(order.callsPerSecond !== undefined && { callsPerSecond: order.callsPerSecond }),
  });
  return { forecast, complete: inventory.complete };
}

async function listed(context: CliContext, host: BackfillHost, config: GatewatchConfig): Promise<Inventory> {
  const clients = host.connect(config);
  try {
    const settings = inventorySettingsOf(config, clients.accounts);
    const inventory = await discoverInventory(clients, settings, host.signal, context.now());
    for (const { account, region, what, reason } of inventory.problems)
      context.stderr.write(`${account}, ${region}: ${what}: ${reason}\n`);
    return inventory;
  } finally {
    clients.close();
  }
}

function nothingMeant({ unit }: BackfillOrder, units: readonly string[], complete: boolean): UserError {
  if (!complete)
    return new UserError(
      'backfill_unlisted',
      'Expected to list what there is to read, but not everything could be listed, for the reasons above, and nothing that was is meant: mend that and run the command again.',
    );
  if (unit === undefined)
    return new UserError(
      'backfill_nothing',
      'Expected APIs in the accounts and Regions of the configuration, got none: look at `accounts` and `inventory` in it.',
    );
  const known = [...new Set(units)].map((one) => `  ${one}`).join('\n') || '  none';
  return new UserError(
    'backfill_unit',
    `Expected --unit to match a unit of the inventory, got \`${unit}\`. There are:\n${known}`,
  );
}

function refuseGone({ gone }: BackfillForecast): void {
  if (gone === undefined) return;
  const from = new Date(gone.toMs).toISOString();
  throw new UserError(
    'backfill_gone',
    `CloudWatch keeps metric points 455 days: nothing of ${spanText(gone)} can be read. Start with --from ${from}, or leave the metrics out with --unit 'logs:*'.`,
  );
}

async function isWanted(
  context: CliContext,
  host: BackfillHost,
  options: BackfillOptions,
  begun: BackfillOrder | undefined,
): Promise<boolean> {
  if (options.yes || begun !== undefined) return true;
  if (await host.confirm('Start? [y/N] ')) return true;
  context.stdout.write('Nothing was started; add --yes to start without being asked.\n');
  return false;
}

interface Placing {
  readonly order: Order;
  readonly isPlaced: boolean;
  readonly detach: boolean;
}

/** With the journal to itself it does the work; beside a worker it writes the order and watches. */
async function carryOutOrHandOver(
  context: CliContext,
  host: BackfillHost,
  config: GatewatchConfig,
  placing: Placing,
): Promise<void> {
  const { path } = config.journal;
  try {
    await host.withRuntime(config, async (runtime) => {
      await place(host, path, placing);
      await carryOut(context, host, runtime, placing.order.id);
    });
  } catch (error) {
    if (!(error instanceof GatewatchError) || error.code !== 'journal_in_use') throw error;
    await handOver(context, host, path, placing);
  }
}

async function place(host: BackfillHost, path: string, { order, isPlaced }: Placing): Promise<void> {
  if (isPlaced) return;
  const desk = await host.openDesk(path);
  try {
    await desk.place(order);
  } finally {
    await desk.close();
  }
}

async function carryOut(
  context: CliContext,
  host: BackfillHost,
  runtime: Runtime,
  orderId: string,
): Promise<void> {
  const view = createProgressView(context.stdout, () => context.now());
  let left: readonly string[];
  try {
    left = await runtime.worker.carryOut(orderId, host.signal, (turn) => {
      if (turn.kind !== 'idle') view.show(turn.order);
    });
  } catch (error) {
    if (!host.signal.aborted) throw error;
    left = [];
  } finally {
    view.end();
  }
  if (host.signal.aborted) {
    context.stderr.write(
      'Stopped. What was read is stored; run the same command again and it goes on from there.\n',
    );
    context.setExitCode(STOPPED);
  } else if (left.length > 0) {
    context.stderr.write(
      `Not everything was done; run the same command again:\n${left.map((one) => `  ${one}\n`).join('')}`,
    );
    context.setExitCode(LEFT_UNDONE);
  } else {
    context.stdout.write('Backfill done: everything was read, stored and delivered.\n');
  }
}

async function handOver(
  context: CliContext,
  host: BackfillHost,
  path: string,
  placing: Placing,
): Promise<void> {
  const desk = await host.openDesk(path);
  try {
    if (!placing.isPlaced) await desk.place(placing.order);
    const holder = (await desk.holder()) ?? 'a worker';
    context.stdout.write(`The journal is held by ${holder}: it carries out order ${placing.order.id}.\n`);
    if (!placing.detach) await followOrder(context, host, desk, placing.order.id, doneText);
  } finally {
    await desk.close();
  }
}

function doneText({ message }: Order): string {
  return `Backfill done: everything was read and stored.${message === undefined ? '' : ` Note: ${message}.`}`;
}
