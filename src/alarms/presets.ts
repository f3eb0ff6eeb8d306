import type { Protocol } from '../model/inventory.ts';
import type { FieldValues } from './format/layers.ts';

export interface Preset {
  readonly id: string;
  /** Fields by protocol; a protocol that is absent has no such alarm. */
  readonly fields: Partial<Readonly<Record<Protocol, FieldValues>>>;
  /** Only with a pack when `when` allows; opt-in presets are in no pack. */
  readonly optIn?: true;
  /** What its threshold is measured by. Where that is not known, the alarm is refused with the reason. */
  readonly needs?: 'integration_timeout' | 'traffic_baseline';
  /** Printed by `explain`. */
  readonly why: string;
}

const MORE = 'GreaterThanThreshold';
const AT_LEAST = 'GreaterThanOrEqualToThreshold';
const ALL: readonly Protocol[] = ['REST', 'HTTP', 'WEBSOCKET'];
const WEB: readonly Protocol[] = ['REST', 'HTTP'];

function forEach(protocols: readonly Protocol[], fields: FieldValues): Preset['fields'] {
  return Object.fromEntries(protocols.map((protocol) => [protocol, fields]));
}

const BASELINE = '${vars.traffic_baseline}';

function rule(
  metric: string,
  statistic: string,
  comparison: string,
  threshold: number | string,
): FieldValues {
  const isExtended = statistic.startsWith('p');
  return {
    metric,
    [isExtended ? 'ExtendedStatistic' : 'Statistic']: statistic,
    ComparisonOperator: comparison,
    Threshold: threshold,
  };
}

function window(period: number, m: number, n: number, missing: string): FieldValues {
  return { Period: period, EvaluationPeriods: n, DatapointsToAlarm: m, TreatMissingData: missing };
}

/**
 * AWS's recommended alarms, to the letter: CloudWatch user guide, "Best practice alarm recommendations". Traffic needs a
 * baseline of your own (`vars.traffic_baseline`), and is watched where there is one.
 */
export const AWS_RECOMMENDED: readonly Preset[] = [
  {
    id: 'aws/4xx',
    why: 'an unusual share of client errors',
    fields: forEach(ALL, {
      ...rule('errors.client', 'Average', MORE, 0.05),
      ...window(60, 5, 5, 'missing'),
      severity: 'ticket',
    }),
  },
  {
    id: 'aws/5xx',
    why: 'the server side is failing',
    fields: forEach(ALL, {
      ...rule('errors.server', 'Average', MORE, 0.05),
      ...window(60, 3, 3, 'missing'),
      severity: 'ticket',
    }),
  },
  {
    id: 'aws/latency',
    why: 'users wait',
    fields: forEach(WEB, {
      ...rule('latency', 'p90', AT_LEAST, 2_500),
      ...window(60, 5, 5, 'missing'),
      severity: 'ticket',
    }),
  },
  {
    id: 'aws/integration-latency',
    why: 'backend or gateway is slow',
    fields: forEach(['HTTP', 'WEBSOCKET'], {
      ...rule('latency.integration', 'p90', AT_LEAST, 2_000),
      ...window(60, 5, 5, 'missing'),
      severity: 'ticket',
    }),
  },
  {
    id: 'aws/count',
    needs: 'traffic_baseline',
    why: 'traffic vanished; only where it is steady',
    fields: forEach(ALL, {
      ...rule('requests', 'SampleCount', 'LessThanThreshold', BASELINE),
      ...window(60, 10, 10, 'breaching'),
      severity: 'ticket',
    }),
  },
];

const IDLE = 'notBreaching';
const WITH_LAMBDA = '${size(each.authorizers) > 0 && each.access_log != null}';
const WITH_LOG = '${each.access_log != null}';

