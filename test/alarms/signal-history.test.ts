import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AlarmHistory } from '../../src/alarms/backtest/alarm-history.ts';
import { replay, watchedBy } from '../../src/alarms/backtest/backtest.ts';
import { readSignals, type SignalHistory } from '../../src/alarms/backtest/signal-history.ts';
import type { Span } from '../../src/alarms/backtest/spans.ts';
import { type Expansion, expandAlarms } from '../../src/alarms/expand-alarms.ts';
import type { MetricRef } from '../../src/alarms/portable-metrics.ts';
import { signalOfMetric } from '../../src/alarms/signal-rule.ts';
import { type AwsClients, createAwsClients } from '../../src/aws/aws-clients.ts';
import { journalCoverage } from '../../src/cli/alarms/journal-coverage.ts';
import { accountSettingsOf } from '../../src/cli/worker/config-to-settings.ts';
import { createRuntime, type Runtime } from '../../src/cli/worker/runtime.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import { discoverInventory } from '../../src/inventory/discover-inventory.ts';
import { inventorySettingsOf } from '../../src/inventory/inventory-settings.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import { CATCH_UP_PASS } from '../../src/pipeline/log-plan.ts';
import { logUnitOf } from '../../src/pipeline/topology.ts';
import { openJournalReader } from '../../src/store/open-journal.ts';
import { createSkippingClock } from '../aws/clients-fixture.ts';
import { RehearsedFleet, rowsOf } from '../pipeline/rehearsed-runtime.ts';
import { exampleFiles, filesOf } from './files.ts';
import { sandboxAlarmClients } from './sandbox-clients.ts';

const MINUTE_MS = 60_000;
const signal = new AbortController().signal;
const PATIENCE = { lagAllowanceMs: MINUTE_MS, maxHoldMs: 5 * MINUTE_MS };

let fleet: RehearsedFleet;
let aws: AwsClients;
let inventory: Inventory;
let expansion: Expansion;
let runtime: Runtime;

beforeAll(async () => {
  const historyToMs = Date.UTC(2026, 10, 16, 12, 0);
  fleet = await RehearsedFleet.start({ minutes: 14, ratePerSecond: 3, historyToMs });
  const config = fleet.config('trail.db');
  const quiet = { clock: createSkippingClock(), logger: silentLogger, meter: silentMeter };
  aws = createAwsClients({ accounts: accountSettingsOf(config), ...quiet });
  inventory = await discoverInventory(aws, inventorySettingsOf(config, aws.accounts), signal, fleet.nowMs);
  expansion = expandAlarms(filesOf(exampleFiles()), inventory);
  await createFilters();
  runtime = await readOnce();
}, 60_000);

/** A worker that publishes latencies of authorizers reads everything there is, once. */
async function readOnce(): Promise<Runtime> {
  const text = `${fleet.configText('trail.db')}\nalarms: { publish: [auth.latency, throttles] }\n`;
  const readFile = (file: string) => readFileSync(file, 'utf8');
  const loaded = loadConfig({ path: join(fleet.folder, 'gatewatch.yaml'), text, env: {}, readFile });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const opened = await createRuntime(loaded.config, fleet.deps());
  expect(await opened.worker.once(AbortSignal.timeout(60_000))).toEqual([]);
  return opened;
}

afterAll(async () => {
  aws.close();
  await runtime.close();
  await fleet.dispose();
});

/** Before the first line: filters count what comes after them. */
async function createFilters(): Promise<void> {
  await setClock(fleet.fromMs);
  const clients = sandboxAlarmClients({ accounts: accountSettingsOf(fleet.config('trail.db')) });
  for (const { key, properties } of expansion.resources) {
    const { account, region, name, logGroup } = key;
    if (key.type !== 'metric_filter' || logGroup === undefined) continue;
    await clients.putFilter({ account, region, name, logGroup, properties, signal });
  }
  clients.close();
  await setClock(fleet.nowMs);
}

async function setClock(nowMs: number): Promise<void> {
  const url = `${fleet.rehearsal.sandbox.url}/_sandbox/clock`;
  await fetch(url, { method: 'POST', body: JSON.stringify({ nowMs }) });
}

