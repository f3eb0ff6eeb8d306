import { afterEach, describe, expect, it } from 'vitest';
import type { LogPart } from '../../src/model/part.ts';
import { seenKeyOf } from '../../src/pipeline/fresh-parts.ts';
import { line, ReadingRig, UNIT } from './reading-rig.ts';
import { rowsOf } from './rehearsed-runtime.ts';

const T = 1_700_000_000_000;
const SECRET = 'what the fault said';

let rig: ReadingRig | undefined;
afterEach(async () => {
  await rig?.dispose();
  rig = undefined;
});

/** A line at which the join throws, by a defect that nobody knows of. */
function poison(id: string): LogPart {
  const part = line(id, T);
  if (part.role !== 'access') return part;
  const fields = Object.defineProperty({ ...part.fields }, 'errorResponseType', {
    get: () => {
      throw new RangeError(SECRET);
    },
  });
  return { ...part, fields };
}

function commit(started: ReadingRig, parts: readonly LogPart[], readThroughMs: number): Promise<void> {
  const seen = parts.map((part) => ({ atMs: part.source.timestampMs, key: seenKeyOf(part) }));
  const window = { fromMs: T - 60_000, toMs: readThroughMs };
  const next = { readThroughMs, rereads: [] };
  return started.ingest.commitParts({ unit: UNIT, window, read: parts.length, parts, seen, next });
}

describe('a line that the join throws at', () => {
  it('is kept as unparsed with hash and length, and everything else goes on', async () => {
    rig = await ReadingRig.start();
    await commit(rig, [line('a', T), poison('bad'), line('b', T)], T + 1_000);
    await commit(rig, [line('c', T + 2_000)], T + 3_000);
    expect((await rig.requests()).sort()).toEqual(['ext-a', 'ext-b', 'ext-c', 'unparsed']);
    const [unparsed] = (await rowsOf(rig.journal, 'records')).filter(
      ({ record }) => record.kind === 'unparsed',
    );
    expect(unparsed?.record).toMatchObject({
      problem: 'fault while joining the line: RangeError',
      role: 'access',
      rawSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      parts: [{ eventId: 'access-bad', role: 'access' }],
    });
    expect(unparsed?.body).toContain('req-bad');
    expect(unparsed?.body).not.toContain(SECRET);
    const [ledger] = await rig.ledger();
    expect(ledger).toMatchObject({ read: 3, seen: 3, stored: 3, quarantined: 0, filtered: 0, unparsed: 1 });
    expect(rig.ingest.checkpointOf(UNIT)?.readThroughMs).toBe(T + 3_000);
  });

  it('stops the commit where it is one of very many: then the defect is not the line', async () => {
    rig = await ReadingRig.start();
    const parts = Array.from({ length: 101 }, (_one, n) => poison(`bad-${n}`));
    await expect(commit(rig, parts, T + 1_000)).rejects.toThrow(SECRET);
    expect(await rig.requests()).toEqual([]);
    expect(rig.ingest.checkpointOf(UNIT)).toBeUndefined();
  });
});
