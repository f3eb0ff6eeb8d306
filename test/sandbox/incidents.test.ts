import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { noFaults } from '../../src/sandbox/faults.ts';
import { createGeneratedWorld } from '../../src/sandbox/generated-world.ts';
import { INCIDENT_API, INCIDENT_FACTOR, INCIDENT_STAGE, Incidents } from '../../src/sandbox/incidents.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import type { World } from '../../src/sandbox/world.ts';
import { closing, startedSandbox } from './started-sandbox.ts';
import { eventKey, eventsByKey, HISTORY_END_MS, requestsOf } from './traffic-world.ts';

const MINUTE = 60_000;
const FROM = HISTORY_END_MS - 20 * MINUTE;
const SLOW = { api: INCIDENT_API, stage: INCIDENT_STAGE, factor: INCIDENT_FACTOR };
/** After the stage changed its format: the newer one says how long a request took. */
const incident = { ...SLOW, fromMs: FROM + 10 * MINUTE, toMs: FROM + 15 * MINUTE };

function worldWith(incidents: readonly (typeof incident)[]): World {
  return createGeneratedWorld({
    seed: 5,
    historyFromMs: FROM,
    historyToMs: HISTORY_END_MS,
    ratePerSecond: 10,
    incidents,
  });
}

/** Requests of a world in the order they came, with what their access line says of their duration. */
function requestsIn(world: World) {
  const events = eventsByKey(world);
  const rows = requestsOf([...world.truth(HISTORY_END_MS + world.longestLagMs)]);
  return rows.flatMap((row) => {
    const message = row.access === undefined ? undefined : events.get(eventKey(row.access))?.message;
    const tookMs = Number(/"responseLatency":"(\d+)"/.exec(message ?? '')?.[1] ?? Number.NaN);
    return [{ ...row, tookMs }];
  });
}

function p99(world: World, fromMs: number): number {
  const series = world.series.find(
    ({ metricName, dimensions }) =>
      metricName === 'Latency' &&
      dimensions.ApiName === INCIDENT_API &&
      dimensions.Stage === INCIDENT_STAGE &&
      dimensions.Method === undefined,
  );
  if (series === undefined) throw new Error('Expected a Latency series of the stage, got none');
  const [point] = world.points(series, 'p99', 300, fromMs, fromMs + 5 * MINUTE, HISTORY_END_MS + 10 * MINUTE);
  return point?.value ?? Number.NaN;
}

describe('an incident', () => {
  const [well, slow] = [worldWith([]), worldWith([incident])];

  it('makes the same requests slower, and changes nothing else', () => {
    const [before, after] = [requestsIn(well), requestsIn(slow)];
    const facts = (rows: typeof before) =>
      rows.map(({ extendedRequestId, status, outcome, customer }) =>
        [extendedRequestId, status, outcome, customer].join(' '),
      );
    expect(facts(after)).toEqual(facts(before));
    const changed = after.filter(({ tookMs }, index) => tookMs !== before[index]?.tookMs && tookMs > 0);
    expect(changed.length).toBeGreaterThan(400);
    for (const { apiName, stage, eventMs } of changed) {
      expect([apiName, stage]).toEqual([INCIDENT_API, INCIDENT_STAGE]);
      // A request that began a moment before reached its backend when that was slow already.
      expect(eventMs).toBeGreaterThan(incident.fromMs - 5_000);
      expect(eventMs).toBeLessThan(incident.toMs);
    }
  });

  it('shows in the percentiles while it lasts, above the alarm of the example set, and not afterwards', () => {
    expect(p99(slow, FROM)).toBeLessThan(3_000);
    expect(p99(slow, incident.fromMs)).toBeGreaterThan(5_000);
    expect(p99(slow, incident.toMs)).toBeLessThan(3_000);
    expect(p99(well, incident.fromMs)).toBeLessThan(3_000);
  });

  it('is told the same by access lines and by metrics', () => {
    const minuteMs = incident.fromMs + 2 * MINUTE;
    const took = requestsIn(slow)
      .filter(({ apiName, eventMs, tookMs }) => {
        const endMs = eventMs + tookMs;
        return apiName === INCIDENT_API && endMs >= minuteMs && endMs < minuteMs + MINUTE;
      })
      .map(({ tookMs }) => tookMs);
    const series = slow.series.find(
      ({ metricName, dimensions }) =>
        metricName === 'Latency' && dimensions.ApiName === INCIDENT_API && dimensions.Stage === undefined,
    );
    if (series === undefined) throw new Error('Expected a Latency series of the API, got none');
    const settledMs = HISTORY_END_MS + 10 * MINUTE;
    const [point] = slow.points(series, 'Maximum', 60, minuteMs, minuteMs + MINUTE, settledMs);
    expect(point?.value).toBe(Math.max(...took));
  });

  it('begins and ends on time, and the worst of two counts', () => {
    const incidents = new Incidents();
    incidents.add({ ...SLOW, fromMs: 10, toMs: 30, factor: 4 });
    incidents.add({ ...SLOW, fromMs: 20, toMs: 40, factor: 9 });
    const at = (ms: number) => incidents.factorAt(INCIDENT_API, INCIDENT_STAGE, ms);
    expect([9, 10, 19, 20, 39, 40].map(at)).toEqual([1, 4, 4, 9, 9, 1]);
    expect(incidents.factorAt('other-api', INCIDENT_STAGE, 25)).toBe(1);
    incidents.endAll(25);
    expect([24, 25, 35].map(at)).toEqual([9, 1, 1]);
  });
});

describe('POST /_sandbox/incident', () => {
  async function posting(world: World) {
    const sandbox = closing(
      await startSandbox({
        world,
        port: 0,
        clock: { now: () => HISTORY_END_MS },
        faults: noFaults,
        seed: 1,
        logger: silentLogger,
      }),
    );
    return async (body: object) => {
      const response = await fetch(`${sandbox.url}/_sandbox/incident`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      return { status: response.status, answer: await response.json() };
    };
  }

  it('makes a stage slow from now on, and 0 minutes end that', async () => {
    const world = worldWith([]);
    const post = await posting(world);
    const toMs = HISTORY_END_MS + 10 * MINUTE;
    expect(await post({ minutes: 10 })).toEqual({
      status: 200,
      answer: { incidents: [{ ...SLOW, fromMs: HISTORY_END_MS, toMs }] },
    });
    world.advanceTo(HISTORY_END_MS + 6 * MINUTE);
    expect(p99(world, HISTORY_END_MS)).toBeGreaterThan(5_000);
    expect(await post({ minutes: 0 })).toMatchObject({ answer: { incidents: [] } });
  });

  it('refuses what names no stage of the fleet, and a world without backends', async () => {
    const post = await posting(worldWith([]));
    expect(await post({ minutes: 10, api: 'nobody' })).toMatchObject({
      status: 400,
      answer: { error: expect.stringContaining('got nobody and prod') },
    });
    expect(await post({ minutes: -1 })).toMatchObject({ status: 400 });
    const small = await startedSandbox();
    const answer = await fetch(`${small.url}/_sandbox/incident`, { method: 'POST', body: '{"minutes":1}' });
    expect(answer.status).toBe(400);
  });
});
