import { z } from 'zod';
import { cron, text } from '../core/config-fields.ts';
import { LOG_SIGNALS } from './portable-metrics.ts';

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
    muteRules: z
      .boolean()
      .prefault(true)
      .meta({
        description:
          'Apply `kind: MuteRule` as alarm mute rules of CloudWatch. False where a Region has none or the role may not list them: then each is refused in the plan.',
        examples: [false],
      }),
    publish: z
      .array(z.enum(LOG_SIGNALS))
      .max(4)
      .prefault([])
      .meta({
        description:
          'Signals of the access logs that the worker publishes as CloudWatch metrics of its own (namespace Gatewatch/ApiGateway) instead of a metric filter: any format will do, also where a number stands in quotes. Lines found late count in their own minute; a line counts twice only when the answer to the call that sent it, or our note of that, was lost. Costs a custom metric for each stage and signal; needs cloudwatch:PutMetricData.',
        examples: [['auth.latency']],
      }),
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
