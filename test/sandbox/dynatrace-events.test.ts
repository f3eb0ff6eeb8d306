import { describe, expect, it } from 'vitest';
import { historyToMs, longestLagMs } from './small-world.ts';
import { startedSandbox } from './started-sandbox.ts';

const NOW = historyToMs + longestLagMs;
const MINUTE = 60_000;
const ALERT = { eventType: 'CUSTOM_ALERT', title: 'slow', startTime: NOW, properties: { id: 'p1' } };

async function events(scopes?: readonly string[]) {
  const time = { nowMs: NOW };
  const token = { token: 't', ...(scopes !== undefined && { scopes }) };
  const sandbox = await startedSandbox({ clock: { now: () => time.nowMs }, dynatraceTokens: [token] });
  const post = async (body: unknown, type = 'application/json') => {
    const response = await fetch(`${sandbox.url}/api/v2/events/ingest`, {
      method: 'POST',
      headers: { authorization: 'Api-Token t', 'content-type': type },
      body: JSON.stringify(body),
    });
    return { status: response.status, answer: await response.json() };
  };
  const problems = async () => {
    const text = await (await fetch(`${sandbox.url}/_sandbox/problems`)).text();
    return text === ''
      ? []
      : text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line));
  };
  return { time, post, problems };
}

describe('the Events API', () => {
  it('opens a problem, keeps it open by the same payload, and closes it at its end', async () => {
    const { time, post, problems } = await events();
    expect(await post({ ...ALERT, timeout: 30 })).toMatchObject({
      status: 201,
      answer: { reportCount: 1, eventIngestResults: [{ status: 'OK' }] },
    });
    time.nowMs += 20 * MINUTE;
    await post({ ...ALERT, timeout: 30 });
    expect(await problems()).toMatchObject([{ startMs: NOW, endMs: NOW + 50 * MINUTE, ended: false }]);
    await post({ ...ALERT, endTime: NOW + 15 * MINUTE });
    expect(await problems()).toMatchObject([{ endMs: NOW + 15 * MINUTE, ended: true }]);
  });

  it('opens another problem for another payload, and for the same one after it ran out', async () => {
    const { time, post, problems } = await events();
    await post(ALERT);
    await post({ ...ALERT, properties: { id: 'p2' } });
    time.nowMs += 16 * MINUTE;
    await post({ ...ALERT, startTime: time.nowMs });
    expect((await problems()).map(({ properties }) => properties.id)).toEqual(['p1', 'p2', 'p1']);
  });

  it.each<[string, object, number, string]>([
    ['an unknown type', { ...ALERT, eventType: 'ALERT' }, 400, 'eventType ALERT'],
    ['no title', { ...ALERT, title: '' }, 400, 'title'],
    ['a start too long ago', { ...ALERT, startTime: NOW - 361 * MINUTE }, 400, 'startTime'],
    ['a start in the future', { ...ALERT, startTime: NOW + 6 * MINUTE }, 400, 'startTime'],
    ['an end before the start', { ...ALERT, endTime: NOW - 1 }, 400, 'endTime'],
    ['a reserved property', { ...ALERT, properties: { 'dt.owner': 'x' } }, 400, 'reserved'],
    ['a property that is no text', { ...ALERT, properties: { n: 1 } }, 400, 'must be a string'],
    ['a value that is too long', { ...ALERT, properties: { v: 'x'.repeat(4_097) } }, 400, 'too long'],
  ])('refuses %s', async (_, body, status, why) => {
    const { post, problems } = await events();
    expect(await post(body)).toMatchObject({
      status,
      answer: { error: { message: expect.stringContaining(why) } },
    });
    expect(await problems()).toEqual([]);
  });

  it('asks for a token with its scope, and for JSON', async () => {
    expect(await (await events(['logs.ingest'])).post(ALERT)).toMatchObject({
      status: 403,
      answer: { error: { message: expect.stringContaining('events.ingest') } },
    });
    expect(await (await events()).post(ALERT, 'text/plain')).toMatchObject({ status: 415 });
  });
});
