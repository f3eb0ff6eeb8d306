import { describe, expect, it } from 'vitest';
import { access, FAR_FUTURE, invocation, Rig } from './scenario.ts';

const T = 1_699_999_000_000;

describe('a request with a Lambda authorizer', () => {
  it('is matched at once when its invocation is complete', async () => {
    const rig = new Rig();
    await rig.feed([
      ...invocation({ id: 'L1', startMs: T + 10, customer: 'C-1', reason: 'token valid' }),
      access({ id: '1', startMs: T, authzRequestId: 'L1' }),
    ]);
    const record = rig.request('1');
    expect(record).toMatchObject({
      outcome: 'matched',
      joinKey: 'authz_request_id',
      decision: 'allow',
      decisionSource: 'authorizer_log',
      decisionReason: 'token valid',
      customer: 'C-1',
      customerSource: 'authorizer_log',
      decisionRequestId: 'L1',
    });
    expect(record?.parts).toHaveLength(5);
    expect(rig.correlator.pending).toBe(0);
  });

  it('waits for the REPORT line, then is matched', async () => {
    const rig = new Rig();
    const lines = invocation({ id: 'L1', startMs: T + 10 });
    await rig.feed([access({ id: '1', startMs: T, authorizerRequestId: 'L1' }), ...lines.slice(0, 2)]);
    expect(rig.request('1')).toBeUndefined();
    await rig.feed(lines.slice(2));
    expect(rig.request('1')).toMatchObject({ outcome: 'matched', joinKey: 'authorizer_request_id' });
  });

  it('FT-32 claims an invocation once; every other line naming it is a cached decision', async () => {
    const rig = new Rig();
    await rig.feed([
      ...invocation({ id: 'L1', startMs: T + 10, customer: 'C-9' }),
      access({ id: 'hit', startMs: T + 5_000, authzRequestId: 'L1' }),
      access({ id: 'miss', startMs: T, authzRequestId: 'L1' }),
    ]);
    expect(rig.request('miss')).toMatchObject({ outcome: 'matched' });
    expect(rig.request('hit')).toMatchObject({
      outcome: 'cached_decision',
      customer: 'C-9',
      decisionRequestId: 'L1',
    });
    expect(rig.request('hit')?.parts).toHaveLength(1);
  });

  it('revises a claim when the line that the authorizer saw comes later', async () => {
    const rig = new Rig();
    await rig.feed([
      ...invocation({ id: 'L1', startMs: T + 10 }),
      access({
        id: 'first',
        startMs: T,
        latencyMs: 500,
        authzRequestId: 'L1',
        authzApigwRequestId: 'req-second',
      }),
    ]);
    expect(rig.request('first')?.outcome).toBe('matched');
    await rig.feed([
      access({
        id: 'second',
        startMs: T + 5,
        latencyMs: 500,
        authzRequestId: 'L1',
        authzApigwRequestId: 'req-second',
      }),
    ]);
    expect(rig.request('second')).toMatchObject({ outcome: 'matched' });
    expect(rig.request('first')).toMatchObject({ outcome: 'cached_decision' });
    expect(rig.request('first')?.parts).toHaveLength(1);
    expect(rig.request('second')?.parts).toHaveLength(5);
  });

  it('FT-32 leaves as access_only when the authorizer group was read past it, and is revised when the lines come', async () => {
    const rig = new Rig();
    await rig.feed([access({ id: '1', startMs: T, authzRequestId: 'L1' })]);
    await rig.readThrough(T + 60_000);
    expect(rig.request('1')).toMatchObject({ outcome: 'access_only', joinKey: 'none', decision: 'allow' });
    await rig.feed(invocation({ id: 'L1', startMs: T + 10 }));
    expect(rig.request('1')).toMatchObject({ outcome: 'matched', joinKey: 'authz_request_id' });
    expect(rig.correlator.pending).toBe(0);
  });

  it('waits no longer than maxHold when nobody reads the authorizer group', async () => {
    const rig = new Rig({ maxHoldMs: 300_000 });
    await rig.feed([access({ id: '1', startMs: T, authzRequestId: 'L1' })]);
    rig.nowMs += 299_000;
    await rig.feed([]);
    expect(rig.request('1')).toBeUndefined();
    rig.nowMs += 2_000;
    await rig.feed([]);
    expect(rig.request('1')?.outcome).toBe('access_only');
  });

  it('adds a late line of a claimed invocation to the record', async () => {
    const rig = new Rig();
    const lines = invocation({ id: 'L1', startMs: T + 10, customer: 'C-7' });
    const late = lines[1];
    if (late === undefined) throw new Error('scenario has an application line');
    await rig.feed([
      ...lines.filter((line) => line !== late),
      access({ id: '1', startMs: T, authzRequestId: 'L1' }),
    ]);
    await rig.readThrough(T + 60_000);
    expect(rig.request('1')).toMatchObject({ outcome: 'matched', customer: 'unknown' });
    await rig.restart();
    await rig.feed([late]);
    expect(rig.request('1')).toMatchObject({ outcome: 'matched', customer: 'C-7', principal: 'p-L1' });
    expect(rig.request('1')?.parts).toHaveLength(5);
    expect(rig.request('1')?.authorizerLog).toEqual(['decision for L1']);
  });

  it('does not claim an invocation whose START, read last, lies before the request', async () => {
    const [start, ...rest] = invocation({ id: 'L1', startMs: T - 51 });
    const rig = new Rig();
    await rig.feed([access({ id: '1', startMs: T, authzRequestId: 'L1' }), ...rest]);
    expect(rig.request('1')).toBeUndefined();
    await rig.feed([start].flatMap((part) => part ?? []));
    expect(rig.request('1')).toMatchObject({ outcome: 'cached_decision', decisionRequestId: 'L1' });
    await rig.readThrough(T + 60_000);
    expect(rig.alone('L1')?.outcome).toBe('authorizer_only');
  });

  it('waits for no START of a function that never logs one', async () => {
    const rig = new Rig();
    for (let index = 0; index < 50; index += 1) {
      await rig.feed(invocation({ id: `past-${index}`, startMs: T - 5_000 }).slice(1));
    }
    await rig.feed([
      access({ id: '1', startMs: T, authzRequestId: 'L1' }),
      ...invocation({ id: 'L1', startMs: T + 10 }).slice(1),
    ]);
    expect(rig.request('1')?.outcome).toBe('matched');
  });

  it('is ambiguous, never merged, when a request got through that its authorizer denied', async () => {
    const rig = new Rig();
    await rig.feed([
      ...invocation({ id: 'L1', startMs: T + 10, decision: 'deny' }),
      access({ id: '1', startMs: T, authzRequestId: 'L1' }),
    ]);
    expect(rig.request('1')).toMatchObject({ outcome: 'ambiguous', decision: 'allow' });
    expect(rig.request('1')?.parts).toHaveLength(1);
  });

  it('keeps the refusal that the gateway enforced although the function allowed', async () => {
    const rig = new Rig();
    await rig.feed([
      ...invocation({ id: 'L1', startMs: T + 10 }),
      access({
        id: '1',
        startMs: T,
        authorizerRequestId: 'L1',
        fields: { status: 403, errorResponseType: 'ACCESS_DENIED' },
      }),
    ]);
    expect(rig.request('1')).toMatchObject({
      outcome: 'matched',
      decision: 'deny',
      decisionSource: 'access_log',
    });
    expect(rig.request('1')?.decisionReason).toContain('does not cover');
  });

  it('FT-32 tells a refusal by the function from a missing identity source', async () => {
    const rig = new Rig();
    const refused = { status: 401, errorResponseType: 'UNAUTHORIZED' };
    await rig.feed([
      ...invocation({ id: 'L1', startMs: T + 10, decision: 'deny', reason: 'Unauthorized' }),
      access({ id: 'asked', startMs: T, authorizerRequestId: 'L1', fields: refused }),
      access({ id: 'not-asked', startMs: T, fields: refused }),
    ]);
    expect(rig.request('asked')).toMatchObject({ outcome: 'matched', decision: 'deny' });
    expect(rig.request('not-asked')).toMatchObject({
      outcome: 'no_authorizer_call',
      decision: 'refused_before',
    });
  });

  it('FT-32 keeps the invocation of a function that outlived the gateway in its authorizer_error', async () => {
    const rig = new Rig();
    await rig.feed([
      ...invocation({ id: 'L1', startMs: T + 10, durationMs: 3_000, decision: 'error' }),
      access({
        id: '1',
        startMs: T,
        latencyMs: 1_000,
        authorizerRequestId: 'L1',
        fields: { status: 500, errorResponseType: 'AUTHORIZER_FAILURE' },
      }),
    ]);
    expect(rig.request('1')).toMatchObject({ outcome: 'authorizer_error', decision: 'error' });
    expect(rig.request('1')?.parts).toHaveLength(5);
  });

  it.each([
    ['WAF_FILTERED', 403],
    ['THROTTLED', 429],
    ['REQUEST_TOO_LARGE', 413],
    ['MISSING_AUTHENTICATION_TOKEN', 403],
  ])('never waits when %s refused it before the authorizer', async (errorResponseType, status) => {
    const rig = new Rig();
    await rig.feed([access({ id: '1', startMs: T, fields: { status, errorResponseType } })]);
    expect(rig.request('1')).toMatchObject({ outcome: 'no_authorizer_call', decision: 'refused_before' });
  });
});