/** The set for people on call: one alarm of a stage pages, the others are tickets or its children. */
export const DEFAULT_PACK: readonly Preset[] = [
  {
    id: 'apigw/5xx-ratio',
    why: 'Average of the error metric is the ratio; 3 of 5 rides over one clean minute; a guard keeps three requests at night from paging',
    fields: forEach(ALL, {
      ...rule('errors.server', 'Average', MORE, 0.05),
      ...window(60, 3, 5, IDLE),
      min_samples: 20,
      severity: 'info',
    }),
  },
  {
    id: 'apigw/integration-error-ratio',
    why: 'mirrors ExecutionError for what the backend answers',
    fields: forEach(['WEBSOCKET'], {
      ...rule('integration.errors', 'Average', MORE, 0.05),
      ...window(60, 3, 5, IDLE),
      severity: 'info',
    }),
  },
  {
    id: 'apigw/4xx-ratio',
    why: "AWS's threshold; an idle API stays OK instead of INSUFFICIENT_DATA",
    fields: forEach(ALL, {
      ...rule('errors.client', 'Average', MORE, 0.05),
      ...window(60, 5, 5, IDLE),
      min_samples: 20,
      severity: 'ticket',
    }),
  },
  {
    id: 'apigw/latency-p95',
    why: "AWS's numbers, one percentile up",
    fields: {
      ...forEach(WEB, {
        ...rule('latency', 'p95', AT_LEAST, 2_500),
        ...window(60, 4, 5, IDLE),
        severity: 'ticket',
      }),
      WEBSOCKET: {
        ...rule('latency', 'p95', AT_LEAST, 2_000),
        ...window(60, 4, 5, IDLE),
        severity: 'ticket',
      },
    },
  },
  {
    id: 'apigw/latency-p99',
    why: 'a longer window: p99 needs a thousand requests in each',
    fields: forEach(ALL, {
      ...rule('latency', 'p99', AT_LEAST, 5_000),
      ...window(300, 3, 3, IDLE),
      severity: 'ticket',
    }),
  },
  {
    id: 'apigw/integration-latency-p90',
    optIn: true,
    why: "AWS's recommendation for backends",
    fields: forEach(WEB, {
      ...rule('latency.integration', 'p90', AT_LEAST, 2_000),
      ...window(60, 5, 5, IDLE),
      severity: 'info',
    }),
  },
  {
    id: 'apigw/near-timeout',
    optIn: true,
    needs: 'integration_timeout',
    why: "nine tenths of the time that API Gateway waits for the backend, as the API has it set; of a stage, its slowest route's",
    fields: forEach(WEB, {
      ...rule('latency', 'Maximum', AT_LEAST, '${double(each.integration_timeout_ms) * 9.0 / 10.0}'),
      ...window(300, 3, 3, IDLE),
      severity: 'ticket',
    }),
  },
  {
    id: 'apigw/authorizer-failures',
    why: 'an authorizer that fails locks everybody out, and CloudWatch has no metric for it',
    fields: forEach(ALL, {
      ...rule('auth.failures', 'Sum', MORE, 5),
      ...window(300, 2, 2, IDLE),
      when: WITH_LAMBDA,
      severity: 'info',
    }),
  },
  {
    id: 'apigw/authorizer-latency',
    optIn: true,
    why: 'a slow authorizer delays every request that is not cached',
    fields: forEach(ALL, {
      ...rule('auth.latency', 'p95', AT_LEAST, 1_000),
      ...window(300, 3, 3, IDLE),
      when: WITH_LAMBDA,
      severity: 'ticket',
    }),
  },
  {
    id: 'apigw/denials-ratio',
    why: 'an expired client secret, or an attack',
    fields: forEach(ALL, {
      ...rule('auth.denials', 'Sum', MORE, 0.2),
      per_request: true,
      min_samples: 20,
      ...window(300, 3, 3, IDLE),
      when: WITH_LOG,
      severity: 'ticket',
    }),
  },
  {
    id: 'apigw/throttle-ratio',
    why: 'clients over their limit, or a limit that is too low',
    fields: forEach(WEB, {
      ...rule('throttles', 'Sum', MORE, 0.01),
      per_request: true,
      min_samples: 20,
      ...window(60, 5, 5, IDLE),
      when: WITH_LOG,
      severity: 'ticket',
    }),
  },
  {
    id: 'apigw/traffic-drop',
    optIn: true,
    needs: 'traffic_baseline',
    why: 'traffic vanished: missing data is the alarm; `gatewatch alarms baseline` measures what is usual',
    fields: forEach(ALL, {
      ...rule('requests', 'SampleCount', 'LessThanThreshold', BASELINE),
      ...window(60, 10, 10, 'breaching'),
      severity: 'ticket',
    }),
  },
  {
    id: 'apigw/user-impact',
    why: 'the one alarm of a stage that pages: users are hurt',
    fields: forEach(ALL, {
      rule: 'ALARM(5xx-ratio) OR ALARM(integration-error-ratio) OR ALARM(authorizer-failures)',
      severity: 'page',
    }),
  },
];

const BY_ID: ReadonlyMap<string, Preset> = new Map(
  [...AWS_RECOMMENDED, ...DEFAULT_PACK].map((preset) => [preset.id, preset]),
);

export const PRESET_IDS: readonly string[] = [...BY_ID.keys()];

export function presetOf(id: string): Preset | undefined {
  return BY_ID.get(id);
}

/** The presets of a pack that are on without being asked for. */
export function packOf(name: 'default' | 'aws-recommended'): readonly Preset[] {
  const pack = name === 'default' ? DEFAULT_PACK : AWS_RECOMMENDED;
  return pack.filter((preset) => preset.optIn !== true);
}

/** The id of an alarm that a pack makes: the preset's without its family. */
export function alarmIdOf(preset: Preset): string {
  return preset.id.slice(preset.id.indexOf('/') + 1);
}
