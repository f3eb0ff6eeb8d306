import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { LogPageReader } from '../../src/aws/log-page-body.ts';

/** An answer in chunks that cut through characters, as the network brings them. */
function answerOf(text: string, statusCode = 200) {
  const bytes = Buffer.from(text);
  return { statusCode, body: Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]) };
}

async function textOf(body: AsyncIterable<Uint8Array> | Uint8Array): Promise<string> {
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function taken(answer: { statusCode: number; body: AsyncIterable<Uint8Array> | Uint8Array }) {
  const reader = new LogPageReader();
  await reader.take(answer);
  return { page: reader.page, left: await textOf(answer.body) };
}

const EVENT = { logStreamName: 's', timestamp: 1, message: 'Grüße "x"', ingestionTime: 2, eventId: '3' };

describe('the body of a page of log events', () => {
  it('is read whole, token and all, and leaves nothing for the SDK', async () => {
    const text = JSON.stringify({ events: [EVENT], searchedLogStreams: [], nextToken: 't' });
    expect(await taken(answerOf(text))).toEqual({ page: { events: [EVENT], nextToken: 't' }, left: '{}' });
  });

  it('may lack its list and its token', async () => {
    expect((await taken(answerOf('{"nextToken":null}'))).page).toEqual({ events: [], nextToken: undefined });
  });

  it.each([
    ['that is cut short', '{"events":[{"message":"a'],
    ['that is no object', '[1,2,3,4,5]'],
    ['whose events are of another form', '{"events":[{"message":{"a":1}}]}'],
    ['whose token is of another form', '{"events":[],"nextToken":17}'],
  ])('%s is left to the SDK as it came', async (_what, text) => {
    expect(await taken(answerOf(text))).toEqual({ page: undefined, left: text });
  });

  it('that is no page stays as it came while others are read', async () => {
    const answer = answerOf('{"events":18}');
    await new LogPageReader().take(answer);
    await taken(answerOf('{"events":[]}'));
    expect(await textOf(answer.body)).toBe('{"events":18}');
  });

  it('may be larger than any page that CloudWatch sends', async () => {
    const message = 'x'.repeat(3_000_000);
    const text = JSON.stringify({ events: [{ ...EVENT, message }] });
    expect((await taken(answerOf(text))).page?.events?.[0]?.message).toBe(message);
  });

  it('of a refusal is not touched', async () => {
    const text = '{"__type":"AccessDeniedException"}';
    expect(await taken(answerOf(text, 400))).toEqual({ page: undefined, left: text });
  });

  it('is not taken for the page of an earlier attempt', async () => {
    const reader = new LogPageReader();
    await reader.take(answerOf('{"events":[]}'));
    await reader.take(answerOf('{"__type":"ThrottlingException"}', 400));
    expect(reader.page).toBeUndefined();
  });
});
