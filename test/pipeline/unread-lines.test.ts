import { expect, it } from 'vitest';
import { lineRecordId } from '../../src/correlate/ids.ts';
import type { JournalRecord } from '../../src/model/journal.ts';
import type { LogPart } from '../../src/model/part.ts';
import { FreshParts, seenKeyOf } from '../../src/pipeline/fresh-parts.ts';
import { RetriedLines } from '../../src/pipeline/unread-lines.ts';
import { unparsedRecord } from '../sinks/entries.ts';
import { line, neverAsked, oddLine, page } from './reading-rig.ts';

const AT = 1_795_341_600_000;
const keysOf = (...parts: readonly LogPart[]) => new Set(parts.map(seenKeyOf));
const idsOf = (parts: readonly LogPart[]) => parts.map(({ source }) => source.eventId);

it('a line that was stored unread is taken again once it can be read, and never while it cannot', async () => {
  const [read, unreadable] = [line('a', AT), oddLine('unparsed', 'b', AT)];
  const stored = keysOf(read, unreadable);
  const retried = new RetriedLines(stored, new Set());
  const fresh = new FreshParts(stored, undefined, retried);
  await fresh.take(page([read, unreadable]), neverAsked);
  expect(idsOf(fresh.flush().parts)).toEqual(idsOf([read]));
});

it('a line that was read again before the worker stopped is not taken once more, but its revision is still made', async () => {
  const read = line('a', AT);
  const stored = keysOf(read);
  const retried = new RetriedLines(stored, stored);
  const fresh = new FreshParts(stored, undefined, retried);
  await fresh.take(page([read]), neverAsked);
  expect(fresh.flush().parts).toEqual([]);
  const recordId = lineRecordId(read.source);
  const record = unparsedRecord(1, { recordId, problem: 'no format fits' });
  const asked: string[] = [];
  const bodies = async (ids: readonly string[]) => {
    asked.push(...ids);
    return new Map<string, JournalRecord>([[recordId, record]]);
  };
  const [revision, ...more] = await retried.revisions({ bodies });
  expect(asked).toEqual([recordId]);
  expect(more).toEqual([]);
  expect(revision).toMatchObject({
    recordId,
    parts: [],
    problem: 'read since; before that: no format fits',
    raw: record.raw,
  });
  expect(revision?.eventId).not.toBe(record.eventId);
  const again = async () => new Map(revision === undefined ? [] : [[recordId, revision]]);
  expect(await retried.revisions({ bodies: again })).toEqual([revision]);
});

it('a line that nobody ever stored is taken as before', async () => {
  const fresh = new FreshParts(new Set(), undefined, new RetriedLines(new Set(), new Set()));
  await fresh.take(page([line('a', AT), oddLine('unparsed', 'b', AT), line('a', AT)]), neverAsked);
  expect(fresh.flush().parts).toHaveLength(2);
});
