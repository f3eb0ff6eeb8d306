import { UserError } from '../core/errors.ts';
import { parseIsoDuration } from '../core/iso-duration.ts';

/** `Schedule` of an alarm mute rule, with its bounds. */
export interface MuteSchedule {
  /** `cron(Minutes Hours Day-of-month Month Day-of-week)` or `at(yyyy-MM-ddThh:mm)`. */
  readonly expression: string;
  /** ISO 8601, `PT1M` to `P15D`. */
  readonly duration: string;
  /** Default UTC. */
  readonly timezone?: string;
  readonly startMs?: number;
  readonly expireMs?: number;
}

const MINUTE_MS = 60_000;
const LONGEST_MS = 15 * 24 * 60 * MINUTE_MS;

/**
 * When a mute rule is active. Source: PutAlarmMuteRule in the CloudWatch API reference. Not said there, and taken as in
 * any cron: where both the day of the month and the day of the week are given, either is enough; Sunday is 0 and 7.
 */
export class MuteWindow {
  readonly #durationMs: number;
  readonly #startMs: number;
  readonly #expireMs: number;
  readonly #startsAt: (minute: LocalMinute) => boolean;
  readonly #format: Intl.DateTimeFormat;
  /** Minutes up to here were looked at, and the newest of them at which the rule began. */
  #seenMinute: number | undefined;
  #beganMinute: number | undefined;

  /** @throws {UserError} `mute_schedule`, `mute_duration`, `mute_timezone` or `mute_bounds`: what CloudWatch would refuse. */
  constructor(schedule: MuteSchedule) {
    this.#durationMs = durationOf(schedule.duration);
    this.#startMs = schedule.startMs ?? Number.NEGATIVE_INFINITY;
    this.#expireMs = schedule.expireMs ?? Number.POSITIVE_INFINITY;
    this.#startsAt = startTest(schedule.expression);
    this.#format = formatFor(schedule.timezone ?? 'UTC');
    if (schedule.expression.startsWith('at(') && (schedule.startMs ?? schedule.expireMs) !== undefined) {
      throw refused('no start and no expire beside at(…)', 'both', 'mute_bounds');
    }
  }

  /** Cheap when asked in order of time: only the minutes since the last question are looked at. */
  isActiveAt(nowMs: number): boolean {
    if (nowMs < this.#startMs || nowMs >= this.#expireMs) return false;
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (minute < (this.#seenMinute ?? minute)) this.#beganMinute = undefined;
    const oldest = minute - Math.ceil(this.#durationMs / MINUTE_MS);
    const seen = minute < (this.#seenMinute ?? minute) ? undefined : this.#seenMinute;
    for (let at = Math.max(oldest, (seen ?? oldest - 1) + 1); at <= minute; at += 1) {
      if (this.#startsAt(localMinute(this.#format, at * MINUTE_MS))) this.#beganMinute = at;
    }
    this.#seenMinute = minute;
    return this.#beganMinute !== undefined && nowMs < this.#beganMinute * MINUTE_MS + this.#durationMs;
  }
}

function refused(expected: string, got: string, code = 'mute_schedule'): UserError {
  return new UserError(code, `Expected ${expected}, got ${got}`);
}

function durationOf(text: string): number {
  const ms = parseIsoDuration(text);
  if (ms !== undefined && ms >= MINUTE_MS && ms <= LONGEST_MS) return ms;
  throw refused('a duration from PT1M to P15D, such as PT4H or P2DT12H', text, 'mute_duration');
}

interface LocalMinute {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly year: number;
  readonly weekday: number;
}

const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

function formatFor(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      weekday: 'short',
      hour: 'numeric',
      minute: 'numeric',
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw refused('a time zone such as Europe/London', timeZone, 'mute_timezone');
  }
}

function localMinute(format: Intl.DateTimeFormat, ms: number): LocalMinute {
  const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, value]));
  const number = (type: Intl.DateTimeFormatPartTypes) => Number(parts.get(type));
  return {
    minute: number('minute'),
    hour: number('hour'),
    day: number('day'),
    month: number('month'),
    year: number('year'),
    weekday: WEEKDAYS.indexOf((parts.get('weekday') ?? '').toUpperCase()),
  };
}

function startTest(expression: string): (at: LocalMinute) => boolean {
  const [, kind, inner = ''] = /^(cron|at)\((.*)\)$/.exec(expression) ?? [];
  if (kind === 'cron') return cronTest(inner);
  if (kind === 'at') return atTest(inner);
  throw refused('cron(Minutes Hours Day-of-month Month Day-of-week) or at(yyyy-MM-ddThh:mm)', expression);
}

function atTest(inner: string): (at: LocalMinute) => boolean {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)$/.exec(inner);
  if (match === null || Number.isNaN(Date.parse(`${inner}Z`))) {
    throw refused('at(yyyy-MM-ddThh:mm)', `at(${inner})`);
  }
  const [year, month, day, hour, minute] = match.slice(1).map(Number);
  return (at) =>
    at.minute === minute && at.hour === hour && at.day === day && at.month === month && at.year === year;
}

function cronTest(inner: string): (at: LocalMinute) => boolean {
  const fields = inner.trim().split(/\s+/);
  const [minutes = '', hours = '', days = '', months = '', weekdays = ''] = fields;
  if (fields.length !== 5) {
    throw refused(
      'five fields in cron(): minutes, hours, day of month, month, day of week',
      `cron(${inner})`,
    );
  }
  const minute = cronField(minutes, 0, 59);
  const hour = cronField(hours, 0, 23);
  const day = cronField(days, 1, 31);
  const month = cronField(months, 1, 12, MONTHS);
  const weekday = new Set([...cronField(weekdays, 0, 7, WEEKDAYS, 0)].map((one) => one % 7));
  const either = days !== '*' && weekdays !== '*';
  return (at) => {
    if (!minute.has(at.minute) || !hour.has(at.hour) || !month.has(at.month)) return false;
    const [byDay, byWeekday] = [day.has(at.day), weekday.has(at.weekday)];
    return either ? byDay || byWeekday : byDay && byWeekday;
  };
}

/** `*`, `-` and `,` only: CloudWatch names no other character. */
function cronField(
  text: string,
  least: number,
  most: number,
  names: readonly string[] = [],
  firstName = 1,
): ReadonlySet<number> {
  const numberOf = (part: string): number => {
    const named = names.indexOf(part.toUpperCase());
    const value = named >= 0 ? named + firstName : /^\d{1,2}$/.test(part) ? Number(part) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw refused(`${least} to ${most}, joined by - and ,, or * in cron()`, text);
  };
  if (text === '*') return range(least, most);
  const values = text.split(',').flatMap((part) => {
    const [from = '', to = from, ...rest] = part.split('-');
    if (rest.length > 0 || numberOf(from) > numberOf(to))
      throw refused('a range from low to high in cron()', part);
    return [...range(numberOf(from), numberOf(to))];
  });
  return new Set(values);
}

function range(from: number, to: number): ReadonlySet<number> {
  return new Set(Array.from({ length: to - from + 1 }, (_, index) => from + index));
}
