/**
 * What the stored text of a record tells without parsing it. Inside a JSON string a quote is always escaped, so a `,"`
 * is the beginning of a member wherever it stands.
 */

const LOG_MEMBER = ',"authorizerLog":[';
const PARTS_MEMBER = ',"parts":[';

/** True when no text of the record needs an escape in JSON, those of `authorizerLog` (lines of JSON, mostly) apart. */
export function needsNoEscape(body: string): boolean {
  const first = body.indexOf('\\');
  if (first < 0) return true;
  const log = body.lastIndexOf(LOG_MEMBER, first);
  if (log < 0) return false;
  const end = endOfTexts(body, log + LOG_MEMBER.length - 1);
  return first < end && body.indexOf('\\', end) < 0;
}

/** True when every text of the record is plain ASCII: as many bytes as characters. */
export function isAscii(body: string): boolean {
  return Buffer.byteLength(body) === body.length && !body.includes('\\ud');
}

/** The JSON of `authorizerLog` as it is stored; undefined when the text has none that can be told apart. */
export function logText(body: string): string | undefined {
  const member = body.indexOf(LOG_MEMBER);
  if (member < 0) return undefined;
  const start = member + LOG_MEMBER.length - 1;
  return body.slice(start, endOfTexts(body, start));
}

/** The JSON of `parts` as it is stored; `lastIngestionMs`: the member that its last part ends with. */
export function partsText(body: string, lastIngestionMs: number): string | undefined {
  const member = body.indexOf(PARTS_MEMBER);
  if (member < 0) return undefined;
  const start = member + PARTS_MEMBER.length - 1;
  const ending = `,"ingestionMs":${lastIngestionMs}}]`;
  const end = body.indexOf(ending, start);
  return end < 0 ? undefined : body.slice(start, end + ending.length);
}

/** Index behind the list of texts that begins at `start`: behind the first `"]` whose quote is not escaped. */
function endOfTexts(body: string, start: number): number {
  if (body[start + 1] === ']') return start + 2;
  let end = body.indexOf('"]', start);
  while (end >= 0 && isEscaped(body, end)) end = body.indexOf('"]', end + 2);
  return end < 0 ? body.length : end + 2;
}

/** True when an odd number of backslashes stands before the character. */
function isEscaped(body: string, index: number): boolean {
  let before = index;
  while (body[before - 1] === '\\') before -= 1;
  return (index - before) % 2 === 1;
}
