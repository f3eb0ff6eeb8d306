import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessPart, LogPart } from '../../src/model/part.ts';
import { access, FAR_FUTURE, invocation, pass, Rig } from './scenario.ts';

const T = 1_699_999_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('FT-31 a pair that a forged id made', () => {
  const MADE = { gatewayRequestId: 'G-F' };
  const first = invocation({ ...MADE, id: 'L1', startMs: T + 20, customer: 'C-1' });
  const second = invocation({ ...MADE, id: 'L2', startMs: T + 26, customer: 'C-2' });

  function forged(id: string, startMs: number): AccessPart {
    return access({ id, startMs, callVisible: false, fields: { requestId: 'G-F' } });
  }

  /** What stands of the requests and invocations, and whom they were for. */
  function outcomes(rig: Rig): readonly (string | undefined)[] {
    const requests = [rig.request('a'), rig.request('b')].map(
      (one) => one && `${one.outcome} ${one.customer}`,
    );
    return [...requests, rig.alone('L1')?.outcome, rig.alone('L2')?.outcome];
  }

  it('is ambiguous once its twin is read, though no worker ran for hours between', async () => {
    const a = forged('a', T);
    const b = forged('b', T + 6);
    // The first is the crosswise pair, the others are whole pairs of which one half is contradicted first.
    for (const [early, ...late] of [
      [[b, ...first], [a], second],
      [[b, ...first], second, [a]],
      [
        [b, ...first],
        [a, ...second],
      ],
      [
        [a, ...second],
        [...first, b],
      ],
      [[a, ...first], second, [b]],
    ]) {
      for (const inMemory of [0, 1_000]) {
        const rig = new Rig({ bodiesInMemory: inMemory, invocationsInMemory: inMemory });
        await rig.feed(early ?? []);
        await pass(rig, 0);
        for (const parts of late) {
          await pass(rig, inMemory === 0 ? 20 * MINUTE : 5 * HOUR);
          await rig.restart();
          await rig.feed(parts);
        }
        await pass(rig, 6 * MINUTE);
        await pass(rig, 6 * MINUTE);
        const doubt = ['ambiguous unknown', 'ambiguous unknown', 'ambiguous', 'ambiguous'];
        expect(outcomes(rig)).toEqual(doubt);
      }
    }
  });

  it('is contradicted while memory has forgotten the one half alone', async () => {
    const rig = new Rig({ invocationsInMemory: 0 });
    await rig.feed(first);
    await rig.readThrough(T);
    rig.nowMs += 4 * MINUTE;
    await rig.feed([forged('b', T + 6)]);
    await rig.readThrough(FAR_FUTURE);
    expect(rig.request('b')).toMatchObject({ outcome: 'matched', decisionRequestId: 'L1' });
    rig.nowMs += 12 * MINUTE;
    await rig.feed([]);
    await rig.feed([forged('a', T), ...second]);
    await pass(rig, 6 * MINUTE);
    expect(outcomes(rig)).toEqual(['ambiguous unknown', 'ambiguous unknown', 'ambiguous', 'ambiguous']);
  });

  it('stays one when what comes late under the id ran at another time', async () => {
    const rig = new Rig({ bodiesInMemory: 0, invocationsInMemory: 0 });
    await rig.feed([forged('a', T), ...first]);
    await pass(rig, HOUR);
    const before = rig.request('a');
    await rig.restart();
    await rig.feed([forged('b', T + MINUTE)]);
    await rig.feed(invocation({ ...MADE, id: 'L2', startMs: T + MINUTE + 10, customer: 'C-2' }));
    await pass(rig, 6 * MINUTE);
    expect(before).toMatchObject({ outcome: 'matched', customer: 'C-1' });
    expect(rig.request('a')).toEqual(before);
    expect(rig.request('b')).toMatchObject({ outcome: 'matched', customer: 'C-2' });
  });

  it('is not made late where more came under the id than the journal keeps; what was made stands', async () => {
    const rig = new Rig();
    const many = Array.from({ length: 66 }, (_one, n) => {
      const startMs = T + n * 1_000;
      return [forged(`m${n}`, startMs), ...invocation({ ...MADE, id: `M${n}`, startMs: startMs + 10 })];
    });
    await rig.feed(many.slice(0, 64).flat());
    await pass(rig, MINUTE);
    await rig.feed(many.slice(64).flat());
    await pass(rig, HOUR);
    for (const startMs of [T + 64_000, T + 65_000]) {
      await rig.restart();
      // Both overlap a pair that is not kept: nothing shows the doubt but that there were too many.
      const id = `late-${startMs}`;
      const twin = invocation({ ...MADE, id, startMs: startMs + 12, customer: 'C-X' });
      await rig.feed([forged(id, startMs), ...twin]);
      await pass(rig, 0);
      expect(rig.request(id)).toMatchObject({ outcome: 'ambiguous', customer: 'unknown' });
    }
    expect(rig.request('m3')).toMatchObject({ outcome: 'matched', decisionRequestId: 'M3' });
    expect(rig.request('m64')).toMatchObject({ outcome: 'matched', decisionRequestId: 'M64' });
    // What overlaps a pair that is kept still challenges it.
    await rig.feed([forged('late-3', T + 3_004)]);
    await pass(rig, 0);
    for (const id of ['late-3', 'm3']) expect(rig.request(id)?.outcome).toBe('ambiguous');
    expect(rig.alone('M3')?.outcome).toBe('ambiguous');
    expect(rig.request('m4')?.outcome).toBe('matched');
    // And what comes in time is paired as ever.
    const startMs = rig.nowMs - 5_000;
    const made = invocation({ ...MADE, id: 'N1', startMs: startMs + 10, customer: 'C-N' });
    await rig.feed([forged('late-4', T + 4_004), forged('new', startMs), ...made]);
    await pass(rig, 6 * MINUTE);
    expect(rig.request('new')).toMatchObject({ outcome: 'matched', customer: 'C-N' });
  });

  it('gives its invocation up to a line that names it, however late, whole or not', async () => {
    for (const known of [first, first.slice(0, 3)]) {
      const rig = new Rig({ bodiesInMemory: 0, invocationsInMemory: 0 });
      await rig.feed([forged('a', T), ...known]);
      await pass(rig, HOUR);
      await pass(rig, HOUR);
      await rig.restart();
      await rig.feed([access({ id: 'b', startMs: T + 6, authzRequestId: 'L1' })]);
      await pass(rig, 6 * MINUTE);
      expect(rig.request('b')).toMatchObject({ outcome: 'matched', customer: 'C-1' });
      expect(rig.request('a')).toMatchObject({ outcome: 'access_only', customer: 'unknown' });
    }
  });
});

