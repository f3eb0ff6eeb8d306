import { CloudWatchClient, type MetricDataResult, paginateGetMetricData } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { describe, expect, it } from 'vitest';
import {
  Counters,
  FaultInjector,
  type FaultName,
  type FaultSettings,
  parseFaults,
  usualFaults,
} from '../../src/sandbox/faults.ts';
import { createSandboxClock } from '../../src/sandbox/sandbox-clock.ts';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { accessGroup, central, historyFromMs, historyToMs, region, smallWorld } from './small-world.ts';
import { closing, sdkSettings, startedSandbox } from './started-sandbox.ts';

function withFaults(...names: FaultName[]): Promise<Sandbox> {
  return startedSandbox({
    faults: { names },
    hecTokens: [{ token: 'good' }],
    dynatraceTokens: [{ token: 'dt' }],
  });
}

function logsClient(sandbox: Sandbox, maxAttempts = 1, accessKeyId?: string): CloudWatchLogsClient {
  const client = new CloudWatchLogsClient({ ...sdkSettings(sandbox, accessKeyId), maxAttempts });
  return closing(Object.assign(client, { close: () => client.destroy() }));
}

const window = { logGroupName: accessGroup, startTime: historyFromMs, endTime: historyToMs };

/** How `times` calls end: the name of the error, or `ok`. */
async function outcomes(times: number, call: () => Promise<unknown>): Promise<string[]> {
  const ends: string[] = [];
  for (let time = 0; time < times; time += 1) {
    ends.push(
      await call().then(
        () => 'ok',
        (error: unknown) => (error instanceof Error ? error.name : 'unknown'),
      ),
    );
  }
  return ends;
}

async function send(sandbox: Sandbox, event: number) {
  const response = await fetch(`${sandbox.url}/services/collector/event`, {
    method: 'POST',
    headers: { authorization: 'Splunk good' },
    body: JSON.stringify({ event }),
  });
  const text = await response.text();
  return text.startsWith('{') ? `${response.status} ${JSON.parse(text).code}` : `${response.status} html`;
}

describe('a fault', () => {
  it('happens at its rate, soon for the first time and never twice in a row, the same for one seed', () => {
    const run = (seed: number) => {
      const counters = new Counters();
      const settings: FaultSettings = { names: ['throttle'], rates: { throttle: 0.1 } };
      const faults = new FaultInjector({ settings, seed, counters });
      const hits = Array.from({ length: 1_000 }, () => faults.happens('throttle', 'op'));
      return { hits, count: counters.get('throttle') };
    };
    const { hits, count } = run(1);
    expect(hits.indexOf(true)).toBeLessThan(8);
    expect(hits.some((hit, index) => hit && hits[index + 1])).toBe(false);
    expect(count).toBe(hits.filter(Boolean).length);
    expect(count).toBeGreaterThan(70);
    expect(count).toBeLessThan(140);
    expect(run(1).hits).toEqual(hits);
    expect(run(2).hits).not.toEqual(hits);
  });

  it('is named on the command line, and every unknown name is reported', () => {
    expect(parseFaults('none').names).toEqual([]);
    expect(parseFaults('late, throttle').names).toEqual(['late', 'throttle']);
    expect(parseFaults('usual,slow').names).toEqual([...usualFaults.names, 'slow']);
    expect(() => parseFaults('late,typo,other')).toThrow(/typo, other/);
    expect(parseFaults('all').names).toContain('empty-run');
    expect(parseFaults('all').names).not.toContain('aws-outage');
    expect(parseFaults('aws-outage').names).toEqual(['aws-outage']);
  });
});

