import type { AwsClients } from '../aws/aws-clients.ts';
import type { MetricResult } from '../aws/metric-data.ts';
import { formatDuration } from '../core/duration.ts';
import type { StageInventory } from '../model/inventory.ts';
import { type MetricRef, metricOf } from './portable-metrics.ts';

/** Requests a minute below which a stage's traffic has vanished, or why there is no telling. */
export type Baseline =
  | {
      readonly kind: 'measured';
      readonly baseline: number;
      /** Of any ten minutes in a row, the busiest one had at least this many requests. */
      readonly quietest: number;
    }
  | { readonly kind: 'refused'; readonly reason: string };

export interface BaselineSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

const MINUTE_MS = 60_000;
/** `traffic-drop` fires when all of ten minutes in a row are below. */
const WINDOW = 10;
/** Half of what the quietest ten minutes still had: ours, to be tuned by a backtest. */
const MARGIN = 0.5;
const LEAST = 2;

/**
 * From requests a minute over a span: half of the level below which the alarm would have fired once. A minute without a
 * point had no request. Nothing is guessed from no history, and a stage that is silent by itself is told to be.
 */
export function baselineOf(
  points: readonly { readonly timestampMs: number; readonly value: number }[],
  { fromMs, toMs }: BaselineSpan,
): Baseline {
  const [first] = points;
  if (first === undefined) return { kind: 'refused', reason: 'no history' };
  const coveredMs = toMs - first.timestampMs;
  if (coveredMs < (toMs - fromMs) / 2) {
    const words = `its history covers only ${formatDuration(coveredMs)} of ${formatDuration(toMs - fromMs)}`;
    return { kind: 'refused', reason: `${words}: ask for less with --since` };
  }
  const minutes = new Array<number>(Math.floor(coveredMs / MINUTE_MS)).fill(0);
  for (const { timestampMs, value } of points) {
    const index = Math.floor((timestampMs - first.timestampMs) / MINUTE_MS);
    if (index < minutes.length) minutes[index] = value;
  }
  const quietest = quietestBusiest(minutes);
  if (quietest < LEAST) {
    const words = `ten minutes in a row with at most ${quietest} requests each are usual here`;
    return { kind: 'refused', reason: `${words}: silence says nothing about it` };
  }
  return { kind: 'measured', quietest, baseline: Math.max(1, Math.floor(quietest * MARGIN)) };
}

/** The lowest of the highest counts of each ten minutes in a row. */
function quietestBusiest(minutes: readonly number[]): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (let end = WINDOW; end <= minutes.length; end += 1) {
    lowest = Math.min(lowest, Math.max(...minutes.slice(end - WINDOW, end)));
  }
  return Number.isFinite(lowest) ? lowest : 0;
}

const MOST_POINTS = 100_800;
const MOST_QUERIES = 500;

interface Question {
  readonly stage: StageInventory;
  readonly metric: MetricRef;
}

/** Measures each stage; one GetMetricData metric per stage. */
export async function measureBaselines(input: {
  readonly aws: Pick<AwsClients, 'getMetricData'>;
  readonly stages: readonly StageInventory[];
  readonly span: BaselineSpan;
  readonly signal: AbortSignal;
}): Promise<ReadonlyMap<StageInventory, Baseline>> {
  const { aws, span, signal } = input;
  const perCall = Math.min(
    MOST_QUERIES,
    Math.max(1, Math.floor((MOST_POINTS * MINUTE_MS) / (span.toMs - span.fromMs))),
  );
  const questions = input.stages.flatMap((stage): Question[] => {
    const metric = metricOf('requests', stage);
    return metric === undefined ? [] : [{ stage, metric }];
  });
  const measured = new Map<StageInventory, Baseline>();
  const scopes = Map.groupBy(questions, ({ stage }) => `${stage.account}/${stage.region}`);
  for (const asked of scopes.values()) {
    for (let start = 0; start < asked.length; start += perCall) {
      const part = asked.slice(start, start + perCall);
      const [first] = part;
      if (first === undefined) continue;
      const { account, region } = first.stage;
      const queries = part.map(({ metric }, index) => ({
        ...metric,
        id: `m${index}`,
        stat: 'SampleCount',
        periodS: 60,
      }));
      const answer = await aws.getMetricData({ account, region, queries, ...span, signal });
      if (answer.failure !== undefined) throw answer.failure;
      part.forEach(({ stage }, index) => {
        measured.set(stage, judged(answer.results[index], span));
      });
    }
  }
  return measured;
}

function judged(result: MetricResult | undefined, span: BaselineSpan): Baseline {
  if (result?.status === 'complete') return baselineOf(result.points, span);
  return { kind: 'refused', reason: `CloudWatch did not answer whole (${result?.statusCode ?? 'nothing'})` };
}

/** `overrides` of an AlarmSet, ready to be pasted, with what was not measured as remarks. */
export function baselineYaml(measured: ReadonlyMap<StageInventory, Baseline>, span: BaselineSpan): string {
  const over = formatDuration(span.toMs - span.fromMs);
  const lines = [...measured].map(([stage, found]) => {
    const name = `${stage.apiName}/${stage.stage}`;
    if (found.kind === 'refused') return `  # ${name}: ${found.reason}`;
    const why = `${name}: any ten minutes of the last ${over} had one with ${found.quietest} requests or more`;
    const match = `{ id: ${JSON.stringify(stage.apiId)}, stage: ${JSON.stringify(stage.stage)} }`;
    return `  # ${why}\n  - { match: ${match}, vars: { traffic_baseline: ${found.baseline} } }`;
  });
  return `overrides:\n${lines.join('\n')}\n`;
}
