import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/model/journal.ts';
import { createSinkFilter, type SinkFilterSettings, streamsOf } from '../../src/sinks/sink-filter.ts';
import { entryOf, metricRecord, requestRecord, unparsedRecord } from './entries.ts';

const passes = (filter: SinkFilterSettings, record: JournalRecord) =>
  createSinkFilter(filter)(entryOf(1, record));

const request = requestRecord(1, {
  apiName: 'orders-eu',
  stage: 'prod',
  decision: 'deny',
  outcome: 'matched',
});

describe('a sink filter', () => {
  it.each<[filter: SinkFilterSettings, expected: boolean]>([
    [{}, true],
    [{ include: [{ api: ['orders-*'] }] }, true],
    [{ include: [{ api: ['orders'] }] }, false],
    [{ include: [{ api: ['orders-??'] }] }, true],
    [{ include: [{ api: ['Orders-*'] }] }, false],
    [{ include: [{ api: ['billing', 'orders-*'], stage: ['prod'] }] }, true],
    [{ include: [{ api: ['orders-*'], stage: ['test'] }] }, false],
    [{ include: [{ stage: ['test'] }, { decision: ['deny'] }] }, true],
    [{ exclude: [{ decision: ['allow'] }] }, true],
    [{ exclude: [{ outcome: ['matched'] }] }, false],
    [{ include: [{ api: ['*'] }], exclude: [{ stage: ['prod'] }] }, false],
    [{ include: [{ api: ['orders.eu'] }] }, false],
  ])('%j lets a request pass: %j', (filter, expected) => {
    expect(passes(filter, request)).toBe(expected);
  });

  it('never hides unread lines or metrics behind what they cannot have', () => {
    const denies = { include: [{ decision: ['deny'] }] };
    expect(passes(denies, unparsedRecord(1))).toBe(true);
    expect(passes(denies, metricRecord(1))).toBe(true);
    expect(passes({ exclude: [{ decision: ['*'] }] }, metricRecord(1))).toBe(true);
    expect(passes({ include: [{ api: ['billing'] }] }, metricRecord(1))).toBe(false);
  });

  it('limits the streams of its sink', () => {
    expect(streamsOf({})).toEqual(['records', 'metrics', 'alarms']);
    expect(streamsOf({ streams: ['metrics'] })).toEqual(['metrics']);
  });
});
