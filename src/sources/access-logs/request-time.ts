/** When a request was received, and how finely that is known. Both in milliseconds. */
export interface RequestTime {
  readonly ms: number;
  readonly resolutionMs: number;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const CLF_TIME = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/;

/** Below this a number of 2001 in milliseconds is taken for seconds: 100 000 000 000 s lie in the year 5138. */
const SECONDS_BELOW = 100_000_000_000;

/** `22/Nov/2026:10:00:00 +0000`: a resolution of one second. */
export function parseClfTime(text: string): RequestTime | undefined {
  const match = CLF_TIME.exec(text);
  if (match === null) return undefined;
  const month = MONTHS.indexOf(match[2] ?? '');
  const part = (index: number) => Number(match[index]);
  const local = Date.UTC(part(3), month, part(1), part(4), part(5), part(6));
  const offsetMs = (part(8) * 60 + part(9)) * 60_000;
  const ms = match[7] === '-' ? local + offsetMs : local - offsetMs;
  return month >= 0 && ms > 0 ? { ms, resolutionMs: 1_000 } : undefined;
}

/**
 * `$context.requestTimeEpoch`: milliseconds by the REST and WebSocket tables, "epoch" without a unit by the HTTP table,
 * so the magnitude decides.
 */
export function parseEpochTime(text: string): RequestTime | undefined {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0 || value > 8_640_000_000_000_000) return undefined;
  if (value >= SECONDS_BELOW) return { ms: Math.floor(value), resolutionMs: 1 };
  return { ms: Math.floor(value * 1_000), resolutionMs: text.includes('.') ? 1 : 1_000 };
}
