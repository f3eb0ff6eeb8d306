import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessPart, AuthorizerLinePart, LogPart } from '../../src/model/part.ts';
import { AUTHORIZER_UNIT, access, invocation, pass, Rig } from './scenario.ts';

const T = 1_699_999_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SKEW = 50;

const FIELDS = {
  ok: { status: 200 },
  denied: { status: 403, errorResponseType: 'ACCESS_DENIED' },
  crash: { status: 500, errorResponseType: 'AUTHORIZER_FAILURE' },
} satisfies Record<string, AccessPart['fields']>;

type Answer = keyof typeof FIELDS;

interface Named {
  readonly startMs: number;
  readonly latencyMs: number;
  readonly key: 'echo' | 'rendered' | 'both' | 'two';
  readonly answer: Answer;
  readonly isEchoed: boolean;
}

interface World {
  readonly decision: 'allow' | 'deny' | 'error';
  readonly durationMs: number;
  /** How long before the line with the decision it began. */
  readonly beganMs: number;
  /** Whether the second invocation, which lines with two keys name as well, ran at all. */
  readonly hasSecond: boolean;
  readonly named: readonly Named[];
  /** A second line under the gateway request id that the authorizer logged. */
  readonly hasTwin: boolean;
  /** The lines open connections, on each of which a message is sent. */
  readonly isSocket: boolean;
}

const AUTHORIZER_AT = T + 40;

const world: fc.Arbitrary<World> = fc.record({
  decision: fc.constantFrom('allow', 'allow', 'deny', 'error'),
  durationMs: fc.constantFrom(20, 20, 200),
  beganMs: fc.constantFrom(0, 0, 150),
  hasSecond: fc.constantFrom(true, true, false),
  named: fc.array(
    fc.record({
      startMs: fc.constantFrom(0, 6, 30, 500),
      latencyMs: fc.constantFrom(100, 400),
      key: fc.constantFrom('echo', 'rendered', 'both', 'two', 'two'),
      answer: fc.constantFrom('ok', 'ok', 'denied', 'crash'),
      isEchoed: fc.boolean(),
    }),
    { minLength: 0, maxLength: 3 },
  ),
  hasTwin: fc.constantFrom(false, false, true),
  isSocket: fc.boolean(),
});

function partsOf({ decision, durationMs, beganMs, hasSecond, named, hasTwin, isSocket }: World): LogPart[] {
  const made = { decision, durationMs, customer: 'C-1', gatewayRequestId: 'req-g' } as const;
  const [start, ...rest] = invocation({ ...made, id: 'L1', startMs: AUTHORIZER_AT });
  const began = start === undefined ? [] : [beganEarlier(start, beganMs)];
  const second = invocation({ id: 'L2', startMs: AUTHORIZER_AT, customer: 'C-2' });
  return [
    ...began,
    ...rest,
    ...(hasSecond ? second : []),
    ...[lineByGateway('g', 5), ...(hasTwin ? [lineByGateway('h', 9)] : []), ...named.map(lineOf)].flatMap(
      (line) => (isSocket ? connectionOf(line) : [line]),
    ),
  ];
}

function lineByGateway(id: string, startMs: number): AccessPart {
  const fields = { requestId: 'req-g' };
  return access({ id, startMs: T + startMs, latencyMs: 500, callVisible: false, fields });
}

/** The line as one that opens a connection, and a message on it. */
function connectionOf(line: AccessPart): AccessPart[] {
  const { extendedRequestId, responseLatencyMs } = line.fields;
  const connectionId = `c-${extendedRequestId}`;
  const stage = { ...line.stage, protocol: 'WEBSOCKET' } as const;
  const fields = { ...line.fields, route: '$connect', eventType: 'CONNECT', connectionId };
  const sent = {
    route: 'send',
    eventType: 'MESSAGE',
    connectionId,
    responseLatencyMs: responseLatencyMs ?? 0,
  };
  const id = `m-${extendedRequestId}`;
  const message = access({ id, startMs: T + 9_000, protocol: 'WEBSOCKET', fields: sent });
  return [{ ...line, stage, fields }, message];
}

