import { describe, expect, it } from 'vitest';
import type { AccessPart } from '../../src/model/part.ts';
import { access, FAR_FUTURE, invocation, Rig } from './scenario.ts';

const T = 1_700_000_000_000;

function named(n: number): AccessPart {
  return access({ id: `${n}`, startMs: T + n, authzRequestId: `L${n}` });
}

function byGatewayId(n: number): AccessPart {
  return access({ id: `${n}`, startMs: T + n, callVisible: false, fields: { requestId: `G-${n}` } });
}

function message(n: number): AccessPart {
  const fields = { route: 'send', eventType: 'MESSAGE', connectionId: `c-${n}` };
  return access({ id: `${n}`, startMs: T + n, protocol: 'WEBSOCKET', fields });
}

function made(n: number): ReturnType<typeof invocation> {
  const told = { gatewayRequestId: `G-${n}`, customer: `C-${n}` };
  return invocation({ id: `L${n}`, startMs: T + n + 5, ...told });
}

function rowsOf(rig: Rig, kind: string): number {
  return [...rig.store.rows.values()].filter((row) => row.kind === kind).length;
}

describe('lines that wait for a partner', () => {
  it.each([
    ['invocation', named],
    ['gateway request id', byGatewayId],
    ['connection', message],
  ])('are no more in memory than the bound, by %s', async (_what, line) => {
    const rig = new Rig({ linesInMemory: 10 });
    for (let n = 0; n < 60; n += 4) {
      await rig.feed([line(n), line(n + 1), line(n + 2), line(n + 3)]);
      expect(rig.correlator.pending).toBeLessThanOrEqual(10);
    }
    rig.nowMs += 6 * 60_000;
    await rig.readThrough(FAR_FUTURE);
    expect([...rig.store.records.values()]).toHaveLength(60);
  });

  it('leave early the oldest first, those that have left are forgotten first, and each goes out once', async () => {
    const rig = new Rig({ linesInMemory: 10 });
    await rig.feed(Array.from({ length: 11 }, (_one, n) => named(n)));
    const out = [...rig.store.records.values()];
    expect(out).toMatchObject([
      { extendedRequestId: 'ext-0', outcome: 'access_only' },
      { extendedRequestId: 'ext-1', outcome: 'access_only' },
    ]);
    expect(rowsOf(rig, 'waiting')).toBe(9);
    expect(rowsOf(rig, 'parked_named')).toBe(2);
    await rig.readThrough(T + 60_000);
    await rig.feed([named(70_000), named(70_001)]);
    // Eleven waited, of which nine had left: two of those made room, and the two new ones wait on.
    expect(rig.request('70000')).toBeUndefined();
    expect(rig.correlator.pending).toBe(9);
    await rig.readThrough(FAR_FUTURE);
    expect(rig.store.written).toHaveLength(13);
  });

  it.each([
    ['invocation', named, false],
    ['invocation, after a restart', named, true],
    ['gateway request id', byGatewayId, false],
    ['gateway request id, after a restart', byGatewayId, true],
  ])(
    'are revised when their partner is read a moment after they left early, by %s',
    async (_what, line, restarts) => {
      const rig = new Rig({ linesInMemory: 4, bodiesInMemory: 0, invocationsInMemory: 0 });
      for (let n = 0; n < 20; n += 1) await rig.feed([line(n)]);
      expect(rig.request('0')).toMatchObject({ outcome: 'access_only' });
      for (let n = 0; n < 20; n += 1) {
        if (restarts) await rig.restart();
        await rig.feed(made(n));
        expect(rig.correlator.pending).toBeLessThanOrEqual(4);
      }
      await rig.readThrough(FAR_FUTURE);
      for (let n = 0; n < 20; n += 1)
        expect(rig.request(`${n}`)).toMatchObject({ outcome: 'matched', customer: `C-${n}` });
    },
  );

  it('tells messages of a connection that left early who opened it', async () => {
    const rig = new Rig({ linesInMemory: 2 });
    const fields = { route: '$connect', eventType: 'CONNECT', connectionId: 'c-1' };
    for (let n = 1; n < 6; n += 1) await rig.feed([message(n)]);
    expect(rig.request('1')).toMatchObject({ outcome: 'access_only' });
    const opening = {
      id: '0',
      startMs: T - 100,
      protocol: 'WEBSOCKET',
      authorizerRequestId: 'L0',
      fields,
    } as const;
    await rig.restart();
    await rig.feed([access(opening), ...invocation({ id: 'L0', startMs: T - 90, customer: 'C-1' })]);
    expect(rig.request('1')).toMatchObject({ outcome: 'connection_decision', customer: 'C-1' });
  });

  it('leave with their partner when that came in the same batch', async () => {
    const rig = new Rig({ linesInMemory: 0 });
    for (let n = 0; n < 10; n += 1) await rig.feed([n % 2 === 0 ? named(n) : byGatewayId(n), ...made(n)]);
    const outcomes = rig.store.written.map((one) => (one.kind === 'request' ? one.outcome : one.kind));
    expect(outcomes).toEqual(Array.from({ length: 10 }, () => 'matched'));
  });

  it.each([
    ['invocation', named, false],
    ['gateway request id', byGatewayId, false],
    ['invocation, out alone', named, true],
    ['gateway request id, out alone', byGatewayId, true],
  ])(
    'stay within the bound when a start finds more of them, and all find their partner by %s',
    async (_what, line, isOut) => {
      const before = new Rig();
      await before.feed(Array.from({ length: 200 }, (_one, n) => line(n)));
      if (isOut) await before.readThrough(T + 60_000);
      const rig = new Rig({ linesInMemory: 20, invocationsInMemory: 0 });
      rig.store.take(before.store);
      await rig.restart();
      expect(rig.correlator.pending).toBe(20);
      await rig.feed(Array.from({ length: 200 }, (_one, n) => made(n)).flat());
      for (let n = 0; n < 200; n += 1) {
        await rig.feed([]);
        expect(rig.correlator.pending).toBeLessThanOrEqual(20);
        if (n % 30 === 0) await rig.restart();
      }
      await rig.readThrough(FAR_FUTURE);
      for (let n = 0; n < 200; n += 1)
        expect(rig.request(`${n}`)).toMatchObject({ outcome: 'matched', customer: `C-${n}` });
      expect(rowsOf(rig, 'waiting')).toBeLessThanOrEqual(20);
    },
  );
});
