import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessPart, LogPart } from '../../src/model/part.ts';
import { access, FAR_FUTURE, invocation, pass, Rig } from './scenario.ts';

const T = 1_699_999_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A request on a REST stage whose format shows nothing but the gateway request id. */
function gatewayLine(id: string, startMs = T): AccessPart {
  return access({ id, startMs, callVisible: false, fields: { requestId: `G-${id}` } });
}

function message(id: string, atMs: number): AccessPart {
  const fields = { route: 'send', eventType: 'MESSAGE', connectionId: 'c-1' };
  return access({ id, startMs: atMs, protocol: 'WEBSOCKET', fields });
}

describe('a partner that only a re-read finds', () => {
  it('tells cached decisions of an hour ago for whom they were made', async () => {
    const rig = new Rig();
    const [start, says, ...rest] = invocation({ id: 'L1', startMs: T + 10, customer: 'C-1' });
    if (start === undefined || says === undefined) throw new Error('Expected the lines of an invocation');
    await rig.feed([start, ...rest, access({ id: 'miss', startMs: T, authorizerRequestId: 'L1' })]);
    await rig.feed([access({ id: 'hit', startMs: T + MINUTE, authorizerRequestId: 'L1' })]);
    await pass(rig, HOUR);
    expect(rig.request('hit')?.customer).toBe('unknown');
    await rig.restart();
    await rig.feed([says]);
    expect(rig.request('miss')).toMatchObject({ outcome: 'matched', customer: 'C-1' });
    expect(rig.request('hit')).toMatchObject({ outcome: 'cached_decision', customer: 'C-1' });
  });

  it('joins a request with its invocation by gateway id, whichever of them is late', async () => {
    const made = invocation({ id: 'L1', startMs: T + 10, gatewayRequestId: 'G-1', customer: 'C-1' });
    for (const [early, late] of [
      [made, [gatewayLine('1')]],
      [[gatewayLine('1')], made],
    ] as const) {
      const rig = new Rig({ invocationsInMemory: 0, bodiesInMemory: 0 });
      await rig.feed(early);
      await pass(rig, HOUR);
      await pass(rig, 20 * HOUR);
      await rig.feed(late);
      await rig.readThrough(FAR_FUTURE);
      expect(rig.request('1')).toMatchObject({
        outcome: 'matched',
        joinKey: 'gateway_request_id',
        customer: 'C-1',
      });
      expect(rig.request('1')?.parts).toHaveLength(5);
      const alone = rig.alone('L1');
      expect(alone === undefined || alone.supersededBy === rig.request('1')?.recordId).toBe(true);
    }
  });

  it('is waited for by the journal: memory forgets who has been alone for long', async () => {
    const rig = new Rig();
    await rig.feed(Array.from({ length: 50 }, (_one, n) => gatewayLine(`a${n}`)));
    await pass(rig, 20 * MINUTE);
    expect(rig.correlator.pending).toBe(0);
    await rig.restart();
    expect(rig.correlator.pending).toBe(0);
  });

  it('tells the messages of a connection who opened it', async () => {
    const rig = new Rig();
    const [start, says, ...rest] = invocation({ id: 'L1', startMs: T + 10, customer: 'C-1' });
    if (start === undefined || says === undefined) throw new Error('Expected the lines of an invocation');
    const fields = { route: '$connect', eventType: 'CONNECT', connectionId: 'c-1' };
    const opening = {
      id: '0',
      startMs: T,
      protocol: 'WEBSOCKET',
      authorizerRequestId: 'L1',
      fields,
    } as const;
    await rig.feed([access(opening), start, ...rest, message('1', T + MINUTE)]);
    await pass(rig, HOUR);
    expect(rig.request('1')).toMatchObject({ outcome: 'connection_decision', customer: 'unknown' });
    await rig.feed([says]);
    expect(rig.request('1')).toMatchObject({ outcome: 'connection_decision', customer: 'C-1' });
  });

  it('opens the messages of a connection that only the gateway id names', async () => {
    const rig = new Rig();
    const fields = { route: '$connect', eventType: 'CONNECT', connectionId: 'c-1', requestId: 'G-0' };
    await rig.feed([access({ id: '0', startMs: T, protocol: 'WEBSOCKET', callVisible: false, fields })]);
    await rig.feed([message('1', T + MINUTE)]);
    await rig.feed(invocation({ id: 'L1', startMs: T + 10, gatewayRequestId: 'G-0', customer: 'C-1' }));
    await rig.readThrough(FAR_FUTURE);
    expect(rig.request('1')).toMatchObject({ outcome: 'connection_decision', customer: 'C-1' });
  });
});

type Plan = { startMs: number; names: string; calls: string; outcome: string; messages: number };

const FIELDS: Readonly<Record<string, AccessPart['fields']>> = {
  ok: { status: 200 },
  denied: { status: 403, errorResponseType: 'ACCESS_DENIED' },
  crash: { status: 500, errorResponseType: 'AUTHORIZER_FAILURE' },
};
const DECISIONS = { ok: 'allow', denied: 'deny', crash: 'error' } as const;