function beganEarlier(start: AuthorizerLinePart, byMs: number): AuthorizerLinePart {
  return { ...start, source: { ...start.source, timestampMs: start.source.timestampMs - byMs } };
}

function lineOf({ startMs, latencyMs, key, answer, isEchoed }: Named, index: number): AccessPart {
  return access({
    id: `n${index}`,
    startMs: T + startMs,
    latencyMs,
    fields: FIELDS[answer],
    ...(key !== 'rendered' && { authzRequestId: 'L1' }),
    ...(key !== 'echo' && { authorizerRequestId: key === 'two' ? 'L2' : 'L1' }),
    ...(isEchoed && { authzApigwRequestId: `req-n${index}` }),
  });
}

/** What stands in the end, a line each. */
function standing(rig: Rig): string[] {
  return [...rig.store.records.values()]
    .flatMap((one) => (one.kind === 'request' && one.supersededBy === undefined ? [one] : []))
    .map((one) => {
      const who = `${one.customer}/${one.customerSource} ${one.principal ?? '-'}`;
      const why = `${one.decision}/${one.decisionSource} ${one.decisionReason ?? '-'}`;
      const events = one.parts.map(({ eventId }) => eventId).join(' ');
      const log = one.authorizerLog?.join('|') ?? '-';
      return `${one.extendedRequestId ?? one.decisionRequestId} ${one.outcome} ${one.joinKey} ${who} ${why} ${log} [${events}]`;
    })
    .sort();
}

/** Every event of the records that stand. */
function events(rig: Rig): string[] {
  const records = [...rig.store.records.values()];
  return records.flatMap((one) => ('parts' in one ? one.parts.map(({ eventId }) => eventId) : [])).sort();
}

/** Who has the invocation by the rules: the best of the lines that name it, fit and do not contradict it, else `g`. */
function ownerOf({ decision, durationMs, beganMs, hasSecond, named, hasTwin }: World): string | undefined {
  const fromMs = AUTHORIZER_AT - beganMs - T;
  const toMs = AUTHORIZER_AT + durationMs - T;
  const candidates = named
    .map((line, index) => ({ ...line, id: `ext-n${index}` }))
    .filter(({ answer, key, startMs, latencyMs }) => {
      if (answer === 'ok' && decision === 'deny') return false;
      if (key === 'two' && hasSecond) return false;
      const endMs = startMs + latencyMs;
      if (startMs - SKEW > fromMs) return false;
      return toMs <= endMs + SKEW || (answer === 'crash' && fromMs <= endMs + SKEW);
    });
  // Of two that are equally good by event time the rule does not matter here.
  const isBetter = (a: Named, b: Named) =>
    a.isEchoed === b.isEchoed ? a.startMs < b.startMs : a.isEchoed && !b.isEchoed;
  const best = candidates.filter((one) => !candidates.some((other) => isBetter(other, one)));
  if (best.length > 0) return best.length === 1 ? best[0]?.id : undefined;
  if (decision === 'deny' || hasTwin) return undefined;
  return 5 - SKEW <= fromMs && toMs <= 505 + SKEW ? 'ext-g' : undefined;
}

function runOf(parts: readonly LogPart[]) {
  return fc.record({
    order: fc.shuffledSubarray([...parts], { minLength: parts.length, maxLength: parts.length }),
    cuts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 10 }),
    pauses: fc.array(fc.constantFrom(0, 0, 6 * MINUTE, 16 * MINUTE, HOUR, 11 * HOUR), {
      minLength: 1,
      maxLength: 10,
    }),
    kills: fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }),
    isRead: fc.boolean(),
    inMemory: fc.constantFrom(0, 1_000),
    /** Before which batch no worker ran for two days; beyond the last: never. */
    downAt: fc.integer({ min: 0, max: 20 }),
  });
}