describe('a gateway request id that the client may have chosen', () => {
  const line = (id: string, startMs: number, requestId: string) =>
    access({ id, startMs, callVisible: false, fields: { requestId } });

  it('matches when exactly one invocation ran inside the request', async () => {
    const rig = new Rig();
    await rig.feed([line('1', T, 'G'), ...invocation({ id: 'L1', startMs: T + 10, gatewayRequestId: 'G' })]);
    expect(rig.request('1')).toBeUndefined();
    await rig.readThrough(T + 60_000);
    expect(rig.request('1')).toMatchObject({ outcome: 'matched', joinKey: 'gateway_request_id' });
  });

  it('FT-31 does not take an equal id for a cache hit', async () => {
    const rig = new Rig();
    await rig.feed([
      line('miss', T, 'G'),
      line('reused', T + 9_000, 'G'),
      ...invocation({ id: 'L1', startMs: T + 10, gatewayRequestId: 'G' }),
    ]);
    await rig.readThrough(T + 60_000);
    expect(rig.request('miss')?.outcome).toBe('matched');
    expect(rig.request('reused')).toMatchObject({ outcome: 'access_only', joinKey: 'none' });
  });

  it('FT-31 is ambiguous when two requests overlap under one forged id, whatever order lines come in', async () => {
    const first = line('a', T, 'G');
    const second = line('b', T + 5, 'G');
    const calls = [
      ...invocation({ id: 'L1', startMs: T + 10, gatewayRequestId: 'G' }),
      ...invocation({ id: 'L2', startMs: T + 12, gatewayRequestId: 'G' }),
    ];
    for (const order of [
      [[first, second, ...calls]],
      [[first, ...calls], [second]],
      [[second], [first], calls],
    ]) {
      const rig = new Rig();
      for (const batch of order) {
        await rig.feed(batch);
        await rig.readThrough(T + 10_000);
      }
      await rig.readThrough(T + 60_000);
      expect(rig.request('a')?.outcome).toBe('ambiguous');
      expect(rig.request('b')?.outcome).toBe('ambiguous');
      expect(rig.alone('L1')?.outcome).toBe('ambiguous');
      expect(rig.alone('L2')?.outcome).toBe('ambiguous');
    }
  });

  it('FT-31 takes no invocation from its record for a later line under the same id', async () => {
    const rig = new Rig();
    await rig.feed(invocation({ id: 'L1', startMs: T + 10, gatewayRequestId: 'G' }));
    await rig.readThrough(T + 60_000);
    await rig.feed([line('slow', T, 'G')]);
    expect(rig.request('slow')?.outcome).toBe('matched');
    rig.nowMs += 16 * 60_000;
    await rig.readThrough(T + 120_000);
    await rig.feed([line('later', T + 3_600_000, 'G')]);
    await rig.readThrough(T + 7_200_000);
    expect(rig.request('later')?.outcome).toBe('access_only');
    expect(rig.request('slow')).toMatchObject({ outcome: 'matched', decisionRequestId: 'L1' });
    expect(rig.alone('L1')?.supersededBy).toBe(rig.request('slow')?.recordId);
    const ids = rig.store.written.map(({ eventId }) => eventId);
    expect(ids).toEqual([...new Set(ids)]);
  });

  it('FT-31 keeps a doubt when the lines that raised it are forgotten', async () => {
    const rig = new Rig();
    await rig.feed([
      line('a', T, 'G'),
      line('b', T + 5, 'G'),
      ...invocation({ id: 'L1', startMs: T + 10, gatewayRequestId: 'G' }),
    ]);
    await rig.readThrough(T + 60_000);
    expect(rig.alone('L1')?.outcome).toBe('ambiguous');
    rig.nowMs += 16 * 60_000;
    await rig.readThrough(T + 120_000);
    await rig.feed([line('twin', T + 3, 'G')]);
    await rig.readThrough(T + 7_200_000);
    expect(rig.request('twin')?.outcome).toBe('ambiguous');
    expect(rig.request('a')?.outcome).toBe('ambiguous');
    expect(rig.alone('L1')?.outcome).toBe('ambiguous');
  });

  it('is not ambiguous for good: a late END can show that the invocation outlived the request', async () => {
    const [start, says, ...rest] = invocation({
      id: 'L2',
      startMs: T + 12,
      durationMs: 500,
      gatewayRequestId: 'G',
    });
    const rig = new Rig();
    await rig.feed([line('a', T, 'G'), ...invocation({ id: 'L1', startMs: T + 10, gatewayRequestId: 'G' })]);
    await rig.feed([start, says].flatMap((part) => part ?? []));
    await rig.readThrough(T + 60_000);
    expect(rig.request('a')?.outcome).toBe('ambiguous');
    expect(rig.alone('L2')?.outcome).toBe('ambiguous');
    await rig.feed(rest);
    await rig.readThrough(T + 90_000);
    expect(rig.request('a')).toMatchObject({ outcome: 'matched', decisionRequestId: 'L1' });
    expect(rig.alone('L2')?.outcome).toBe('authorizer_only');
  });

  it('FT-31 names nothing when the gateway replaced it', async () => {
    const rig = new Rig();
    const replaced = 'UUID_REPLACED_INVALID_REQUEST_ID';
    await rig.feed([
      line('1', T, replaced),
      ...invocation({ id: 'L1', startMs: T + 10, gatewayRequestId: replaced }),
    ]);
    expect(rig.request('1')).toMatchObject({ outcome: 'access_only' });
  });
});

