import type { z } from 'zod';
import { UserError } from '../../core/errors.ts';
import { MuteWindow } from '../../evaluate/mute-window.ts';

interface WrittenSchedule {
  readonly schedule: string;
  readonly duration: string;
  readonly timezone?: string | undefined;
  readonly start?: string | undefined;
  readonly expire?: string | undefined;
}

/** What CloudWatch would refuse only when it is applied is refused in the file, at its field. */
export function checkMuteSchedule(context: z.core.ParsePayload<WrittenSchedule>): void {
  const { schedule, duration, timezone, start, expire } = context.value;
  try {
    new MuteWindow({
      expression: schedule,
      duration,
      ...(timezone === undefined ? {} : { timezone }),
      ...(start === undefined ? {} : { startMs: Date.parse(start) }),
      ...(expire === undefined ? {} : { expireMs: Date.parse(expire) }),
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [expected = '', got = ''] = error.message.replace(/^Expected /, '').split(', got ');
    const field = FIELDS[error.code] ?? 'schedule';
    context.issues.push({
      code: 'custom',
      input: context.value[field],
      path: [field],
      message: error.message,
      params: { expected, got, remedy: 'write it as CloudWatch takes it' },
    });
  }
}

const FIELDS: Readonly<Record<string, keyof WrittenSchedule>> = {
  mute_duration: 'duration',
  mute_timezone: 'timezone',
  mute_bounds: 'schedule',
};