type Run = typeof runOf extends (parts: readonly LogPart[]) => fc.Arbitrary<infer R> ? R : never;

async function readInPieces({ order, cuts, pauses, kills, isRead, inMemory, downAt }: Run): Promise<Rig> {
  const memory = { bodiesInMemory: inMemory, invocationsInMemory: inMemory };
  const rig = new Rig({ ...memory, connectionsInMemory: inMemory });
  const lastMs = rig.nowMs + 23 * HOUR;
  let downMs = 0;
  for (let step = 0, at = 0; at < order.length; step += 1) {
    const size = cuts[step % cuts.length] ?? 1;
    if (step === downAt) {
      // What was due to be read again meanwhile is read now.
      downMs = 2 * 24 * HOUR;
      rig.nowMs += downMs;
      await rig.restart();
    }
    rig.forgetMs = rig.nowMs - downMs;
    if (kills[step % kills.length] === true) await rig.restart();
    await rig.feed(order.slice(at, at + size));
    await rig.readThrough(isRead ? T + 5 * MINUTE : T);
    rig.nowMs = Math.min(lastMs + downMs, rig.nowMs + (pauses[step % pauses.length] ?? 0));
    at += size;
  }
  rig.forgetMs = rig.nowMs - downMs;
  await pass(rig, 6 * MINUTE);
  return rig;
}

/** An invocation whose lines its record has alone, and a worker that starts anew. */
async function settled(parts: readonly LogPart[]): Promise<Rig> {
  const rig = new Rig({ bodiesInMemory: 0, invocationsInMemory: 0 });
  for (const part of parts) await rig.feed([part]);
  await pass(rig, HOUR);
  await pass(rig, HOUR);
  await rig.restart();
  return rig;
}

const MADE = { id: 'L1', startMs: T + 10, gatewayRequestId: 'req-g', customer: 'C-1' };
const BY_GATEWAY = access({ id: 'g', startMs: T, callVisible: false });