describe('other ways in', () => {
  it('takes the gateway for the judge on JWT, Cognito and IAM routes', async () => {
    const rig = new Rig();
    await rig.feed([
      access({ id: 'in', startMs: T, kind: 'jwt' }),
      access({
        id: 'out',
        startMs: T,
        kind: 'cognito',
        fields: { status: 401, errorResponseType: 'UNAUTHORIZED' },
      }),
      access({
        id: 'unsigned',
        startMs: T,
        kind: 'iam',
        fields: { status: 403, errorResponseType: 'MISSING_AUTHENTICATION_TOKEN' },
      }),
    ]);
    expect(rig.request('in')).toMatchObject({ outcome: 'gateway_decision', decision: 'allow' });
    expect(rig.request('out')).toMatchObject({ outcome: 'gateway_decision', decision: 'deny' });
    expect(rig.request('unsigned')).toMatchObject({ outcome: 'gateway_decision', decision: 'deny' });
  });

  it('FT-32 says no_authorizer where there is none', async () => {
    const rig = new Rig();
    await rig.feed([access({ id: '1', startMs: T, kind: 'none' })]);
    expect(rig.request('1')).toMatchObject({ outcome: 'no_authorizer', decision: 'unknown' });
  });

  it('FT-32 lets WebSocket messages live on the decision of their $connect', async () => {
    const rig = new Rig();
    const ws = (id: string, startMs: number, route: string, authorizerRequestId?: string) =>
      access({
        id,
        startMs,
        protocol: 'WEBSOCKET',
        fields: { connectionId: 'conn-1', route },
        ...(authorizerRequestId !== undefined && { authorizerRequestId }),
      });
    await rig.feed([ws('message', T + 1_000, 'chat')]);
    expect(rig.request('message')).toBeUndefined();
    await rig.feed([ws('connect', T, '$connect', 'L1')]);
    await rig.feed(invocation({ id: 'L1', startMs: T + 10, customer: 'C-3' }));
    await rig.restart();
    await rig.feed([ws('bye', T + 9_000, '$disconnect')]);
    expect(rig.request('connect')?.outcome).toBe('matched');
    for (const id of ['message', 'bye']) {
      expect(rig.request(id)).toMatchObject({
        outcome: 'connection_decision',
        joinKey: 'connection_id',
        decision: 'allow',
        customer: 'C-3',
        decisionRequestId: 'L1',
      });
    }
  });

  it('writes an invocation without a request as authorizer_only, and supersedes it if the line comes after all', async () => {
    const rig = new Rig();
    await rig.feed(invocation({ id: 'L1', startMs: T + 10, decision: 'deny' }));
    await rig.readThrough(T + 120_000);
    expect(rig.alone('L1')).toMatchObject({ outcome: 'authorizer_only', decision: 'deny' });
    expect(rig.alone('L1')?.parts).toHaveLength(4);
    await rig.restart();
    await rig.feed([
      access({
        id: '1',
        startMs: T,
        authzRequestId: 'L1',
        fields: { status: 403, errorResponseType: 'ACCESS_DENIED' },
      }),
    ]);
    expect(rig.request('1')).toMatchObject({ outcome: 'matched' });
    expect(rig.alone('L1')?.supersededBy).toBe(rig.request('1')?.recordId);
    expect(rig.alone('L1')?.parts).toHaveLength(0);
  });
});

