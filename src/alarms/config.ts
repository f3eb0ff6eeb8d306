import { z } from 'zod';
import { cron, text } from '../core/config-fields.ts';

/** Alarms: following what they do, and looking whether they still are what their files say. */
export const alarmsConfig = z
  .strictObject({
    follow: z
      .boolean()
      .prefault(false)
      .meta({
        description:
          'Follow state changes of all alarms and send them on. Needs cloudwatch:DescribeAlarmHistory, DescribeAlarms and ListTagsForResource.',
        examples: [true],
      }),
    dir: text()
      .exactOptional()
      .meta({ description: 'Folder of alarm files, for the drift check.', examples: ['alarms'] }),
    driftSchedule: cron()
      .prefault('17 * * * *')
      .meta({
        description:
          'When alarms are compared with what was applied, a cron expression in UTC; only where `dir` is set. Nothing is repaired.',
        examples: ['17 * * * *'],
      }),
  })
  .meta({ description: 'Alarms: following their state changes, and drift.' });

export type AlarmsConfig = z.infer<typeof alarmsConfig>;
