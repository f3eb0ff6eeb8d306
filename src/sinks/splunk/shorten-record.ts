import type { RequestRecord, UnparsedRecord } from '../../model/request-record.ts';
import { cutMark, cutText, LONGEST_MARK_BYTES } from '../cut-text.ts';

/** Shares of an event's room, so that no part of a record can push the others out. */
const TEXT_SHARE = 64;
const LIST_SHARE = 4;

/** What one piece of a record's `parts` takes in an event, bytes. */
const PART_BYTES = 600;

/** Under this name in `other`: how much of the record is missing here. */
const CUT_NOTE = 'gatewatch.cut';

/**
 * A copy for a destination that takes no more than `maxBytes` for one event: long texts are cut and marked, lists keep
 * their beginning. The journal holds the whole record under the same id. `body` = the stored record, whose length and
 * SHA-256 the copy carries. The same record always gives the same copy.
 */
export function shortenRecord<R extends RequestRecord | UnparsedRecord>(
  record: R,
  body: string,
  maxBytes: number,
): R {
  const maxText = Math.max(LONGEST_MARK_BYTES, Math.floor(maxBytes / TEXT_SHARE));
  const texts = Object.entries(record).map(([name, value]) => [
    name,
    typeof value === 'string' ? cutText(value, maxText) : value,
  ]);
  const parts = record.parts.slice(0, Math.max(1, Math.floor(maxBytes / LIST_SHARE / PART_BYTES)));
  const copy: R = { ...record, ...Object.fromEntries(texts), parts };
  if (copy.kind !== 'request') return copy;
  const { other = {}, authorizerLog } = copy;
  const note = `${cutMark(Buffer.byteLength(body), body)}; ${parts.length} of ${record.parts.length} parts`;
  return {
    ...copy,
    other: { ...shortMembers(other, maxText, maxBytes / LIST_SHARE), [CUT_NOTE]: note },
    ...(authorizerLog && { authorizerLog: shortList(authorizerLog, maxText, maxBytes / LIST_SHARE) }),
  };
}

/** Lines from the beginning, as many as fit; the last one then says what is missing. */
function shortList(lines: readonly string[], maxText: number, maxBytes: number): readonly string[] {
  const kept: string[] = [];
  let left = maxBytes;
  for (const line of lines) {
    const short = cutText(line, maxText);
    left -= Buffer.byteLength(short);
    if (left < 0) break;
    kept.push(short);
  }
  if (kept.length === lines.length) return kept;
  const rest = lines.slice(kept.length).join('\n');
  return [...kept, `${lines.length - kept.length} lines ${cutMark(Buffer.byteLength(rest), rest)}`];
}

function shortMembers(
  members: Readonly<Record<string, string>>,
  maxText: number,
  maxBytes: number,
): Readonly<Record<string, string>> {
  let left = maxBytes;
  const short = Object.entries(members).map(([name, value]) => {
    const text = cutText(value, left > 0 ? maxText : LONGEST_MARK_BYTES);
    left -= name.length + Buffer.byteLength(text);
    return [name, text];
  });
  return Object.fromEntries(short);
}
