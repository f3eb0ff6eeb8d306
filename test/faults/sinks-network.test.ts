import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { createHttpTransport } from '../../src/http/http-transport.ts';
import type { LaneDrain } from '../../src/pipeline/drain-lane.ts';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { createDynatraceOtlpSettings } from '../../src/sinks/dynatrace/otlp-settings.ts';
import { createSplunkHecSettings, type SplunkHecSettings } from '../../src/sinks/splunk/hec-settings.ts';
import { createSplunkHecSink } from '../../src/sinks/splunk/splunk-hec-sink.ts';
import { createSplunkLoggingTransport } from '../../src/sinks/splunk/splunk-logging-transport.ts';
import { startedSandbox } from '../sandbox/started-sandbox.ts';
import { NOW_MS, requestEntries } from '../sinks/entries.ts';
import { type ChaosProxy, DRIP, startChaosProxy, type Toxics } from '../support/chaos-proxy.ts';
import { until } from '../support/fake-clock.ts';
import { copiesOf, onlyAccess, SinkRig } from './sink-rig.ts';

let rig: SinkRig;
let sandbox: Sandbox;
let toHec: ChaosProxy;
let toOtlp: ChaosProxy;

beforeEach(async () => {
  rig = await SinkRig.start();
  sandbox = await startedSandbox({
    clock: { now: () => NOW_MS },
    hecTokens: [{ token: 'good', indexes: ['apigw'], ack: false }],
    dynatraceTokens: [{ token: 'good' }],
  });
  toHec = await startChaosProxy(sandbox.url);
  toOtlp = await startChaosProxy(sandbox.url);
});

afterEach(async () => {
  await rig.dispose();
  await toHec.close();
  await toOtlp.close();
});

const HEC = { index: 'apigw', events: onlyAccess };

const hecIds = () => [...sandbox.acceptedEvents()].map(({ fields }) => fields?.event_id);
const otlpIds = () =>
  [...sandbox.acceptedItems()].flatMap((item) => (item.kind === 'log' ? [item.attributes.event_id] : []));

function splunk(changes: Partial<SplunkHecSettings> = {}): Promise<LaneDrain> {
  return rig.run(rig.splunk(toHec.url, { ...HEC, ...changes }));
}

function dynatrace(timeoutMs = 5_000): Promise<LaneDrain> {
  return rig.run(rig.dynatrace(`${toOtlp.url}/api/v2/otlp`, { timeoutMs }));
}

async function drained(drain: LaneDrain, count: number): Promise<void> {
  await until(() => drain.status.cursor === count, `the cursor is at ${count}`);
}

describe('an answer that is lost', () => {
  const lost: readonly [string, Toxics][] = [
    [
      'reset after the last byte of the request',
      { toClient: [{ kind: 'cut', afterBytes: 0, how: 'reset' }] },
    ],
    ['cut in the middle of its head', { toClient: [{ kind: 'cut', afterBytes: 20, how: 'end' }] }],
    ['never sent', { toClient: [{ kind: 'black_hole' }] }],
  ];

  it.each(lost)('FT-07 %s: sent again, and every repeat stands under its event_id', async (_, toxics) => {
    toHec.plan = (connection) => (connection <= 2 ? toxics : {});
    toOtlp.plan = (connection) => (connection <= 2 ? toxics : {});
    const ids = await rig.requests(200);
    const lanes = [await splunk({ timeoutMs: 300 }), await dynatrace(300)];
    for (const lane of lanes) await drained(lane, 200);
    for (const taken of [hecIds(), otlpIds()]) {
      expect(new Set(taken)).toEqual(new Set(ids));
      // Accepted twice without our knowing, then a third time: each lost answer costs one repeat, no more.
      const copies = [...copiesOf(taken).values()];
      expect(Math.min(...copies)).toBeGreaterThan(1);
      expect(Math.max(...copies)).toBe(3);
    }
    expect(await rig.journal.deadLetters()).toEqual([]);
  });

  it('FT-07 a request that is cut in the middle is not taken in part, and is sent again', async () => {
    toHec.plan = (connection) =>
      connection <= 3 ? { toServer: [{ kind: 'cut', afterBytes: connection * 900, how: 'reset' }] } : {};
    const ids = await rig.requests(200);
    await drained(await splunk(), 200);
    expect(hecIds()).toEqual(ids);
    expect(toHec.connections.length).toBeGreaterThan(3);
  });
});

