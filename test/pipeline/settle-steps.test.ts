import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogPart } from '../../src/model/part.ts';
import { access, invocation } from '../correlate/scenario.ts';
import { line, ReadingRig, UNIT } from './reading-rig.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const STEP = 5;
const LINES = 60;

let rig: ReadingRig;
beforeEach(async () => {
  rig = await ReadingRig.start();
  rig.linesPerStep = STEP;
  await rig.restart();
});
afterEach(() => rig.dispose());

function read(parts: readonly LogPart[]): Promise<void> {
  const nowMs = rig.clock.now();
  const window = { fromMs: nowMs - MINUTE, toMs: nowMs };
  const seen = parts.map(({ source }) => ({ atMs: source.timestampMs, key: source.eventId }));
  return rig.ingest.commitParts({ unit: UNIT, window, read: parts.length, parts, seen });
}

/** Lines that wait for an invocation, and have done so for longer than anything may. */
async function readOverdue(): Promise<void> {
  const startMs = rig.clock.now() - MINUTE;
  await read(
    Array.from({ length: LINES }, (_one, n) => access({ id: `w${n}`, startMs, authzRequestId: 'inv-1' })),
  );
  rig.clock.skip(6 * MINUTE);
  rig.commits.length = 0;
}

describe('what one commit does not take on', () => {
  it('is taken on by more of them, a few lines each, until nothing is left', async () => {
    await readOverdue();
    await rig.ingest.settle(UNIT);
    expect(await rig.requests()).toHaveLength(LINES);
    expect(rig.commits.map(({ records }) => records.length)).toEqual(Array.from({ length: 12 }, () => STEP));
  });

  it('keeps what is read waiting for one of them at most, however many turns settle at once', async () => {
    await readOverdue();
    const turns = [1, 2, 3, 4].map(() => rig.ingest.settle(UNIT));
    while (rig.commits.length < 5) await Promise.resolve();
    const before = rig.commits.length;
    await read([line('new', rig.clock.now())]);
    expect(before).toBeLessThan(LINES / STEP - 4);
    const bringing = rig.commits.findIndex(({ seen }) => seen.length > 0);
    expect(bringing).toBeLessThanOrEqual(before + 1);
    await Promise.all(turns);
    expect(await rig.requests()).toHaveLength(LINES + 1);
  });

  it('is left to who settles next when this one may not carry on', async () => {
    await readOverdue();
    await rig.ingest.settle(UNIT, () => rig.commits.length < 3);
    expect(await rig.requests()).toHaveLength(3 * STEP);
    await rig.ingest.settle(UNIT);
    expect(await rig.requests()).toHaveLength(LINES);
  });

  it('keeps the journal from forgetting what it needs, through a restart too', async () => {
    const startMs = rig.clock.now() - MINUTE;
    await readOverdue();
    await rig.ingest.settle(UNIT);
    const begunMs = rig.clock.now();
    await read(invocation({ id: 'inv-1', startMs: startMs + 10, customer: 'C-1' }));
    rig.clock.skip(9 * DAY);
    expect(rig.ingest.forgetMs(rig.clock.now())).toBe(begunMs);
    await rig.restart();
    await rig.journal.prune(rig.ingest.forgetMs(rig.clock.now()), 0);
    await rig.ingest.settle(UNIT);
    const customers = (await rig.journal.readStream('records', LINES, 1_000)).map(
      ({ record }) => record.kind === 'request' && record.customer,
    );
    expect(customers.filter((customer) => customer === 'C-1')).toHaveLength(LINES);
    expect(rig.ingest.forgetMs(rig.clock.now())).toBe(rig.clock.now());
  });
});