describe('restart', () => {
  it('goes on waiting with what the journal kept', async () => {
    const rig = new Rig({ bodiesInMemory: 0 });
    await rig.feed([access({ id: '1', startMs: T, authzRequestId: 'L1' })]);
    await rig.feed(invocation({ id: 'L1', startMs: T + 10 }).slice(0, 2));
    await rig.restart();
    await rig.feed(invocation({ id: 'L1', startMs: T + 10 }).slice(2));
    expect(rig.request('1')).toMatchObject({ outcome: 'matched' });
    expect(rig.request('1')?.parts).toHaveLength(5);
    await rig.readThrough(FAR_FUTURE);
    expect([...rig.store.rows.values()].filter((row) => row.kind === 'waiting')).toEqual([]);
  });

  it('still knows the invocation that a line names when that line leaves on its own time', async () => {
    const rig = new Rig();
    const [start, _told, end, report] = invocation({ id: 'L1', startMs: T + 10 });
    await rig.feed([start, end, report].flatMap((line) => line ?? []));
    await rig.feed([access({ id: '1', startMs: T, authzRequestId: 'L1' })]);
    await rig.readThrough(T + 20_000);
    expect(rig.request('1')).toMatchObject({ outcome: 'matched' });
    await rig.feed([access({ id: '2', startMs: T + 60_000, authzRequestId: 'L1' })]);
    await rig.restart();
    await rig.readThrough(FAR_FUTURE);
    expect(rig.request('2')).toMatchObject({ outcome: 'cached_decision', decisionRequestId: 'L1' });
  });
});
