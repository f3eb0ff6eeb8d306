import { describe, expect, it } from 'vitest';
import { access, FAR_FUTURE, invocation, Rig } from './scenario.ts';

const T = 1_690_000_000_000;

/** Live reading is far beyond; a span of the past around `T` has been read through `throughMs`. */
async function feedPast(rig: Rig, parts: Parameters<Rig['feed']>[0], throughMs: number): Promise<void> {
  const result = await rig.correlator.process({
    parts,
    nowMs: rig.nowMs,
    watermarkOf: (_unit, atMs) =>
      atMs !== undefined && atMs >= T - 60_000 && atMs < T + 3_600_000 ? throughMs : FAR_FUTURE,
  });
  rig.store.apply(result.records, result.state);
}

describe('lines of the past', () => {
  it('wait for the reading of their own span, however far live reading is', async () => {
    const rig = new Rig();
    await feedPast(rig, invocation({ id: 'L1', startMs: T + 10 }), T);
    expect(rig.alone('L1')).toBeUndefined();
    await feedPast(rig, [access({ id: '1', startMs: T, authzRequestId: 'L1' })], T + 300_000);
    expect(rig.request('1')).toMatchObject({ outcome: 'matched' });
    expect(rig.store.written).toHaveLength(1);
  });

  it('go out alone once their span was read past them', async () => {
    const rig = new Rig();
    await feedPast(rig, invocation({ id: 'L1', startMs: T + 10 }), T);
    await feedPast(rig, [], T + 300_000);
    expect(rig.alone('L1')).toMatchObject({ outcome: 'authorizer_only' });
  });

  it('do not hold back the lines of the present', async () => {
    const rig = new Rig();
    await feedPast(rig, invocation({ id: 'L2', startMs: T + 7_200_000 }), T);
    expect(rig.alone('L2')).toMatchObject({ outcome: 'authorizer_only' });
  });

  it('leave an invocation findable long enough for its access line to be read', async () => {
    const rig = new Rig();
    await feedPast(rig, invocation({ id: 'L1', startMs: T + 10 }), T);
    for (const row of rig.store.rows.values()) expect(row.expiresMs).toBeGreaterThan(rig.nowMs);
  });

  it('add nothing to an invocation or a waiting line when they are read again', async () => {
    const rig = new Rig();
    const lines = invocation({ id: 'L1', startMs: T + 10, gatewayRequestId: 'gateway-1' });
    const request = access({ id: '1', startMs: T, callVisible: false, fields: { requestId: 'gateway-1' } });
    await feedPast(rig, [...lines, request], T);
    await rig.restart();
    await feedPast(rig, [...lines, request], T);
    await feedPast(rig, [], T + 300_000);
    expect(rig.request('1')).toMatchObject({ outcome: 'matched', joinKey: 'gateway_request_id' });
    expect(rig.request('1')?.parts).toHaveLength(5);
    expect(rig.store.written).toHaveLength(1);
  });
});