/** Requests, their invocations, cached decisions that live on the one before, and messages of connections. */
const world = fc
  .array(
    fc.record({
      startMs: fc.integer({ min: 0, max: 4_000 }),
      names: fc.constantFrom('echo', 'rendered', 'gateway', 'nothing'),
      calls: fc.constantFrom('own', 'earlier', 'missing'),
      outcome: fc.constantFrom('ok', 'denied', 'crash'),
      messages: fc.integer({ min: 0, max: 2 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((plans) => plans.flatMap((plan, index) => partsOf(plan, index, plans)));

function partsOf(plan: Plan, index: number, plans: readonly Plan[]): LogPart[] {
  const { calls, messages, startMs } = plan;
  const earlier = plans.findLastIndex((one, at) => at < index && one.calls === 'own');
  const named = calls === 'earlier' && messages === 0 && earlier >= 0 ? earlier : index;
  const parts: LogPart[] = [openingOf(plan, index, `L${named}`)];
  if (calls === 'own') {
    const decision = DECISIONS[plan.outcome === 'ok' ? 'ok' : plan.outcome === 'crash' ? 'crash' : 'denied'];
    const made = { id: `L${index}`, startMs: T + startMs + 5, decision, customer: `C-${index}` };
    parts.push(...invocation({ ...made, gatewayRequestId: `req-${index}` }));
  }
  for (let n = 0; n < messages; n += 1) {
    const fields = { route: 'send', eventType: 'MESSAGE', connectionId: `c${index}` };
    const atMs = T + startMs + 10_000 * (n + 1);
    parts.push(access({ id: `${index}-${n}`, startMs: atMs, protocol: 'WEBSOCKET', fields }));
  }
  return parts;
}

function openingOf({ startMs, names, outcome, messages }: Plan, index: number, named: string): AccessPart {
  const connect = { route: '$connect', eventType: 'CONNECT', connectionId: `c${index}` };
  return access({
    id: String(index),
    startMs: T + startMs,
    callVisible: names !== 'gateway',
    fields: { requestId: `req-${index}`, ...FIELDS[outcome], ...(messages > 0 && connect) },
    ...(messages > 0 && { protocol: 'WEBSOCKET' }),
    ...(names === 'echo' && { authzRequestId: named }),
    ...(names === 'rendered' && { authorizerRequestId: named }),
  });
}

/** What stands in the end, a line each. */
function standing(rig: Rig): string[] {
  return [...rig.store.records.values()]
    .flatMap((one) => (one.kind === 'request' && one.supersededBy === undefined ? [one] : []))
    .map((one) => {
      const who = `${one.customer} ${one.principal ?? '-'} ${one.decision} ${one.decisionReason ?? '-'}`;
      const events = one.parts.map(({ eventId }) => eventId).join(' ');
      return `${one.extendedRequestId ?? one.decisionRequestId} ${one.outcome} ${one.joinKey} ${who} [${events}]`;
    })
    .sort();
}

describe('the join over hours', () => {
  it('ends in the same records however late anything comes and whenever the worker is killed', async () => {
    const run = world.chain((parts) =>
      fc.record({
        parts: fc.constant(parts),
        order: fc.shuffledSubarray(parts, { minLength: parts.length, maxLength: parts.length }),
        cuts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 10 }),
        reads: fc.array(fc.integer({ min: 0, max: MINUTE }), { minLength: 1, maxLength: 10 }),
        pauses: fc.array(fc.constantFrom(0, 0, 6 * MINUTE, 16 * MINUTE, HOUR), {
          minLength: 1,
          maxLength: 10,
        }),
        kills: fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }),
        inMemory: fc.constantFrom(0, 1_000),
        linesInMemory: fc.constantFrom(3, 50_000),
        linesPerStep: fc.constantFrom(1, 2, 2_000),
      }),
    );
    await fc.assert(
      fc.asyncProperty(run, async (how) => {
        const { parts, order, cuts, reads, pauses, kills, inMemory, linesInMemory, linesPerStep } = how;
        const memory = { bodiesInMemory: inMemory, invocationsInMemory: inMemory, linesInMemory };
        const connectionsInMemory = inMemory;
        const rig = new Rig({ ...memory, connectionsInMemory, linesPerStep });
        for (let step = 0, at = 0; at < order.length; step += 1) {
          const size = cuts[step % cuts.length] ?? 1;
          if (kills[step % kills.length] === true) await rig.restart();
          await rig.feed(order.slice(at, at + size));
          await rig.readThrough(T + (reads[step % reads.length] ?? 0));
          rig.nowMs += pauses[step % pauses.length] ?? 0;
          at += size;
        }
        await pass(rig, 6 * MINUTE);
        await rig.finish();
        const atOnce = new Rig();
        await atOnce.feed(parts);
        await pass(atOnce, 6 * MINUTE);
        expect(standing(rig)).toEqual(standing(atOnce));
      }),
      { numRuns: 300, seed: 20261122 },
    );
  });
});
