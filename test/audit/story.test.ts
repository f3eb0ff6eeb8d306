import { describe, expect, it } from 'vitest';
import { showRecord } from '../../src/audit/story.ts';
import { storyJson, storyText } from '../../src/audit/story-text.ts';
import { metricRecord } from '../contract/journal-records.ts';
import { createMemoryReader, deniedRequest, NOON_MS, unparsedLine } from './memory-reader.ts';

const first = deniedRequest({ eventId: 'event-0', revision: 0, outcome: 'access_only', joinKey: 'none' });
const reader = createMemoryReader([first, deniedRequest(), unparsedLine(), metricRecord('m1')], {
  gaps: [
    {
      unit: 'logs:near',
      fromMs: NOON_MS - 60_000,
      toMs: NOON_MS - 1_000,
      reason: 'expired in CloudWatch',
      recordedMs: 0,
    },
    { unit: 'logs:far', fromMs: 0, toMs: 1, reason: 'long ago', recordedMs: 0 },
  ],
  delivery: async (seq) => [
    { lane: 'splunk/records/live', status: 'delivered' },
    ...(seq === 2 ? [{ lane: 'dynatrace/records/live', status: 'expired', reason: 'older than 24 h' }] : []),
  ],
});

async function storyOf(id: string) {
  const story = await showRecord(reader, id);
  if (story === undefined) throw new Error(`nothing found for ${id}`);
  return story;
}

describe('the story of a record', () => {
  it('tells a request in plain words', async () => {
    const text = storyText(await storyOf(deniedRequest().recordId));
    await expect(text).toMatchFileSnapshot('story.golden.txt');
  });

  it('is found by the event id of any revision and tells all of them', async () => {
    const story = await storyOf('event-0');
    expect(story.record.eventId).toBe('event-1');
    expect(story.revisions.map((entry) => entry.eventId)).toEqual(['event-0', 'event-1']);
    expect(story.delivery.map(({ lanes }) => lanes.map((lane) => lane.status))).toEqual([
      ['delivered'],
      ['delivered', 'expired'],
    ]);
  });

  it('names only the gaps around its time', async () => {
    expect((await storyOf('event-1')).gaps.map((gap) => gap.unit)).toEqual(['logs:near']);
  });

  it('is nothing for an id nobody has', async () => {
    expect(await showRecord(reader, 'nobody')).toBeUndefined();
  });

  it('tells an unparsed line and a metric point as well', async () => {
    expect(storyText(await storyOf('unparsed-1'))).toMatch(
      /that no parser could read[\s\S]*problem: json: expected/,
    );
    expect(storyText(await storyOf('m1'))).toMatch(
      /AWS\/ApiGateway Latency of ApiName=orders[\s\S]*p99: 80 ms/,
    );
  });

  it('is the same for machines, with the join explained', async () => {
    const json = JSON.parse(storyJson(await storyOf('event-1')));
    expect(json.record).toEqual(deniedRequest());
    expect(json.revisions).toHaveLength(2);
    expect(json.explanation.joinKey).toMatch(/no caller can choose it/);
  });

  it('lets no control character reach the terminal', async () => {
    const hostile = createMemoryReader([deniedRequest({ decisionReason: '\u001b[2Jx\nForged: line' })]);
    const story = await showRecord(hostile, 'event-1');
    expect(story && storyText(story)).toContain('reason: \ufffd[2Jx\ufffdForged: line\n');
  });
});
