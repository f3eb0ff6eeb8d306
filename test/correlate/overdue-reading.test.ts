import { describe, expect, it } from 'vitest';
import type { AccessPart } from '../../src/model/part.ts';
import { access, invocation, pass, Rig } from './scenario.ts';

const T = 1_699_999_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function byGateway(id: string, startMs: number): AccessPart {
  return access({ id, startMs, callVisible: false, fields: { requestId: 'G' } });
}

const FIRST = invocation({ id: 'L1', startMs: T + 20, gatewayRequestId: 'G', customer: 'C-1' });

/** No worker ran for so long; what was due to be read again meanwhile is read now. */
async function stayDown(rig: Rig, ms: number): Promise<void> {
  rig.forgetMs = rig.nowMs;
  rig.nowMs += ms;
  await rig.restart();
  await rig.feed([]);
}

describe('a worker that was down for two days', () => {
  it('still challenges a pair that a forged id made', async () => {
    const rig = new Rig({ bodiesInMemory: 0, invocationsInMemory: 0 });
    await rig.feed([byGateway('a', T), ...FIRST]);
    await pass(rig, HOUR);
    await stayDown(rig, 2 * DAY);
    await rig.feed([byGateway('b', T + 6)]);
    await pass(rig, 6 * MINUTE);
    for (const id of ['a', 'b']) expect(rig.request(id)).toMatchObject({ outcome: 'ambiguous' });
    expect(rig.alone('L1')?.outcome).toBe('ambiguous');
  });

  it('still joins lines with the invocation that they waited for, and with the one they share an id with', async () => {
    for (const line of [access({ id: 'a', startMs: T, authzRequestId: 'L1' }), byGateway('a', T)]) {
      for (const [early, late] of [
        [[line], FIRST],
        [FIRST, [line]],
      ]) {
        const rig = new Rig({ bodiesInMemory: 0, invocationsInMemory: 0 });
        await rig.feed(early ?? []);
        await pass(rig, 10 * MINUTE);
        await stayDown(rig, 2 * DAY);
        await rig.feed(late ?? []);
        await pass(rig, 6 * MINUTE);
        expect(rig.request('a')).toMatchObject({ outcome: 'matched', customer: 'C-1' });
      }
    }
  });

  it('forgets all of that once everything has been read that was due', async () => {
    const rig = new Rig();
    await rig.feed([byGateway('a', T), ...FIRST, access({ id: 'b', startMs: T, authzRequestId: 'L9' })]);
    await pass(rig, HOUR);
    await stayDown(rig, 2 * DAY);
    expect(rig.store.rows.size).toBeGreaterThan(0);
    rig.forgetMs = undefined;
    await pass(rig, DAY);
    await pass(rig, 2 * HOUR);
    expect(rig.store.rows.size).toBe(0);
    expect(rig.correlator.pending).toBe(0);
  });
});

describe('while the log group of an authorizer cannot be read', () => {
  it('memory forgets the lines that name its invocations; they are joined, all of them, when it can be', async () => {
    const rig = new Rig();
    const hits = Array.from({ length: 150 }, (_one, n) =>
      access({ id: `h${n}`, startMs: T + 1_000 + n, authzRequestId: 'L1' }),
    );
    await rig.feed([access({ id: 'miss', startMs: T, authzRequestId: 'L1' }), ...hits.slice(0, 75)]);
    await pass(rig, 6 * MINUTE);
    await rig.feed(hits.slice(75));
    await pass(rig, 6 * MINUTE);
    for (const ms of [20 * MINUTE, 0]) await pass(rig, ms);
    expect(rig.correlator.pending).toBe(0);
    expect(rig.request('h7')).toMatchObject({ outcome: 'access_only', customer: 'unknown' });
    await rig.restart();
    rig.nowMs += 20 * HOUR;
    // First a line that does not tell what was decided: they go on waiting for the rest.
    for (const line of FIRST) await rig.feed([line]);
    expect(rig.request('miss')).toMatchObject({ outcome: 'matched', customer: 'C-1' });
    for (const { fields } of hits) {
      const record = rig.request(`${fields.extendedRequestId}`.slice('ext-'.length));
      expect(record).toMatchObject({ outcome: 'cached_decision', customer: 'C-1' });
    }
  });
});
