import { z } from 'zod';
import { cron } from '../core/config-fields.ts';

function schedule(value: string, what: string) {
  return cron()
    .prefault(value)
    .meta({ description: `When ${what}, a cron expression in UTC.`, examples: [value] });
}

/** When each source runs. A run that is still busy is never started a second time. */
export const scheduleConfig = z
  .strictObject({
    metrics: schedule('*/5 * * * *', 'metrics are read'),
    logs: schedule('*/20 * * * * *', 'log groups are read'),
    inventory: schedule('*/10 * * * *', 'APIs and stages are listed again'),
    alarms: schedule('*/30 * * * * *', 'state changes of alarms are read, where they are followed'),
  })
  .meta({ description: 'When each source runs.' });

export type ScheduleConfig = z.infer<typeof scheduleConfig>;