describe('faults of AWS', () => {
  it('throttles some calls, which the SDK retries', async () => {
    const sandbox = await withFaults('throttle');
    const client = logsClient(sandbox);
    const ends = await outcomes(30, () => client.send(new FilterLogEventsCommand(window)));
    expect(new Set(ends)).toEqual(new Set(['ok', 'ThrottlingException']));
    expect(sandbox.faultCounts.get('throttle')).toBe(ends.filter((end) => end !== 'ok').length);
    const retrying = logsClient(sandbox, 3);
    expect(await outcomes(10, () => retrying.send(new FilterLogEventsCommand(window)))).toEqual(
      Array(10).fill('ok'),
    );
  });

  it("throttles API Gateway's control plane as one, because its operations share one allowance", async () => {
    const sandbox = await startedSandbox({ faults: { names: ['throttle'], rates: { throttle: 0.5 } } });
    const authorization = `AWS4-HMAC-SHA256 Credential=AKIASANDBOX/20260101/${region}/apigateway/aws4_request`;
    const statuses: number[] = [];
    for (const path of ['/restapis', '/v2/apis', '/restapis', '/v2/apis', '/restapis', '/v2/apis']) {
      const answer = await fetch(`${sandbox.url}${path}`, { headers: { authorization } });
      await answer.arrayBuffer();
      statuses.push(answer.status);
    }
    expect([
      [200, 429, 200, 429, 200, 429],
      [429, 200, 429, 200, 429, 200],
    ]).toContainEqual(statuses);
  });

  it('sends empty pages with a token, and the pages together still hold every event', async () => {
    const sandbox = await withFaults('empty');
    const client = logsClient(sandbox);
    const ids: (string | undefined)[] = [];
    let empty = 0;
    let nextToken: string | undefined;
    do {
      const page = await client.send(new FilterLogEventsCommand({ ...window, limit: 5, nextToken }));
      if (page.events?.length === 0) empty += 1;
      ids.push(...(page.events ?? []).map((event) => event.eventId));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    expect(ids).toEqual(Array.from({ length: 100 }, (_, n) => String(n).padStart(8, '0')));
    expect(empty).toBeGreaterThan(0);
    expect(sandbox.faultCounts.get('empty')).toBe(empty);
  });

  it('returns partial metric results that say so, and whole ones on another reading', async () => {
    const sandbox = await startedSandbox({ faults: { names: ['partial'], rates: { partial: 0.4 } } });
    const client = new CloudWatchClient(sdkSettings(sandbox));
    closing({ close: () => client.destroy() });
    const Metric = {
      Namespace: 'AWS/ApiGateway',
      MetricName: 'Latency',
      Dimensions: [{ Name: 'ApiName', Value: 'orders' }],
    };
    const statuses = new Set<string>();
    for (let reading = 0; reading < 40; reading += 1) {
      const last = new Map<string | undefined, MetricDataResult>();
      let points = 0;
      const input = {
        StartTime: new Date(historyFromMs),
        EndTime: new Date(historyToMs),
        MetricDataQueries: [{ Id: 'a', MetricStat: { Metric, Period: 60, Stat: 'p99' } }],
      };
      for await (const page of paginateGetMetricData({ client }, input)) {
        for (const result of page.MetricDataResults ?? []) {
          last.set(result.Id, result);
          points += result.Values?.length ?? 0;
        }
      }
      const { StatusCode, Messages } = last.get('a') ?? {};
      statuses.add(StatusCode ?? '');
      expect(StatusCode === 'Complete' ? points === 60 : points < 60 && Messages?.length === 1).toBe(true);
    }
    expect(statuses).toEqual(new Set(['Complete', 'PartialData', 'InternalError']));
  });

  it('closes connections before the work or before the answer', async () => {
    const sandbox = await startedSandbox({ faults: { names: ['reset'], rates: { reset: 0.3 } } });
    const client = logsClient(sandbox);
    const ends = await outcomes(20, () => client.send(new FilterLogEventsCommand(window)));
    expect(ends).toContain('ok');
    expect(ends.filter((end) => end !== 'ok').length).toBe(sandbox.faultCounts.get('reset'));
  });

  it('denies the first calls of an operation, and refuses assumed credentials now and then', async () => {
    const sandbox = await withFaults('denied');
    const client = logsClient(sandbox);
    expect(await outcomes(5, () => client.send(new FilterLogEventsCommand(window)))).toEqual([
      ...Array(3).fill('AccessDeniedException'),
      'ok',
      'ok',
    ]);
    const expiring = logsClient(await withFaults('expired-credentials'), 1, `ASIA${central}GW`);
    const ends = await outcomes(10, () => expiring.send(new FilterLogEventsCommand(window)));
    expect(ends).toContain('ExpiredTokenException');
  });

  it('throttles nine of ten calls in a storm, also many in a row', async () => {
    const client = logsClient(await withFaults('throttle-storm'));
    const ends = await outcomes(60, () => client.send(new FilterLogEventsCommand(window)));
    const throttled = ends.filter((end) => end === 'ThrottlingException').length;
    expect(throttled).toBeGreaterThan(45);
    expect(throttled).toBeLessThan(60);
    expect(ends.join()).toContain('ThrottlingException,ThrottlingException,ThrottlingException');
  });

  it('tells its own time when its clock is ahead or behind, and refuses signatures made by another', async () => {
    for (const [fault, aheadMs] of [
      ['aws-ahead', 600_000],
      ['aws-behind', -600_000],
    ] as const) {
      const client = logsClient(await withFaults(fault));
      // The SDK corrects its clock by the refusal, so the next signature is in time.
      expect(await outcomes(2, () => client.send(new FilterLogEventsCommand(window)))).toEqual([
        'InvalidSignatureException',
        'ok',
      ]);
      expect(Math.abs(client.config.systemClockOffset - aheadMs)).toBeLessThan(5_000);
    }
  });

  it('refuses what is above the quota of the Region', async () => {
    const client = logsClient(await startedSandbox({ quotas: 'aws' }));
    const calls = Array.from({ length: 25 }, () =>
      outcomes(1, () => client.send(new FilterLogEventsCommand(window))),
    );
    const ends = (await Promise.all(calls)).flat();
    expect(ends.filter((end) => end === 'ok').length).toBeGreaterThanOrEqual(10);
    expect(ends).toContain('ThrottlingException');
  });
});

describe('faults of the sinks', () => {
  it.each([
    ['busy', ['503 9', '429 26']],
    ['near-capacity', ['200 24']],
    ['html', ['502 html']],
    ['shutting-down', ['503 23']],
  ] as const)('%s answers as Splunk or its load balancer does', async (name, answers) => {
    const sandbox = await startedSandbox({
      faults: { names: [name], rates: { [name]: 0.4 } },
      hecTokens: [{ token: 'good' }],
    });
    const seen = new Set<string>();
    let accepted = 0;
    for (let event = 0; event < 40; event += 1) {
      const answer = await send(sandbox, event);
      seen.add(answer);
      if (answer.startsWith('200')) accepted += 1;
    }
    expect(seen).toEqual(new Set(['200 0', ...answers]));
    expect([...sandbox.acceptedEvents()]).toHaveLength(accepted);
  });

  it('reset loses the answer of a request that was accepted, so that a retry is a repeat', async () => {
    const sandbox = await startedSandbox({
      faults: { names: ['reset'], rates: { reset: 0.5 } },
      hecTokens: [{ token: 'good' }],
    });
    for (let event = 0; event < 20; event += 1) {
      for (let isDone = false; !isDone; )
        isDone = await send(sandbox, event).then(
          () => true,
          () => false,
        );
    }
    const events = [...sandbox.acceptedEvents()].map((row) => row.event);
    expect(new Set(events)).toEqual(new Set(Array.from({ length: 20 }, (_, n) => n)));
    expect(events.length).toBeGreaterThan(20);
  });

  it('otlp-busy answers 503 and 429 with Retry-After', async () => {
    const sandbox = await startedSandbox({
      faults: { names: ['otlp-busy'], rates: { 'otlp-busy': 0.4 } },
      dynatraceTokens: [{ token: 'dt' }],
    });
    const seen = new Set<string>();
    for (let time = 0; time < 30; time += 1) {
      const { status, headers } = await fetch(`${sandbox.url}/api/v2/otlp/v1/metrics`, {
        method: 'POST',
        headers: { authorization: 'Api-Token dt', 'content-type': 'application/x-protobuf' },
      });
      seen.add(`${status} ${headers.get('retry-after')}`);
    }
    expect(seen).toEqual(new Set(['200 null', '503 1', '429 1']));
  });
});

describe('rarer faults', () => {
  it('aws-5xx answers as a failing service, which the SDK retries', async () => {
    const sandbox = await startedSandbox({ faults: { names: ['aws-5xx'], rates: { 'aws-5xx': 0.4 } } });
    const client = logsClient(sandbox);
    const ends = await outcomes(10, () => client.send(new FilterLogEventsCommand(window)));
    expect(new Set(ends)).toEqual(new Set(['ok', 'ServiceUnavailableException']));
  });

  it('slow holds an answer back', async () => {
    const sandbox = await startedSandbox({ faults: { names: ['slow'], rates: { slow: 1 } } });
    const startedAt = performance.now();
    await fetch(`${sandbox.url}/services/collector/health`);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(195);
    expect(sandbox.faultCounts.get('slow')).toBe(1);
  });

  it('ack-lost never acknowledges, and ack-capacity tells or refuses', async () => {
    const hecTokens = [{ token: 'good', ack: true }];
    const hec = { ackDelayMs: 0 };
    const post = async (sandbox: Sandbox, path: string, body: unknown): Promise<Record<string, unknown>> => {
      const response = await fetch(`${sandbox.url}/services/collector${path}`, {
        method: 'POST',
        headers: {
          authorization: 'Splunk good',
          'x-splunk-request-channel': '11111111-2222-3333-4444-555555555555',
        },
        body: JSON.stringify(body),
      });
      return JSON.parse(await response.text());
    };
    const lossy = await startedSandbox({
      faults: { names: ['ack-lost'], rates: { 'ack-lost': 1 } },
      hecTokens,
      hec,
    });
    expect(await post(lossy, '/event', { event: 1 })).toMatchObject({ code: 0, ackId: 0 });
    expect(await post(lossy, '/ack', { acks: [0] })).toEqual({ acks: { 0: false } });
    expect([...lossy.acceptedEvents()]).toHaveLength(1);
    const full = await startedSandbox({
      faults: { names: ['ack-capacity'], rates: { 'ack-capacity': 0.4 } },
      hecTokens,
      hec,
    });
    const codes = new Set<unknown>();
    let accepted = 0;
    for (let event = 0; event < 20; event += 1) {
      const { code, ackId } = await post(full, '/event', { event });
      codes.add(code);
      if (ackId !== undefined) accepted += 1;
    }
    expect(codes).toEqual(new Set([0, 25, 27]));
    expect([...full.acceptedEvents()]).toHaveLength(accepted);
  });
});

describe('the control endpoints', () => {
  const json = async (sandbox: Sandbox, path: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`${sandbox.url}/_sandbox${path}`, init);
    return { status: response.status, body: await response.json() };
  };

  it('show and replace faults, and count what happened', async () => {
    const sandbox = await startedSandbox({ hecTokens: [{ token: 'good' }] });
    expect((await json(sandbox, '/faults', { names: ['busy', 'slow'] })).body).toEqual({
      names: ['busy', 'slow'],
    });
    expect((await json(sandbox, '/faults', { names: ['typo'] })).status).toBe(400);
    await json(sandbox, '/faults', { names: 'none' });
    await send(sandbox, 1);
    expect((await json(sandbox, '/stats')).body).toMatchObject({
      accepted: { splunk: 1, dynatrace: 0 },
      counts: { 'hec.code.0': 1, 'hec.events': 1 },
      faults: { late: 27 },
    });
  });

  it('set and freeze the clock; traffic is made only while it runs', async () => {
    const clock = createSandboxClock({ host: { now: () => 5_000 } });
    const world = smallWorld();
    const sandbox = await startedSandbox({
      world,
      clock,
      steer: clock.steer,
      freeze: clock.freeze,
      isFrozen: () => clock.frozen,
    });
    expect((await json(sandbox, '/clock', { nowMs: historyToMs })).body).toMatchObject({
      nowMs: historyToMs,
      frozen: false,
    });
    await json(sandbox, '/stats');
    expect(world.advancedTo.at(-1)).toBe(historyToMs);
    const advances = world.advancedTo.length;
    expect((await json(sandbox, '/clock', { frozen: true })).body).toMatchObject({
      nowMs: historyToMs,
      frozen: true,
    });
    await json(sandbox, '/clock', { nowMs: historyToMs + 1 });
    await json(sandbox, '/stats');
    expect(world.advancedTo).toHaveLength(advances + 1);
    expect(clock.now()).toBe(historyToMs + 1);
  });

  it('refuse to set a clock that cannot be set', async () => {
    expect((await json(await startedSandbox(), '/clock', { nowMs: 1 })).status).toBe(400);
  });

  it('stream the truth and what was accepted, one JSON object a line', async () => {
    const sandbox = await startedSandbox({ hecTokens: [{ token: 'good' }] });
    await send(sandbox, 7);
    const lines = async (path: string) =>
      (await (await fetch(`${sandbox.url}/_sandbox${path}`)).text()).trim().split('\n');
    expect((await lines('/accepted/splunk')).map((line) => JSON.parse(line))).toMatchObject([
      { n: 0, index: 'main', event: 7 },
    ]);
    expect((await lines('/truth')).map((line) => JSON.parse(line))).toMatchObject([
      { type: 'metric', account: central, region },
    ]);
    expect(await lines('/accepted/dynatrace')).toEqual(['']);
  });
});