/** Reads the journal beside the worker that has it open. */
async function signalsOf(span: Span): Promise<SignalHistory> {
  const journal = await openJournalReader(join(fleet.folder, 'trail.db'));
  const reach = { ...span, readFromMs: span.fromMs };
  const coverageOf = await journalCoverage(journal, span, PATIENCE);
  const watched = watchedBy(expansion.instances);
  const { stages } = inventory;
  const signals = await readSignals({ journal, watched, stages, coverageOf, reach, signal });
  await journal.close();
  return signals;
}

interface SignalMetric {
  readonly account: string;
  readonly region: string;
  readonly metric: MetricRef;
}

function signalMetrics(): readonly SignalMetric[] {
  const found = watchedBy(expansion.instances).flatMap(({ account, region, model }) =>
    model.inputs.map(({ metric }) => ({ account, region, metric })),
  );
  const own = found.filter(({ metric }) => signalOfMetric(metric) !== undefined);
  return [...new Map(own.map((one) => [one.metric.metricName, one])).values()];
}

/** `metric minute` → how often the metric filter counted. */
async function filtered({ fromMs, toMs }: Span): Promise<ReadonlyMap<string, number>> {
  const counted = new Map<string, number>();
  for (const { account, region, metric } of signalMetrics()) {
    const queries = [{ id: 'q', ...metric, periodS: 60, stat: 'Sum' }];
    const { results } = await aws.getMetricData({ account, region, queries, fromMs, toMs, signal });
    for (const { timestampMs, value } of results[0]?.points ?? []) {
      counted.set(`${metric.metricName} ${timestampMs - fromMs}`, value);
    }
  }
  return counted;
}

function replayed(signals: SignalHistory, { fromMs, toMs }: Span): ReadonlyMap<string, number> {
  const counted = new Map<string, number>();
  for (const place of signalMetrics()) {
    const series = signals.series({ ...place, statistic: 'Sum' });
    for (let minuteMs = fromMs; minuteMs < toMs; minuteMs += MINUTE_MS) {
      const value = series?.reader.slot(minuteMs, MINUTE_MS).value;
      if (value !== undefined) counted.set(`${place.metric.metricName} ${minuteMs - fromMs}`, value);
    }
  }
  return counted;
}

describe('signals that the worker publishes', () => {
  async function published(): Promise<readonly number[]> {
    const query = { metricName: 'auth.latency', namespace: 'Gatewatch/ApiGateway', periodS: 3_600 };
    const [orders] = inventory.stages.filter(({ apiName }) => apiName === 'orders-api');
    const dimensions = { ApiId: orders?.apiId ?? '', Stage: orders?.stage ?? '' };
    const stats = ['SampleCount', 'Sum', 'p95'];
    const queries = stats.map((stat, index) => ({ id: `q${index}`, ...query, dimensions, stat }));
    const account = orders?.account ?? '';
    const span = { fromMs: fleet.fromMs - 3_600_000 / 2, toMs: fleet.nowMs };
    const { results } = await aws.getMetricData({ account, region: 'eu-west-1', queries, ...span, signal });
    return results.map(({ points }) => points[0]?.value ?? Number.NaN);
  }

  it('have each line once, with exact percentiles, where the format quotes its numbers; a restart adds nothing', async () => {
    const rows = await rowsOf(runtime.journal, 'records');
    const latencies = rows.flatMap(({ record, revision }) =>
      record.kind === 'request' && record.apiName === 'orders-api' && revision === 0
        ? (record.authorizerLatencyMs ?? [])
        : [],
    );
    expect(latencies.length).toBeGreaterThan(100);
    const [count, sum, p95 = 0] = await published();
    expect(count).toBe(latencies.length);
    expect(sum).toBeCloseTo(
      latencies.reduce((total, value) => total + value, 0),
      6,
    );
    expect(latencies.filter((value) => value <= p95).length / latencies.length).toBeCloseTo(0.95, 1);
    const lanes = (await runtime.journal.lanes()).filter(({ lane }) =>
      lane.startsWith('cloudwatch:signals/'),
    );
    expect(lanes.map(({ pending }) => pending)).toEqual([0, 0]);
    await runtime.close();
    runtime = await readOnce();
    expect((await published())[0]).toBe(count);
  });
});

