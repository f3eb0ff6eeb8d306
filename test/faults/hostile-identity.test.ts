import { describe, expect, it } from 'vitest';
import { access, invocation, Rig } from '../correlate/scenario.ts';
import { logEvent, stageOf } from '../sources/log-fixtures.ts';
import { accessReader } from './line-rig.ts';

const T = 1_699_999_000_000;
const FORGED = '11111111-1111-4111-8111-111111111111';
const REPLACED = 'UUID_REPLACED_INVALID_REQUEST_ID';

const records = (rig: Rig) =>
  [...rig.store.records.values()].flatMap((one) => (one.kind === 'request' ? [one] : []));

describe('a request id that a client chose', () => {
  it('FT-31 used for two customers’ requests joins neither to the other: each keeps its own decision', async () => {
    const rig = new Rig();
    await rig.feed([
      ...invocation({ id: 'L1', startMs: T + 10, customer: 'C-1', gatewayRequestId: FORGED }),
      ...invocation({
        id: 'L2',
        startMs: T + 12,
        customer: 'C-2',
        decision: 'deny',
        gatewayRequestId: FORGED,
      }),
      access({ id: '1', startMs: T, authzRequestId: 'L1', fields: { requestId: FORGED } }),
      access({
        id: '2',
        startMs: T + 2,
        authorizerRequestId: 'L2',
        fields: { requestId: FORGED, status: 403, errorResponseType: 'ACCESS_DENIED' },
      }),
    ]);
    expect(rig.request('1')).toMatchObject({
      outcome: 'matched',
      decision: 'allow',
      customer: 'C-1',
      decisionRequestId: 'L1',
    });
    expect(rig.request('2')).toMatchObject({
      outcome: 'matched',
      decision: 'deny',
      customer: 'C-2',
      decisionRequestId: 'L2',
    });
    expect(new Set(records(rig).map(({ recordId }) => recordId)).size).toBe(2);
  });

  it('FT-31 a record is API, stage and extended request id: the same extended id elsewhere is another request', async () => {
    const rig = new Rig();
    const lineOf = (id: string, stage: Partial<ReturnType<typeof access>['stage']>) => {
      const part = access({
        id,
        startMs: T,
        kind: 'none',
        fields: { extendedRequestId: 'ext-same', requestId: FORGED },
      });
      return { ...part, stage: { ...part.stage, ...stage } };
    };
    await rig.feed([
      lineOf('a', {}),
      lineOf('b', { stage: 'test' }),
      lineOf('c', { apiId: 'other' }),
      lineOf('d', { region: 'us-east-1' }),
    ]);
    expect(records(rig)).toHaveLength(4);
    expect(new Set(records(rig).map(({ recordId }) => recordId)).size).toBe(4);
  });

  it('FT-31 a flood of lines whose id the gateway replaced: as many records, no join, nothing left waiting', async () => {
    const rig = new Rig();
    const read = accessReader(
      '{"id":"$context.requestId","x":"$context.extendedRequestId","s":"$context.status"}',
      undefined,
      stageOf(),
    );
    const lines = Array.from({ length: 3_000 }, (_, n) =>
      logEvent(`{"id":"${REPLACED}","x":"ext-${n}","s":"200"}`, { eventId: `e${n}`, timestampMs: T + n }),
    );
    const parts = read(lines);
    await rig.feed([...parts, ...invocation({ id: 'L1', startMs: T + 10, gatewayRequestId: REPLACED })]);
    await rig.readThrough(T + 600_000);
    const requests = records(rig).filter(({ extendedRequestId }) => extendedRequestId !== undefined);
    expect(requests).toHaveLength(3_000);
    expect(
      requests.every(
        ({ requestId, decisionRequestId }) => requestId === undefined && decisionRequestId === undefined,
      ),
    ).toBe(true);
    expect(new Set(requests.map(({ outcome }) => outcome))).toEqual(new Set(['access_only']));
    expect(requests[0]?.other).toEqual({ requestId: REPLACED });
    expect(rig.correlator.pending).toBe(0);
  });

  it('FT-31 a flood under one valid id: at most one request has the invocation, none is merged, time stays linear', async () => {
    const flood = async (count: number) => {
      const rig = new Rig();
      const lines = Array.from({ length: count }, (_, n) =>
        access({ id: `${n}`, startMs: T + n * 200, callVisible: false, fields: { requestId: FORGED } }),
      );
      const begun = process.cpuUsage();
      await rig.feed([...lines, ...invocation({ id: 'L1', startMs: T + 10, gatewayRequestId: FORGED })]);
      await rig.readThrough(T + count * 200 + 600_000);
      const { user } = process.cpuUsage(begun);
      const requests = records(rig).filter(({ extendedRequestId }) => extendedRequestId !== undefined);
      expect(requests).toHaveLength(count);
      expect(requests.filter(({ outcome }) => outcome === 'matched').length).toBeLessThanOrEqual(1);
      expect(requests.filter(({ outcome }) => outcome === 'cached_decision')).toEqual([]);
      return user / 1_000;
    };
    await flood(300);
    const [small, large] = [await flood(1_000), await flood(4_000)];
    // Four times the lines: four times the time when linear, sixteen times when each line looks at all others.
    expect(large).toBeLessThan(Math.max(400, small * 12));
  });
});

describe('how many lines one decision stands for', () => {
  it('FT-32 one miss and 500 hits: one invocation, claimed once, its lines in one record, named by all', async () => {
    const rig = new Rig();
    const hits = Array.from({ length: 500 }, (_, n) =>
      access({ id: `hit-${n}`, startMs: T + 1_000 + n * 100, authzRequestId: 'L1' }),
    );
    await rig.feed([...hits.slice(250), ...invocation({ id: 'L1', startMs: T + 10, customer: 'C-1' })]);
    await rig.feed([access({ id: 'miss', startMs: T, authzRequestId: 'L1' }), ...hits.slice(0, 250)]);
    await rig.readThrough(T + 600_000);
    const all = records(rig);
    expect(all).toHaveLength(501);
    expect(
      all.filter(({ outcome }) => outcome === 'matched').map(({ extendedRequestId }) => extendedRequestId),
    ).toEqual(['ext-miss']);
    expect(all.filter(({ outcome }) => outcome === 'cached_decision')).toHaveLength(500);
    expect(
      all.every(({ decisionRequestId, customer }) => decisionRequestId === 'L1' && customer === 'C-1'),
    ).toBe(true);
    const events = all.flatMap(({ parts }) => parts.map(({ eventId }) => eventId));
    expect(events).toHaveLength(new Set(events).size);
    expect(events).toHaveLength(501 + 4);
  });
});
