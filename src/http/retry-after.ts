/**
 * Reads `Retry-After` in both forms of RFC 9110, section 10.2.3: whole seconds, or an HTTP date. Strict: `1.5`, `-1`,
 * `10s`, an ISO date or a date whose weekday is wrong are no answer (`undefined`), because a guess would be a wait that
 * nobody asked for. A date in the past is 0.
 *
 * A date is measured against the answer's own `Date` header where there is one, so that a clock that differs between
 * the two machines does not change the wait.
 */
export function parseRetryAfterMs(
  headers: Readonly<Record<string, string>>,
  nowMs: number,
): number | undefined {
  const text = headers['retry-after']?.trim();
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1_000;
  const atMs = parseHttpDateMs(text);
  if (atMs === undefined) return undefined;
  return Math.max(0, atMs - (parseHttpDateMs(headers.date?.trim() ?? '') ?? nowMs));
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` and nothing else: what `toUTCString` prints is exactly that form. */
function parseHttpDateMs(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isFinite(ms) && new Date(ms).toUTCString() === text ? ms : undefined;
}
