import { Command } from 'commander';
import { createTask } from 'node-cron';
import { UNVERIFIED_ALARM_PRICES } from '../../alarms/prices.ts';
import { type PublishedPrice, publishedPrice } from '../../alarms/publishing/published-price.ts';
import type { AwsClients } from '../../aws/aws-clients.ts';
import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import { UserError } from '../../core/errors.ts';
import { discoverInventory } from '../../inventory/discover-inventory.ts';
import { inventorySettingsOf } from '../../inventory/inventory-settings.ts';
import type { Inventory } from '../../model/inventory.ts';
import { type CostForecast, forecastCost, UNVERIFIED_PRICES } from '../../sources/cost-forecast.ts';
import { metricSeriesFor } from '../../sources/metrics/metric-series.ts';
import { metricsSettingsOf } from '../../sources/metrics/metrics-settings.ts';
import { DEFAULT_CONFIG_PATH, requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';

export interface CostDeps {
  /** Makes clients for the accounts of a configuration; the command closes them. */
  readonly connect: (config: GatewatchConfig) => AwsClients;
  readonly signal: AbortSignal;
}

interface CostOptions {
  readonly config: string;
  readonly json?: true;
  readonly eventsPerSecond: number;
  readonly bytesPerEvent: number;
  readonly pricePerThousandMetrics: number;
}

/** `gatewatch cost`: lists the APIs, then computes. It reads no metric and no log, so it costs nothing itself. */
export function createCostCommand(context: CliContext, deps: CostDeps): Command {
  return new Command('cost')
    .description(
      'print AWS requests, billed units and dollars per day before anything is exported, re-reads included; exit 3 when a listing failed',
    )
    .option('-c, --config <path>', 'configuration file', DEFAULT_CONFIG_PATH)
    .option('--json', 'as JSON instead of a table')
    .option('--events-per-second <number>', 'expected log events in all groups together', nonNegative, 0)
    .option('--bytes-per-event <number>', 'expected size of one log event', nonNegative, 800)
    .option(
      '--price-per-thousand-metrics <dollars>',
      'price of 1,000 metrics requested (unverified default)',
      nonNegative,
      UNVERIFIED_PRICES.perThousandMetrics,
    )
    .addHelpText('after', '\nExample:\n  gatewatch cost --events-per-second 200')
    .action(async (options: CostOptions) => {
      const { config } = requireConfig(context, options.config);
      const inventory = await listedInventory(config, context, deps);
      const forecast = forecastCost(costInput(config, inventory, options, context.now()));
      const complete = inventory.complete;
      const signals = publishedPrice(inventory.stages, config.alarms.publish, UNVERIFIED_ALARM_PRICES);
      context.stdout.write(
        options.json
          ? `${JSON.stringify({ ...forecast, publishedSignals: signals, complete, pricesVerified: false }, null, 2)}\n`
          : costTable(forecast, complete, options.pricePerThousandMetrics) + signalLine(signals),
      );
      if (!complete) context.setExitCode(3);
      for (const problem of inventory.problems) {
        context.stderr.write(`${problem.account}, ${problem.region}: ${problem.what}: ${problem.reason}\n`);
      }
    });
}

/** Only where signals are published; each call that sends them costs besides, and hardly anything. */
function signalLine({ metrics, dollarsPerMonth }: PublishedPrice): string {
  if (metrics === 0) return '';
  return `published signals  ${metrics} custom metrics, $${dollarsPerMonth.toFixed(2)} a month (list price, UNVERIFIED)\n`;
}

function nonNegative(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new UserError('bad_option', `Expected a number of at least 0, got \`${text}\``);
}

async function listedInventory(
  config: GatewatchConfig,
  context: CliContext,
  deps: CostDeps,
): Promise<Inventory> {
  const clients = deps.connect(config);
  try {
    const settings = inventorySettingsOf(config, clients.accounts);
    return await discoverInventory(clients, settings, deps.signal, context.now());
  } finally {
    clients.close();
  }
}

function costInput(config: GatewatchConfig, inventory: Inventory, options: CostOptions, nowMs: number) {
  const metrics = metricsSettingsOf(config.metrics);
  return {
    inventory,
    series: metricSeriesFor(inventory, metrics),
    runsPerDay: {
      metrics: runsPerDay(config.schedule.metrics),
      logs: runsPerDay(config.schedule.logs),
      inventory: runsPerDay(config.schedule.inventory),
    },
    metrics,
    logs: {
      overlapMs: config.logs.lagAllowance,
      rereadsMs: config.logs.rereads,
      sliceMs: config.logs.slice,
      eventsPerSecond: options.eventsPerSecond,
      bytesPerEvent: options.bytesPerEvent,
    },
    prices: { perThousandMetrics: options.pricePerThousandMetrics },
    quotas: {},
    nowMs,
  };
}

const DAY_MS = 86_400_000;
/** Enough runs to see the rhythm of any schedule that repeats within a week at every quarter of an hour. */
const RUNS_LOOKED_AT = 700;

/** How often a cron expression fires in a day, averaged over its next runs. Nothing is started. */
export function runsPerDay(expression: string): number {
  const task = createTask(expression, () => undefined, { timezone: 'Etc/UTC' });
  const runs = task.getNextRuns(RUNS_LOOKED_AT);
  task.destroy();
  const [first, last] = [runs[0], runs.at(-1)];
  if (!first || !last || runs.length < 2) return 1 / 365;
  return ((runs.length - 1) * DAY_MS) / (last.getTime() - first.getTime());
}

/** The table: one line for each operation of each account and Region, then what is billed. */
export function costTable(forecast: CostForecast, complete: boolean, pricePerThousand: number): string {
  const rows = [
    ['account', 'Region', 'operation', 'calls/day', 'quota/s', 'of quota'],
    ...forecast.operations.map((one) => [
      one.account,
      one.region,
      one.operation,
      String(one.callsPerDay),
      String(one.quotaPerSecond),
      `${(one.quotaShare * 100).toFixed(2)} %`,
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [
    ...lines,
    '',
    `${forecast.series} metric series, ${forecast.logGroups} log groups`,
    `metrics billed     ${forecast.billedMetricsPerDay.toFixed(0)} a day (${forecast.billedMetricsPerRead} at each read)`,
    `GetMetricData      $${forecast.dollarsPerDay.toFixed(2)} a day, $${forecast.dollarsPer30Days.toFixed(2)} in 30 days`,
    `FilterLogEvents    no price per read is published; it uses up quota instead`,
    `Price: $${pricePerThousand} per 1,000 metrics requested, UNVERIFIED: compare it with your bill.`,
    ...(complete ? [] : ['Some listings failed (see below): this is a lower bound.']),
    '',
  ].join('\n');
}
