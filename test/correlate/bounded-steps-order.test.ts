import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogPart } from '../../src/model/part.ts';
import { HOUR, MINUTE, message, rowsOf, T, use } from './many-lines.ts';
import { access, FAR_FUTURE, invocation, pass, Rig } from './scenario.ts';

type Group = {
  uses: number;
  messages: number;
  names: string;
  startMs: number;
  comes: boolean;
  misses: boolean;
};

const world = fc
  .array(
    fc.record({
      uses: fc.integer({ min: 0, max: 6 }),
      messages: fc.integer({ min: 0, max: 6 }),
      names: fc.constantFrom('echo', 'gateway'),
      startMs: fc.integer({ min: 0, max: 4_000 }),
      comes: fc.boolean(),
      misses: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((groups) => groups.flatMap(partsOf));

/** Requests on one decision: the one it was made for, which may open a connection, its messages, and uses of the cache. */
function partsOf(group: Group, index: number): LogPart[] {
  const { names, comes, misses } = group;
  const atMs = T + group.startMs;
  const id = `L${index}`;
  const parts: LogPart[] = [];
  const opens = group.messages > 0;
  const fields = {
    requestId: `req-${index}`,
    ...(opens && { route: '$connect', eventType: 'CONNECT', connectionId: `c-${index}` }),
  };
  const key = names === 'echo' ? { authzRequestId: id } : { callVisible: false };
  if (misses)
    parts.push(access({ id, startMs: atMs, ...(opens && { protocol: 'WEBSOCKET' }), fields, ...key }));
  if (comes)
    parts.push(
      ...invocation({ id, startMs: atMs + 5, customer: `C-${index}`, gatewayRequestId: `req-${index}` }),
    );
  for (let n = 0; n < group.uses; n += 1) parts.push(use(`${id}-u${n}`, id, atMs + 1_000 * (n + 1)));
  for (let n = 0; n < group.messages; n += 1)
    parts.push(message(`${id}-m${n}`, `${index}`, atMs + 10_000 * (n + 1)));
  return parts;
}

function standing(rig: Rig): string[] {
  return [...rig.store.records.values()]
    .flatMap((one) => (one.kind === 'request' && one.supersededBy === undefined ? [one] : []))
    .map((one) => {
      const who = `${one.customer} ${one.principal ?? '-'} ${one.decision} ${one.decisionRequestId ?? '-'}`;
      const events = one.parts.map(({ eventId }) => eventId).join(' ');
      return `${one.extendedRequestId ?? one.decisionRequestId} ${one.outcome} ${one.joinKey} ${who} [${events}]`;
    })
    .sort();
}

describe('lines that several batches take back', () => {
  it('end in the same records as if one did, whatever the order, the room, the pauses and the restarts', async () => {
    const run = world.chain((parts) =>
      fc.record({
        parts: fc.constant(parts),
        order: fc.shuffledSubarray(parts, { minLength: parts.length, maxLength: parts.length }),
        cuts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 10 }),
        pauses: fc.array(fc.constantFrom(0, 0, 6 * MINUTE, 16 * MINUTE, HOUR), {
          minLength: 1,
          maxLength: 10,
        }),
        idle: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 10 }),
        isKilled: fc.boolean(),
        inMemory: fc.constantFrom(0, 2, 1_000),
        linesInMemory: fc.constantFrom(3, 50_000),
        linesPerStep: fc.integer({ min: 1, max: 5 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(run, async (how) => {
        const { inMemory, linesInMemory, linesPerStep, order } = how;
        const settings = {
          bodiesInMemory: inMemory,
          invocationsInMemory: inMemory,
          connectionsInMemory: inMemory,
        };
        const rig = new Rig({ ...settings, linesInMemory, linesPerStep });
        const kill = () => (how.isKilled ? rig.restart() : Promise.resolve());
        for (let step = 0, at = 0; at < order.length; step += 1) {
          const size = how.cuts[step % how.cuts.length] ?? 1;
          await kill();
          await rig.feed(order.slice(at, at + size));
          at += size;
          for (let n = how.idle[step % how.idle.length] ?? 0; n > 0; n -= 1) {
            await kill();
            await rig.readThrough(T + 2 * MINUTE);
          }
          rig.nowMs += how.pauses[step % how.pauses.length] ?? 0;
        }
        await rig.readThrough(FAR_FUTURE);
        await rig.finish(kill);
        await pass(rig, 6 * MINUTE);
        await rig.finish(kill);
        const atOnce = new Rig();
        await atOnce.feed(how.parts);
        await pass(atOnce, 6 * MINUTE);
        expect(standing(rig)).toEqual(standing(atOnce));
        expect(rowsOf(rig, 'unfinished')).toBe(0);
      }),
      { numRuns: 400, seed: 20261123 },
    );
  });
});