describe('an invocation that several lines name', () => {
  it('goes to the next best of them, not to one that shares its gateway id, when its line turns out to name two', async () => {
    const torn = { id: 'a', startMs: T, authzRequestId: 'L1', authorizerRequestId: 'L2' };
    const next = { id: 'b', startMs: T + 4, authorizerRequestId: 'L1' };
    const rig = await settled([...invocation(MADE), access(torn), access(next), BY_GATEWAY]);
    expect(rig.request('a')?.outcome).toBe('matched');
    expect(rig.request('b')?.outcome).toBe('cached_decision');
    await rig.feed(invocation({ id: 'L2', startMs: T + 12 }));
    expect(rig.request('a')).toMatchObject({ outcome: 'ambiguous', customer: 'unknown' });
    expect(rig.request('b')).toMatchObject({ outcome: 'matched', customer: 'C-1' });
    expect(rig.request('b')?.parts).toHaveLength(5);
    expect(rig.request('b')?.authorizerLog).toEqual(['decision for L1']);
    await pass(rig, 6 * MINUTE);
    expect(rig.request('g')).toMatchObject({ outcome: 'access_only', customer: 'unknown' });
  });

  it('goes to the one that was refused when its log says deny after all', async () => {
    const lines = ['a', 'b'].map((id, n) => access({ id, startMs: T + n, authorizerRequestId: 'L1' }));
    const refused = access({ id: 'c', startMs: T + 4, authorizerRequestId: 'L1', fields: FIELDS.denied });
    const rig = await settled([...invocation(MADE), ...lines, refused, BY_GATEWAY]);
    expect(rig.request('c')?.outcome).toBe('cached_decision');
    const [, says] = invocation({ ...MADE, decision: 'deny' });
    if (says === undefined) throw new Error('Expected the lines of an invocation');
    await rig.feed([{ ...says, source: { ...says.source, eventId: 'late' } }]);
    for (const id of ['a', 'b']) expect(rig.request(id)).toMatchObject({ outcome: 'ambiguous' });
    expect(rig.request('c')).toMatchObject({ outcome: 'matched', decision: 'deny', customer: 'C-1' });
    expect(rig.request('c')?.parts).toHaveLength(6);
  });

  it('goes to the failed request that it outlived once its START is read', async () => {
    const [start, ...rest] = invocation({ ...MADE, decision: 'error' });
    if (start === undefined) throw new Error('Expected the lines of an invocation');
    const late = rest.map((line) => ({ ...line, source: { ...line.source, timestampMs: T + 900 } }));
    const failed = { id: 'a', startMs: T, latencyMs: 30, authorizerRequestId: 'L1', fields: FIELDS.crash };
    const rig = await settled([...late, access(failed)]);
    await rig.feed([start]);
    expect(rig.request('a')?.parts).toHaveLength(5);
  });

  it('keeps its lines when a later line that names two is read', async () => {
    const rig = await settled([...invocation(MADE), access({ id: 'a', startMs: T, authzRequestId: 'L1' })]);
    await rig.feed(invocation({ id: 'L2', startMs: T + 12 }));
    const torn = { id: 'b', startMs: T + MINUTE, authzRequestId: 'L1', authorizerRequestId: 'L2' };
    await rig.feed([access(torn)]);
    expect(rig.request('b')?.outcome).toBe('ambiguous');
    expect(rig.request('a')?.parts).toHaveLength(5);
  });

  it('is told at once to lines that have left, though its START never comes', async () => {
    const rig = await settled([access({ id: 'a', startMs: T, authzRequestId: 'L1' })]);
    await rig.feed(invocation(MADE).slice(1));
    expect(rig.request('a')).toMatchObject({ outcome: 'matched', customer: 'C-1' });
  });

  it('keeps the claim that an earlier version wrote down when its END is late', async () => {
    const [start, says, end, report] = invocation(MADE);
    if (end === undefined) throw new Error('Expected the lines of an invocation');
    const lines = [start, says, report].flatMap((line) => line ?? []);
    const rig = await settled([...lines, access({ id: 'a', startMs: T, authzRequestId: 'L1' })]);
    for (const [key, row] of rig.store.rows) {
      rig.store.rows.set(key, { ...row, body: row.body.replace(/,"requestMs":\d+/, '') });
    }
    await rig.restart();
    await rig.feed([end]);
    expect(rig.request('a')).toMatchObject({ outcome: 'matched' });
    expect(rig.request('a')?.parts).toHaveLength(5);
  });

  it('is kept without its lines once a line that names it has ended the doubt about it', async () => {
    const twins = ['g', 'h'].map((id) =>
      access({ id, startMs: T, callVisible: false, fields: { requestId: 'req-g' } }),
    );
    const rig = new Rig();
    await rig.feed([...invocation(MADE), ...twins]);
    await rig.readThrough(T + 5_000);
    expect(rig.request('g')?.outcome).toBe('ambiguous');
    await rig.feed([access({ id: 'a', startMs: T, authzRequestId: 'L1' })]);
    await pass(rig, 6 * MINUTE);
    expect(rig.request('a')?.parts).toHaveLength(5);
    for (const id of ['g', 'h']) expect(rig.request(id)?.outcome).toBe('access_only');
    const row = rig.store.rows.get(`invocation|${AUTHORIZER_UNIT}\nL1`);
    expect(row?.body).toContain('C-1');
    expect(row?.body).not.toContain('places');
  });

  it('costs no more than a thousand rows an hour where every line has a second key that names nothing', async () => {
    const rig = new Rig();
    const hit = (n: number) =>
      access({ id: `${n}`, startMs: T + n, authzRequestId: 'L1', authorizerRequestId: `other-${n}` });
    await rig.feed(invocation(MADE));
    await rig.feed(Array.from({ length: 900 }, (_one, n) => hit(n)));
    await rig.feed(Array.from({ length: 900 }, (_one, n) => hit(1_000 + n)));
    const torn = [...rig.store.rows.values()].filter(({ kind }) => kind === 'torn');
    expect(torn).toHaveLength(1_000);
  });

  it('stays with its claimant when a line turns out to contradict itself whose record is gone', async () => {
    const rig = new Rig({ bodiesInMemory: 0, invocationsInMemory: 0 });
    const line = access({ id: 'a', startMs: T, authzRequestId: 'L1', authorizerRequestId: 'L2' });
    await rig.feed([...invocation(MADE), line]);
    await pass(rig, HOUR);
    rig.store.records.clear();
    await rig.feed(invocation({ id: 'L2', startMs: T + 500 }));
    // Read again, now that both it names are known.
    await rig.feed([line]);
    const row = rig.store.rows.get(`invocation|${AUTHORIZER_UNIT}\nL1`);
    expect(row?.body).not.toContain('"sources":[]');
    expect(row?.body).toContain('"recordId"');
    await rig.restart();
    await rig.feed([access({ id: 'c', startMs: T + MINUTE, authzRequestId: 'L1' })]);
    expect(rig.request('c')).toMatchObject({ outcome: 'cached_decision', customer: 'C-1' });
  });

  it('leaves nothing behind for ever where more lines named a second one than are kept', async () => {
    const rig = new Rig();
    await rig.feed(invocation(MADE));
    const lines = Array.from({ length: 65 }, (_one, n) =>
      access({ id: `${n}`, startMs: T + n, authzRequestId: 'L1', authorizerRequestId: 'L2' }),
    );
    await rig.feed(lines);
    await rig.feed(invocation({ id: 'L2', startMs: T + 500 }));
    const torn = () => [...rig.store.rows.values()].filter(({ kind }) => kind === 'torn');
    expect(torn()).toHaveLength(1);
    await pass(rig, 40 * 24 * HOUR);
    expect(torn()).toEqual([]);
  });

  it('is given to no request that got through by a gateway id when it denied', async () => {
    const rig = await settled([...invocation({ ...MADE, decision: 'deny' }), BY_GATEWAY]);
    expect(rig.request('g')).toMatchObject({ outcome: 'ambiguous', decision: 'allow', customer: 'unknown' });
    expect(rig.alone('L1')).toMatchObject({ outcome: 'ambiguous', decision: 'deny' });
  });

  it('is taken from such a request, also where the gateway made the id, when its log says deny after all', async () => {
    const line = access({ id: 'g', startMs: T, callVisible: false, protocol: 'HTTP' });
    const rig = await settled([...invocation(MADE), line]);
    expect(rig.request('g')?.parts).toHaveLength(5);
    const [, says] = invocation({ ...MADE, decision: 'deny' });
    if (says === undefined) throw new Error('Expected the lines of an invocation');
    await rig.feed([{ ...says, source: { ...says.source, eventId: 'late' } }]);
    await pass(rig, 0);
    expect(rig.request('g')).toMatchObject({ outcome: 'ambiguous', decision: 'allow', customer: 'unknown' });
    expect(rig.request('g')?.parts).toHaveLength(1);
    expect(rig.alone('L1')?.parts).toHaveLength(5);
  });

  it('goes to the same line whatever the order, the gaps and the restarts, and to a weaker key only when nobody names it', async () => {
    const cases = world.chain((plan) => fc.record({ plan: fc.constant(plan), run: runOf(partsOf(plan)) }));
    await fc.assert(
      fc.asyncProperty(cases, async ({ plan, run }) => {
        const atOnce = new Rig();
        await atOnce.feed(partsOf(plan));
        await pass(atOnce, 6 * MINUTE);
        const rig = await readInPieces(run);
        expect(standing(rig)).toEqual(standing(atOnce));
        expect(events(rig)).toEqual(run.order.map(({ source }) => source.eventId).sort());
        const owner = ownerOf(plan);
        if (owner !== undefined)
          expect(standing(atOnce).find((one) => one.startsWith(`${owner} `))).toMatch(/auth-L1-start/);
      }),
      { numRuns: 1_000, seed: 20261122 },
    );
  });
});
