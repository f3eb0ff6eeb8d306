import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { Correlator, defaultCorrelateSettings } from '../../src/correlate/correlator.ts';
import type { LogPart } from '../../src/model/part.ts';
import { ACCESS_UNIT, AUTHORIZER_UNIT, access, FAR_FUTURE, invocation, MemoryStore } from './scenario.ts';

const T = 1_690_000_000_000;

/** A correlator that throws whenever it looks up the stage behind an invocation nobody claims. */
class FaultyRig {
  readonly store = new MemoryStore();
  watermark = T;
  /** Fields of the errors that were logged. */
  readonly told: unknown[] = [];
  readonly correlator = new Correlator({
    store: this.store,
    settings: defaultCorrelateSettings,
    topology: () => ({
      accessUnitsOf: () => [ACCESS_UNIT],
      stageOf: () => {
        throw new TypeError('no such stage');
      },
    }),
    logger: { ...silentLogger, error: (fields) => this.told.push(fields) },
  });

  async feed(parts: readonly LogPart[]): Promise<void> {
    const batch = { parts, nowMs: T + 1_000_000, watermarkOf: () => this.watermark };
    const { records, state } = await this.correlator.process(batch);
    this.store.apply(records, state);
    this.correlator.committed(batch.nowMs);
  }

  get outcomes(): string[] {
    return [...this.store.records.values()]
      .map((one) => (one.kind === 'request' ? one.outcome : one.kind))
      .sort();
  }
}

describe('what the join throws at', () => {
  it('costs the lines of that invocation alone, though earlier batches brought them', async () => {
    const rig = new FaultyRig();
    await rig.feed(invocation({ id: 'L1', startMs: T + 10 }));
    rig.watermark = FAR_FUTURE;
    await rig.feed([
      ...invocation({ id: 'L2', startMs: T + 10 }),
      access({ id: '2', startMs: T, authzRequestId: 'L2' }),
      access({ id: '3', startMs: T, authzRequestId: 'L3' }),
    ]);
    expect(rig.outcomes).toEqual(['access_only', 'matched', ...Array(4).fill('unparsed')]);
    expect(rig.told).toEqual([{ key: `${AUTHORIZER_UNIT}\nL1`, reason: 'TypeError' }]);
    await rig.feed([]);
    await rig.correlator.reset();
    expect(rig.correlator.settling.size).toBe(0);
  });

  it('is nobody among the lines when the journal fails', async () => {
    const rig = new FaultyRig();
    const [start, ...rest] = invocation({ id: 'L1', startMs: T + 10 });
    if (start === undefined) throw new Error('Expected the lines of an invocation');
    await rig.feed([...rest, start, access({ id: '1', startMs: T, authzRequestId: 'L1' })]);
    rig.store.bodies = async () => {
      throw new Error('the disk is gone');
    };
    // A late line of what its record has wants it back from the journal.
    await expect(rig.feed([{ ...start, source: { ...start.source, eventId: 'late' } }])).rejects.toThrow(
      'gone',
    );
    expect(rig.outcomes).toEqual(['matched']);
  });
});

function noStage(): never {
  throw new TypeError('no such stage');
}

describe('an invocation row that cannot be read', () => {
  it.each([
    ['without a source', '{"startMs":1,"places":[],"sources":[]}', 'state_unreadable'],
    ['cut off', '{"startMs":', 'not JSON'],
    [
      'with a claim of no record',
      '{"startMs":1,"claim":{},"texts":[],"places":[["a","r","g","s"]],"sources":[[0,"e",1,1]]}',
      'state_unreadable',
    ],
    [
      'without its texts',
      '{"startMs":1,"places":[["a","r","g","s"]],"sources":[[0,"e",1,1]]}',
      'state_unreadable',
    ],
  ])('%s costs neither the start nor a batch, and is told', async (_how, body, reason) => {
    const store = new MemoryStore();
    for (const [kind, id] of [
      ['open_invocation', 'L1'],
      ['invocation', 'L2'],
    ])
      store.apply([], [{ kind: `${kind}`, key: `${AUTHORIZER_UNIT}\n${id}`, body, expiresMs: 0 }]);
    const told: unknown[] = [];
    const correlator = new Correlator({
      store,
      settings: defaultCorrelateSettings,
      topology: () => ({ accessUnitsOf: () => [], stageOf: noStage }),
      logger: { ...silentLogger, error: (fields) => told.push(fields) },
    });
    await correlator.reset();
    const parts = [
      ...invocation({ id: 'L3', startMs: T + 10 }),
      access({ id: '3', startMs: T, authzRequestId: 'L3' }),
      access({ id: '2', startMs: T, authzRequestId: 'L2' }),
    ];
    const { records } = await correlator.process({ parts, nowMs: T + 1_000, watermarkOf: () => T });
    expect(records).toMatchObject([{ outcome: 'matched' }]);
    expect(told).toEqual(['L1', 'L2'].map((id) => ({ key: `${AUTHORIZER_UNIT}\n${id}`, reason })));
  });
});
