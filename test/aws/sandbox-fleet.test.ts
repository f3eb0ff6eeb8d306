import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AwsClients } from '../../src/aws/aws-clients.ts';
import { createSteeredClock, createSystemClock } from '../../src/core/clock.ts';
import { IncompleteReadError } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import { discoverInventory } from '../../src/inventory/discover-inventory.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import type { MetricRecord } from '../../src/model/metric-record.ts';
import type { Window } from '../../src/model/source-event.ts';
import { parseFaults } from '../../src/sandbox/faults.ts';
import { type Rehearsal, startRehearsal } from '../../src/sandbox/rehearsal.ts';
import { REHEARSAL_EXTERNAL_ID } from '../../src/sandbox/rehearsal-config.ts';
import { logGroupsOf } from '../../src/sources/cost-forecast.ts';
import { metricsConfig } from '../../src/sources/metrics/config.ts';
import { metricSeriesFor } from '../../src/sources/metrics/metric-series.ts';
import { metricsSettingsOf } from '../../src/sources/metrics/metrics-settings.ts';
import { createMetricsSource } from '../../src/sources/metrics/metrics-source.ts';
import { everything } from '../inventory/listing-fake.ts';
import { pointSdkAt } from './aws-stub.ts';
import { clientsForTest } from './clients-fixture.ts';

const signal = new AbortController().signal;
const MINUTE = 60_000;

let rehearsal: Rehearsal;
let aws: AwsClients;
let restore: () => void;
let inventory: Inventory;

beforeAll(async () => {
  rehearsal = await startRehearsal({
    seed: 7,
    historyMs: 10 * MINUTE,
    ratePerSecond: 10,
    faults: parseFaults('partial'),
    port: 0,
    frozen: true,
    hostClock: createSystemClock(),
    logger: silentLogger,
    server: { quotas: 'off' },
  });
  restore = pointSdkAt(rehearsal.sandbox.port);
  const [central, ...others] = rehearsal.world.accounts;
  if (!central) throw new Error('the sandbox has no account');
  aws = clientsForTest({
    maxAttempts: 6,
    accounts: [
      { name: 'central', ...central },
      ...others.map((account, index) => ({
        name: `other-${index}`,
        ...account,
        roleArn: `arn:aws:iam::${account.accountId}:role/gatewatch`,
        externalId: REHEARSAL_EXTERNAL_ID,
      })),
    ],
  });
  inventory = await discoverInventory(aws, everything, signal, rehearsal.clock.now());
});

afterAll(async () => {
  aws?.close();
  restore?.();
  await rehearsal?.sandbox.close();
});

function wholeHistory(): Window {
  const { historyFromMs, historyToMs, longestLagMs } = rehearsal.world;
  return { fromMs: historyFromMs - MINUTE, toMs: historyToMs + longestLagMs };
}

describe('the fleet of the sandbox, through the official SDK', () => {
  it('is found whole: every stage with its log group and format', () => {
    expect(inventory.problems.filter(({ unread }) => unread)).toEqual([]);
    expect(inventory.complete).toBe(true);
    const { restApis, v2Apis } = rehearsal.world;
    const stages = [...restApis, ...v2Apis].flatMap(({ stages }) => stages);
    expect(inventory.stages).toHaveLength(stages.length);
    for (const stage of inventory.stages) expect(stage.accessLogFormat).toContain('$context.');
    expect(new Set(inventory.stages.map(({ protocol }) => protocol))).toEqual(
      new Set(['REST', 'HTTP', 'WEBSOCKET']),
    );
  });

  it('gives every event of every group exactly once', async () => {
    for (const group of logGroupsOf(inventory)) {
      const known = rehearsal.world.logGroups.find(
        ({ account, region, name }) =>
          account === group.account && region === group.region && name === group.logGroup,
      );
      if (!known) continue;
      const read: string[] = [];
      for await (const page of aws.filterLogEvents({ ...group, ...wholeHistory(), signal })) {
        read.push(...page.events.map(({ logStream, eventId }) => `${logStream}/${eventId}`));
      }
      const visible = known.events.filter(({ ingestionMs }) => ingestionMs <= rehearsal.clock.now());
      expect(read.sort(), group.logGroup).toEqual(
        visible.map((event) => `${event.logStream}/${event.eventId}`).sort(),
      );
    }
  });

  it('gives every metric value of the truth, reading again what came back partial', async () => {
    const settings = metricsSettingsOf(metricsConfig.parse({ levels: ['stage', 'api', 'detailed'] }));
    const series = metricSeriesFor(inventory, settings);
    const records = new Map<string, MetricRecord>();
    const scopes = new Map(
      series.map(({ account, region }) => [`${account}/${region}`, { account, region }]),
    );
    for (const scope of scopes.values()) {
      const own = series.filter(
        ({ account, region }) => account === scope.account && region === scope.region,
      );
      const source = createMetricsSource({
        ...scope,
        series: () => own,
        client: aws,
        clock: createSteeredClock(() => rehearsal.clock.now()),
        meter: silentMeter,
        logger: silentLogger,
      });
      await readUntilWhole(async () => {
        for await (const page of source.read(wholeHistory(), signal)) {
          for (const record of page.items)
            records.set(keyOf(record.metricName, record.dimensions, record.eventMs), record);
        }
      });
    }
    let compared = 0;
    for (const row of rehearsal.world.truth(rehearsal.clock.now())) {
      if (row.type !== 'metric') continue;
      const record = records.get(keyOf(row.metricName, row.dimensions, row.timestampMs));
      for (const [stat, value] of Object.entries(record?.values ?? {})) {
        expect(value, `${row.metricName} ${stat}`).toBeCloseTo(row.values[stat] ?? Number.NaN, 6);
        compared += 1;
      }
      expect(record, `${row.metricName} ${JSON.stringify(row.dimensions)}`).toBeDefined();
    }
    expect(compared).toBeGreaterThan(500);
  });
});

async function readUntilWhole(read: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof IncompleteReadError) || attempt === 20) throw error;
    }
  }
}

function keyOf(metricName: string, dimensions: Readonly<Record<string, string>>, atMs: number): string {
  return JSON.stringify([metricName, Object.entries(dimensions).sort(), atMs]);
}