describe('signals replayed from the journal', () => {
  it('are what metric filters of the same definition count, minute by minute, beside a running worker', async () => {
    // In the first half one stage still logs by an earlier format, which no filter of the present one can read.
    const span = { fromMs: fleet.fromMs + 7 * MINUTE_MS, toMs: fleet.nowMs - 6 * MINUTE_MS };
    const signals = await signalsOf(span);
    const counted = await filtered(span);
    expect(new Map([...replayed(signals, span)].sort())).toEqual(new Map([...counted].sort()));
    for (const kind of ['auth.failures', 'auth.denials', 'throttles']) {
      expect([...counted.keys()].filter((key) => key.startsWith(`${kind}/`)).length, kind).toBeGreaterThan(1);
    }
  });

  it('know nothing of what has not surely been read: before the first line, and what may still be on its way', async () => {
    const { nowMs } = fleet;
    const signals = await signalsOf({ fromMs: nowMs - 120 * MINUTE_MS, toMs: nowMs + 60 * MINUTE_MS });
    for (const place of signalMetrics()) {
      const series = signals.series({ ...place, statistic: 'Sum' });
      expect(series?.known).toEqual([{ fromMs: fleet.fromMs, toMs: nowMs - 6 * MINUTE_MS }]);
    }
  });

  it('have no history for a stage whose log is not read, and alarms on them are not called quiet', async () => {
    const span = { fromMs: fleet.nowMs - 30 * MINUTE_MS, toMs: fleet.nowMs - 6 * MINUTE_MS };
    const journal = await openJournalReader(join(fleet.folder, 'trail.db'));
    const signals = await readSignals({
      journal,
      watched: watchedBy(expansion.instances),
      stages: inventory.stages,
      coverageOf: ({ apiName }) => (apiName === 'orders-api' ? [span] : []),
      reach: { ...span, readFromMs: span.fromMs },
      signal,
    });
    await journal.close();
    const reach = { ...span, fromMs: span.fromMs + 22 * MINUTE_MS, readFromMs: span.fromMs };
    const history = new AlarmHistory(reach, new Map(), signals);
    const alarms = expansion.instances.filter(({ alarm }) => alarm === 'authorizer-failures');
    const kinds = new Map(
      replay(alarms, history, 'UTC').map(({ instance, outcome }) => [instance.each.key, outcome.kind]),
    );
    expect(kinds.get('orders-api/prod')).toBe('replayed');
    expect([...kinds].filter(([key]) => key !== 'orders-api/prod').map(([, kind]) => kind)).toEqual(
      expect.arrayContaining(['no_history']),
    );
    expect([...kinds.values()].filter((kind) => kind === 'replayed')).toHaveLength(1);
  });

  it('know nothing of a gap, of what is still to be caught up, and of a backfill that has not ended', async () => {
    const { nowMs, fromMs } = fleet;
    const [stage] = inventory.stages.filter(({ apiName }) => apiName === 'orders-api');
    const unit = logUnitOf(stage?.accessLogGroup ?? { account: '', region: '', logGroup: '' });
    const { journal } = runtime;
    const gap = { unit, fromMs: fromMs + 4 * MINUTE_MS, toMs: fromMs + 6 * MINUTE_MS };
    const coverageOf = await journalCoverage(
      {
        ledger: (fromMs, toMs) => journal.ledger(fromMs, toMs),
        checkpoints: async () =>
          (await journal.checkpoints()).map((one) => ({
            ...one,
            rereads: [
              { fromMs: fromMs + MINUTE_MS, toMs: fromMs + 2 * MINUTE_MS, dueMs: 0, pass: CATCH_UP_PASS },
            ],
          })),
        gaps: async () => [{ ...gap, reason: 'gone', recordedMs: nowMs }],
        orders: async () => [
          {
            ...fleet.order({
              toMs: nowMs - 10 * MINUTE_MS,
              unit: 'logs:*',
              progress: { [unit]: fromMs + 9 * MINUTE_MS },
            }),
          },
        ],
      },
      { fromMs: nowMs - 120 * MINUTE_MS, toMs: nowMs },
      PATIENCE,
    );
    expect(stage && coverageOf(stage)).toEqual([
      { fromMs, toMs: fromMs + MINUTE_MS },
      { fromMs: fromMs + 2 * MINUTE_MS, toMs: fromMs + 4 * MINUTE_MS },
      { fromMs: fromMs + 6 * MINUTE_MS, toMs: fromMs + 9 * MINUTE_MS },
      { fromMs: nowMs - 10 * MINUTE_MS, toMs: nowMs - 6 * MINUTE_MS },
    ]);
  });
});
