import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessPart, LogPart } from '../../src/model/part.ts';
import { access, FAR_FUTURE, invocation, Rig } from './scenario.ts';

const T = 1_699_999_000_000;

/** A small world in which lines share invocations, gateway ids and connections in every way the join must settle. */
const world = fc
  .array(
    fc.record({
      startMs: fc.integer({ min: 0, max: 4_000 }),
      latencyMs: fc.integer({ min: 30, max: 600 }),
      names: fc.constantFrom('echo', 'rendered', 'gateway', 'nothing'),
      calls: fc.constantFrom('own', 'earlier', 'missing'),
      forged: fc.boolean(),
      outcome: fc.constantFrom('ok', 'denied', 'crash', 'throttled'),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map(buildWorld);

type Plan = {
  startMs: number;
  latencyMs: number;
  names: string;
  calls: string;
  forged: boolean;
  outcome: string;
};

function buildWorld(plans: readonly Plan[]): LogPart[] {
  const parts: LogPart[] = [];
  let earlier: string | undefined;
  plans.forEach((plan, index) => {
    const id = `L${index}`;
    const gatewayRequestId = plan.forged ? 'FORGED' : `req-${index}`;
    const named = plan.calls === 'earlier' && earlier !== undefined ? earlier : id;
    if (plan.calls === 'own') {
      const decision = plan.outcome === 'denied' ? 'deny' : plan.outcome === 'crash' ? 'error' : 'allow';
      parts.push(
        ...invocation({
          id,
          startMs: T + plan.startMs + 5,
          durationMs: 20,
          decision,
          gatewayRequestId,
          customer: `C-${index}`,
        }),
      );
      earlier = id;
    }
    parts.push(lineOf(plan, index, named, gatewayRequestId));
  });
  return parts;
}

const FIELDS: Readonly<Record<string, AccessPart['fields']>> = {
  ok: { status: 200 },
  denied: { status: 403, errorResponseType: 'ACCESS_DENIED' },
  crash: { status: 500, errorResponseType: 'AUTHORIZER_FAILURE' },
  throttled: { status: 429, errorResponseType: 'THROTTLED' },
};

function lineOf(plan: Plan, index: number, named: string, requestId: string): AccessPart {
  return access({
    id: String(index),
    startMs: T + plan.startMs,
    latencyMs: plan.latencyMs,
    callVisible: plan.names !== 'gateway',
    fields: { requestId, ...FIELDS[plan.outcome] },
    ...(plan.names === 'echo' && { authzRequestId: named }),
    ...(plan.names === 'rendered' && { authorizerRequestId: named }),
  });
}

/** What the newest revisions say, a line each: short enough to read in a counterexample. */
function live(rig: Rig): string[] {
  const lines: string[] = [];
  for (const record of rig.store.records.values()) {
    // An invocation that went out alone and was then claimed is written twice; only the claimed form counts.
    if (record.kind !== 'request' || record.supersededBy !== undefined) continue;
    const parts = record.parts.map((part) => part.eventId).join(' ');
    const who = `${record.customer}/${record.customerSource}/${record.principal ?? '-'}`;
    const why = `${record.decision}/${record.decisionSource}/${record.decisionReason ?? '-'}`;
    const log = record.authorizerLog?.join('|') ?? '-';
    lines.push(
      `${record.extendedRequestId ?? record.decisionRequestId} ${record.outcome} ${record.joinKey} ${why} ${who} ${log} [${parts}]`,
    );
  }
  return lines.sort();
}

async function allAtOnce(parts: readonly LogPart[]): Promise<string[]> {
  const rig = new Rig();
  await rig.feed(parts);
  await rig.readThrough(FAR_FUTURE);
  return live(rig);
}

describe('the join', () => {
  it('ends in the same records whatever the order, the batches, the restarts and the watermarks', async () => {
    await fc.assert(
      fc.asyncProperty(
        world.chain((parts) =>
          fc.record({
            parts: fc.constant(parts),
            order: fc.shuffledSubarray(parts, { minLength: parts.length, maxLength: parts.length }),
            cuts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 40 }),
            reads: fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 1, maxLength: 40 }),
            restarts: fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
            bodiesInMemory: fc.constantFrom(0, 2, 1_000),
            invocationsInMemory: fc.constantFrom(0, 3, 1_000),
            linesInMemory: fc.constantFrom(0, 3, 50_000),
            linesPerStep: fc.constantFrom(1, 3, 2_000),
            ageMs: fc.constantFrom(10_000, 1_000_000),
          }),
        ),
        async (run) => {
          const rig = new Rig({
            bodiesInMemory: run.bodiesInMemory,
            invocationsInMemory: run.invocationsInMemory,
            linesInMemory: run.linesInMemory,
            linesPerStep: run.linesPerStep,
          });
          // What memory forgets early is young: the journal has to be asked for it all the same.
          rig.nowMs = T + run.ageMs;
          let at = 0;
          for (let step = 0; at < run.order.length; step += 1) {
            const size = run.cuts[step % run.cuts.length] ?? 1;
            const slice = run.order.slice(at, at + size);
            at += size;
            if (run.restarts[step % run.restarts.length] === true) await rig.restart();
            await rig.feed(slice.filter((part) => part.role === 'authorizer'));
            await rig.feed(slice.filter((part) => part.role === 'access'));
            await rig.readThrough(T + (run.reads[step % run.reads.length] ?? 0));
          }
          await rig.readThrough(FAR_FUTURE);
          await rig.finish();
          expect(live(rig)).toEqual(await allAtOnce(run.parts));
        },
      ),
      { numRuns: 1100, seed: 20261122 },
    );
  });

  it('puts every event into exactly one newest record', async () => {
    await fc.assert(
      fc.asyncProperty(world, async (parts) => {
        const rig = new Rig();
        await rig.feed(parts);
        await rig.readThrough(FAR_FUTURE);
        const stored = [...rig.store.records.values()].flatMap((record) =>
          'parts' in record ? record.parts.map((part) => part.eventId) : [],
        );
        const read = parts.map((part) => part.source.eventId);
        expect(stored.sort()).toEqual(read.sort());
      }),
      { numRuns: 300, seed: 20261122 },
    );
  });
});
