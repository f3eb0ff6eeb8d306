import { describe, expect, it } from 'vitest';
import type { AccessPart } from '../../src/model/part.ts';
import { type AccessOptions, access, invocation, pass, Rig } from './scenario.ts';

const T = 1_699_999_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function connect(more: Partial<AccessOptions> = {}): AccessPart {
  const fields = { route: '$connect', eventType: 'CONNECT', connectionId: 'c-1', ...more.fields };
  return access({ id: '0', startMs: T, protocol: 'WEBSOCKET', ...more, fields });
}

function message(id: string, atMs: number): AccessPart {
  const fields = { route: 'send', eventType: 'MESSAGE', connectionId: 'c-1' };
  return access({ id, startMs: atMs, protocol: 'WEBSOCKET', fields });
}

const MADE = { id: 'L1', startMs: T + 10, gatewayRequestId: 'G', customer: 'C-1' };
const DECIDED = { outcome: 'connection_decision', customer: 'C-1', decisionRequestId: 'L1' };
const UNDECIDED = { outcome: 'access_only', decision: 'allow', customer: 'unknown', joinKey: 'none' };

/** Messages of an hour, told by the decision of their `$connect`, and a worker that starts anew. */
async function connectionOf(opening: AccessPart, rig = new Rig()): Promise<Rig> {
  await rig.feed([...invocation(MADE), opening]);
  for (const minute of [1, 30]) {
    await rig.feed([
      message(`${minute}-a`, T + minute * MINUTE),
      message(`${minute}-b`, T + minute * MINUTE),
    ]);
    await pass(rig, HOUR / 2);
  }
  for (const id of MESSAGES) expect(rig.request(id)).toMatchObject(DECIDED);
  await rig.restart();
  return rig;
}

const MESSAGES = ['1-a', '1-b', '30-a', '30-b'];

describe('messages of a connection whose $connect turns out', () => {
  it('to share a forged id with another request are told as of a connection that nobody knows', async () => {
    const byGateway = { callVisible: false, fields: { requestId: 'G' } };
    for (const inMemory of [0, 1_000]) {
      const settings = {
        bodiesInMemory: inMemory,
        invocationsInMemory: inMemory,
        connectionsInMemory: inMemory,
      };
      const rig = await connectionOf(connect(byGateway), new Rig(settings));
      const twin = { ...byGateway, id: 'twin', startMs: T + 4 };
      await rig.feed([access(twin)]);
      expect(rig.request('0')?.outcome).toBe('ambiguous');
      for (const id of MESSAGES) {
        expect(rig.request(id)).toMatchObject(UNDECIDED);
        expect(rig.request(id)?.decisionRequestId).toBeUndefined();
      }
      await rig.restart();
      await rig.feed([message('later', T + 59 * MINUTE)]);
      await pass(rig, 6 * MINUTE);
      await pass(rig, 0);
      expect(rig.request('later')).toMatchObject(UNDECIDED);
    }
  });

  it('to name two invocations are told so a day later, and whose they are once that is known after all', async () => {
    const rig = await connectionOf(connect({ authzRequestId: 'L1', authorizerRequestId: 'L2' }));
    rig.nowMs += 20 * HOUR;
    await rig.feed(invocation({ id: 'L2', startMs: T + 500 }));
    expect(rig.request('0')?.outcome).toBe('ambiguous');
    for (const id of MESSAGES) expect(rig.request(id)).toMatchObject(UNDECIDED);
  });

  it('to have been read long after them are told by it, and memory keeps none of them until then', async () => {
    const rig = new Rig({ bodiesInMemory: 0, invocationsInMemory: 0, connectionsInMemory: 0 });
    await rig.feed([message('1', T + MINUTE), message('2', T + 2 * MINUTE)]);
    await pass(rig, 6 * MINUTE);
    await rig.feed([message('1', T + MINUTE)]);
    await pass(rig, 6 * MINUTE);
    await pass(rig, 0);
    expect(rig.request('1')).toMatchObject(UNDECIDED);
    expect(rig.correlator.pending).toBe(0);
    rig.nowMs += 20 * HOUR;
    await rig.restart();
    await rig.feed([...invocation(MADE), connect({ authorizerRequestId: 'L1' })]);
    await pass(rig, 0);
    for (const id of ['1', '2']) expect(rig.request(id)).toMatchObject(DECIDED);
  });

  it.each([
    [0, 'while a group could not be read'],
    [10, 'while a group could not be read'],
    [0, 'in time'],
  ])(
    'to be known, of which memory keeps %i, are told by it %s; nobody is after it must have ended',
    async (most, when) => {
      const rig = new Rig({ connectionsInMemory: most });
      const one = (n: number, fields: AccessPart['fields']) =>
        access({
          id: `${n}`,
          startMs: T + n,
          protocol: 'WEBSOCKET',
          authorizerRequestId: `L${n}`,
          fields: { connectionId: `c-${n}`, ...fields },
        });
      const names = Array.from({ length: 30 }, (_one, n) => n);
      for (const n of names) {
        await rig.feed([one(n, { eventType: 'CONNECT' })]);
        await rig.feed(invocation({ id: `L${n}`, startMs: T + n + 1, customer: `C-${n}` }));
        expect(rig.correlator.connectionsInMemory).toBeLessThanOrEqual(most);
      }
      await rig.restart();
      if (when !== 'in time') rig.forgetMs = rig.nowMs;
      rig.nowMs += when === 'in time' ? HOUR : 3 * 24 * HOUR;
      await rig.feed(
        names.map((n) => ({
          ...message(`m${n}`, T + MINUTE),
          fields: { ...one(n, {}).fields, extendedRequestId: `ext-m${n}` },
        })),
      );
      for (const n of names)
        expect(rig.request(`m${n}`)).toMatchObject({ outcome: 'connection_decision', customer: `C-${n}` });
      rig.forgetMs = undefined;
      await pass(rig, 27 * HOUR);
      expect(rig.correlator.connectionsInMemory).toBeLessThanOrEqual(most);
      const late = message('late', T + 2 * HOUR);
      await rig.feed([{ ...late, fields: { ...late.fields, connectionId: 'c-29' } }]);
      await pass(rig, 6 * MINUTE);
      expect(rig.request('late')).toMatchObject(UNDECIDED);
    },
  );

  it('to be for somebody else get a revision, those of other connections none', async () => {
    const rig = new Rig();
    const [start, says, ...rest] = invocation(MADE);
    if (start === undefined || says === undefined) throw new Error('Expected the lines of an invocation');
    const other = message('other', T + MINUTE);
    const elsewhere = { ...other, fields: { ...other.fields, connectionId: 'c-11' } };
    const second = connect({ id: '11', authorizerRequestId: 'L1', fields: { connectionId: 'c-11' } });
    await rig.feed([start, says, ...rest, connect({ authzRequestId: 'L1', authorizerRequestId: 'L2' })]);
    await rig.feed([message('1', T + MINUTE), second, elsewhere]);
    await pass(rig, HOUR);
    const written = rig.store.written.length;
    await rig.feed(invocation({ id: 'L2', startMs: T + 500 }));
    expect(rig.request('1')).toMatchObject(UNDECIDED);
    expect(rig.request('other')).toMatchObject(DECIDED);
    const revised = rig.store.written
      .slice(written)
      .map((one) => one.kind === 'request' && one.extendedRequestId);
    expect(revised).not.toContain('ext-other');
  });
});