/** Requests at a few moments, most under one forged id, some with their invocation, some named by their line. */
const world = fc
  .array(
    fc.record({
      startMs: fc.constantFrom(0, 6, 20, 150, 1_000, 1_020),
      isForged: fc.constantFrom(true, true, true, false),
      isNamed: fc.constantFrom(false, false, false, false, true),
      isCalled: fc.constantFrom(true, true, false),
      isDenied: fc.boolean(),
    }),
    { minLength: 2, maxLength: 5 },
  )
  .map((plans) => plans.flatMap(partsOf));

interface Plan {
  readonly startMs: number;
  readonly isForged: boolean;
  readonly isNamed: boolean;
  readonly isCalled: boolean;
  readonly isDenied: boolean;
}

function partsOf({ startMs, isForged, isNamed, isCalled, isDenied }: Plan, index: number): LogPart[] {
  const requestId = isForged ? 'FORGED' : `req-${index}`;
  const status = isDenied ? { status: 403, errorResponseType: 'ACCESS_DENIED' } : { status: 200 };
  const line = access({
    id: String(index),
    startMs: T + startMs,
    callVisible: isNamed,
    fields: { requestId, ...status },
    ...(isNamed && { authzRequestId: `L${index}` }),
  });
  if (!isCalled) return [line];
  const made = { id: `L${index}`, startMs: T + startMs + 5, customer: `C-${index}` };
  const decision = isDenied ? 'deny' : 'allow';
  return [line, ...invocation({ ...made, decision, gatewayRequestId: requestId })];
}

/** What is said of each request by its id. */
function requests(rig: Rig): ReadonlyMap<string, string> {
  const said = new Map<string, string>();
  for (const one of rig.store.records.values()) {
    if (one.kind !== 'request' || one.extendedRequestId === undefined) continue;
    said.set(one.extendedRequestId, `${one.outcome} ${one.customer} ${one.decisionRequestId ?? '-'}`);
  }
  return said;
}

function events(rig: Rig): string[] {
  const records = [...rig.store.records.values()];
  return records.flatMap((one) => ('parts' in one ? one.parts.map(({ eventId }) => eventId) : [])).sort();
}

const DOUBT = 'ambiguous unknown -';

describe('FT-31 requests under forged ids', () => {
  it('are given to whom they are given when all is read at once, or to nobody, however late it comes', async () => {
    const run = world.chain((parts) =>
      fc.record({
        parts: fc.constant(parts),
        order: fc.shuffledSubarray(parts, { minLength: parts.length, maxLength: parts.length }),
        cuts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 10 }),
        pauses: fc.array(fc.constantFrom(0, 0, 6 * MINUTE, 16 * MINUTE, HOUR), {
          minLength: 1,
          maxLength: 10,
        }),
        kills: fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }),
        inMemory: fc.constantFrom(0, 1_000),
        linesPerStep: fc.constantFrom(1, 2, 2_000),
      }),
    );
    await fc.assert(
      fc.asyncProperty(run, async ({ parts, order, cuts, pauses, kills, inMemory, linesPerStep }) => {
        const memory = { bodiesInMemory: inMemory, invocationsInMemory: inMemory };
        const rig = new Rig({ ...memory, linesPerStep });
        for (let step = 0, at = 0; at < order.length; step += 1) {
          const size = cuts[step % cuts.length] ?? 1;
          if (kills[step % kills.length] === true) await rig.restart();
          await rig.feed(order.slice(at, at + size));
          await rig.readThrough(T);
          rig.nowMs += pauses[step % pauses.length] ?? 0;
          at += size;
        }
        const atOnce = new Rig();
        await atOnce.feed(parts);
        for (const one of [rig, rig, atOnce, atOnce]) {
          await pass(one, 6 * MINUTE);
          await one.finish();
        }
        const said = requests(rig);
        for (const [id, truth] of requests(atOnce)) expect([truth, DOUBT]).toContain(said.get(id));
        expect(events(rig)).toEqual(events(atOnce));
      }),
      { numRuns: 300, seed: 20261122 },
    );
  });
});