describe('a destination that never answers', () => {
  const silent: readonly [string, Toxics][] = [
    ['swallows everything', { toServer: [{ kind: 'black_hole' }] }],
    ['answers with one byte a second', { toClient: [DRIP] }],
    ['reads one byte a second', { toServer: [DRIP] }],
    [
      'closes its half instead of answering',
      { toClient: [{ kind: 'cut', afterBytes: 0, how: 'half_close' }] },
    ],
  ];

  it.each(silent)(
    'FT-08 HEC that %s blocks nobody: OTLP has everything, and HEC once it is well',
    async (_, toxics) => {
      toHec.plan = () => toxics;
      const ids = await rig.requests(300);
      const [hecLane, otlpLane] = [await splunk({ timeoutMs: 250 }), await dynatrace()];
      await drained(otlpLane, 300);
      expect(otlpIds()).toEqual(ids);
      await until(() => (hecLane.status.trouble ?? '') !== '', 'the HEC lane is in trouble');
      expect(hecLane.status.cursor).toBe(0);
      expect(otlpLane.status.trouble).toBeUndefined();
      // What comes while HEC is silent still reaches the other at once.
      await rig.commit(
        requestEntries(310)
          .slice(300)
          .map(({ record }) => record),
      );
      otlpLane.wake();
      await drained(otlpLane, 310);
      toHec.plan = () => ({});
      toHec.resetAll();
      await drained(hecLane, 310);
      expect(new Set(hecIds()).size).toBe(310);
    },
  );

  it.each(['own client', 'splunk-logging'])(
    'FT-08 the deadline is hard for %s, also while bytes drip',
    async (client) => {
      toHec.plan = () => ({ toClient: [DRIP] });
      const settings = createSplunkHecSettings({
        url: toHec.url,
        token: new Secret('good'),
        ...HEC,
        timeoutMs: 400,
      });
      const transport = client === 'own client' ? {} : { transport: createSplunkLoggingTransport(settings) };
      const sink = createSplunkHecSink({ ...rig.parts, name: 'splunk', settings, ...transport });
      const begun = performance.now();
      const verdict = await sink.send(requestEntries(3), new AbortController().signal);
      expect(performance.now() - begun).toBeLessThan(2_000);
      expect(verdict).toMatchObject({ accepted: [], retry: [1, 2, 3] });
      expect(verdict.retryReason).toBe('no complete answer within 400 ms');
      await sink.close();
    },
  );

  it('FT-08 a TLS handshake that never ends is given up as a connection', async () => {
    const hole: Server = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
    const { port } = hole.address() as AddressInfo;
    const http = createHttpTransport({ connectTimeoutMs: 300, timeoutMs: 20_000, connections: 1 });
    const request = {
      method: 'POST',
      url: new URL(`https://127.0.0.1:${port}/`),
      headers: {},
      body: 'x',
    } as const;
    const begun = performance.now();
    const outcome = await http.send(request, new AbortController().signal);
    // The client looks at its connection timers about once a second.
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect(outcome).toMatchObject({ kind: 'failure', failure: 'connect' });
    await http.close();
    hole.close();
  });

  it('FT-08 without settings of their own, sinks connect within 5 s and have their answer within 30 s', () => {
    const given = { url: 'https://example.com', token: new Secret('x') };
    for (const settings of [createSplunkHecSettings(given), createDynatraceOtlpSettings(given)]) {
      expect(settings).toMatchObject({ connectTimeoutMs: 5_000, timeoutMs: 30_000 });
    }
  });
});

describe('a bad network', () => {
  it('loses nothing through latency, resets, cuts and slow reading together', async () => {
    const weather: readonly Toxics[] = [
      { refuse: true },
      { toServer: [{ kind: 'cut', afterBytes: 4_000, how: 'reset' }] },
      { toClient: [{ kind: 'cut', afterBytes: 30, how: 'reset' }] },
      {
        toServer: [{ kind: 'pace', bytesPerSecond: 400_000 }],
        toClient: [{ kind: 'latency', ms: 5, jitterMs: 20 }],
      },
      { toClient: [{ kind: 'cut', afterBytes: 0, how: 'end' }] },
      { toServer: [{ kind: 'black_hole', afterBytes: 500 }] },
    ];
    const plan = (connection: number): Toxics =>
      connection <= 7 ? (weather[connection % weather.length] ?? {}) : {};
    toHec.plan = plan;
    toOtlp.plan = plan;
    const ids = await rig.requests(800);
    const lanes = [
      await splunk({ timeoutMs: 400, maxBodyBytes: 65_536, maxBatchEntries: 200 }),
      await dynatrace(400),
    ];
    for (const lane of lanes) await drained(lane, 800);
    expect(new Set(hecIds())).toEqual(new Set(ids));
    expect(new Set(otlpIds())).toEqual(new Set(ids));
    expect(toHec.connections.length).toBeGreaterThan(7);
    expect(toOtlp.connections.length).toBeGreaterThan(7);
    expect(await rig.journal.deadLetters()).toEqual([]);
    expect(rig.logger.at('error')).toEqual([]);
  });
});
