import { isObject } from '../core/json.ts';
import type { RawLogPage } from './filter-log-events.ts';

/** An answer as the SDK's transport hands it up: status, and a body that is still to be read. */
interface RawAnswer {
  readonly statusCode: number;
  body: AsyncIterable<Uint8Array> | Uint8Array;
}

const NOTHING = new TextEncoder().encode('{}');

/**
 * Reads pages of log events out of answers before the SDK does: its reading walks a schema for every field of every
 * event, which for some thousand events a page costs more than all else it does. Anything but a good answer is left to it.
 */
export class LogPageReader {
  /** The page of the last answer; absent when that was none. */
  page: RawLogPage | undefined;

  /** Takes the page out of an answer, which is then empty. */
  async take(answer: unknown): Promise<void> {
    this.page = undefined;
    if (!isRawAnswer(answer) || answer.statusCode !== 200) return;
    const chunks = await collect(answer.body);
    const bytes = together(chunks);
    this.page = readPage(bytes);
    // The SDK reads later, when other answers may lie where this one did.
    answer.body = this.page === undefined ? Buffer.concat(chunks) : NOTHING;
  }
}

function isRawAnswer(value: unknown): value is RawAnswer {
  if (!isObject(value) || typeof value.statusCode !== 'number') return false;
  const { body } = value;
  return (
    body instanceof Uint8Array || (typeof body === 'object' && body !== null && Symbol.asyncIterator in body)
  );
}

async function collect(body: RawAnswer['body']): Promise<readonly Uint8Array[]> {
  if (body instanceof Uint8Array) return [body];
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks;
}

/**
 * Where answers are put together, one after the other: each is read before anybody else has a turn. A buffer of its own
 * for each would be some megabytes of garbage that no collection of young objects finds.
 */
let desk = Buffer.alloc(0);
/** CloudWatch's pages end at 1 MB of events. A larger answer gets a buffer of its own. */
const DESK_BYTES = 2 * 1_024 * 1_024;

/** Good until the next call. */
function together(chunks: readonly Uint8Array[]): Buffer {
  const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (total > DESK_BYTES) return Buffer.concat(chunks, total);
  if (desk.length === 0) desk = Buffer.allocUnsafeSlow(DESK_BYTES);
  let end = 0;
  for (const chunk of chunks) {
    desk.set(chunk, end);
    end += chunk.length;
  }
  return desk.subarray(0, end);
}

/** `undefined` for what is no page. */
function readPage(bytes: Buffer): RawLogPage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    // The SDK reads it again and says in its own way what is wrong with it.
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { events = [], nextToken } = value;
  if (!Array.isArray(events) || !events.every(isEvent)) return undefined;
  if (nextToken !== undefined && nextToken !== null && typeof nextToken !== 'string') return undefined;
  return { events, nextToken: nextToken ?? undefined };
}

/** Members are text or numbers where they are there at all; `null` stands for absent. */
function isEvent(value: unknown): value is NonNullable<RawLogPage['events']>[number] {
  if (!isObject(value)) return false;
  return (
    isTextOrAbsent(value.message) &&
    isTextOrAbsent(value.eventId) &&
    isTextOrAbsent(value.logStreamName) &&
    isNumberOrAbsent(value.timestamp) &&
    isNumberOrAbsent(value.ingestionTime)
  );
}

function isTextOrAbsent(value: unknown): boolean {
  return typeof value === 'string' || value === undefined || value === null;
}

function isNumberOrAbsent(value: unknown): boolean {
  return typeof value === 'number' || value === undefined || value === null;
}
