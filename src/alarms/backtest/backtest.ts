import type { AlarmClients, AlarmEvent } from '../../aws/alarm-clients.ts';
import { isObject } from '../../core/json.ts';
import type { AlarmInstance } from '../alarm-instance.ts';
import { type AlarmRun, runAlarms } from '../testing/alarm-run.ts';
import type { MetricHistory, Span } from './metric-history.ts';
import { type Noise, noiseOf } from './noise.ts';

/** `no_history`: a metric it reads never had a point. `opaque`: it cannot be judged offline. Neither is "0 firings". */
export type BacktestOutcome =
  | { readonly kind: 'replayed'; readonly noise: Noise; readonly doubts: number }
  | { readonly kind: 'no_history' }
  | { readonly kind: 'opaque'; readonly why: string };

export interface BacktestResult {
  readonly instance: AlarmInstance;
  readonly outcome: BacktestOutcome;
  /** Share of the changes of state that the replay and AWS's own history have in common; absent: AWS has none. */
  readonly agreement?: { readonly matched: number; readonly replayed: number; readonly recorded: number };
}

/** A minute becomes usable about this long after it ended. */
const DELAY_MS = 60_000;
/** A replay and AWS agree on a change when they are at most this far apart. */
const SAME_MS = 3 * 60_000;

/** Replays alarms over what CloudWatch has. Composites of different Regions never mix. */
export function replay(
  instances: readonly AlarmInstance[],
  history: MetricHistory,
  span: Span,
): readonly BacktestResult[] {
  const scopes = Map.groupBy(instances, ({ resource }) => `${resource.key.account}/${resource.key.region}`);
  return [...scopes.values()].flatMap((group) => replayScope(group, history, span));
}

function replayScope(
  instances: readonly AlarmInstance[],
  history: MetricHistory,
  span: Span,
): readonly BacktestResult[] {
  const unknown = new Set<string>();
  for (const { model, resource, ...instance } of instances) {
    if (model.kind === 'metric' && history.readerFor({ model, resource, ...instance }, model) === undefined) {
      unknown.add(resource.key.name);
    }
  }
  const runs = runAlarms({
    instances,
    readerFor: (model, instance) =>
      history.readerFor(instance, model) ?? { slot: (startMs) => ({ startMs }) },
    fromMs: span.fromMs,
    toMs: span.toMs,
    delayMs: DELAY_MS,
    initial: 'OK',
  });
  return instances.map((instance) => {
    const run = runs.get(instance.resource.key.name);
    return { instance, outcome: outcomeOf(instance, run, unknown, span) };
  });
}

function outcomeOf(
  instance: AlarmInstance,
  run: AlarmRun | undefined,
  unknown: ReadonlySet<string>,
  span: Span,
): BacktestOutcome {
  if (run?.opaque !== undefined) return { kind: 'opaque', why: run.opaque };
  const { children, key } = instance.resource;
  // A composite over alarms of which none has a history has none either.
  const isUnknown =
    unknown.has(key.name) || (children.length > 0 && children.every((child) => unknown.has(child)));
  if (run === undefined || isUnknown) return { kind: 'no_history' };
  return { kind: 'replayed', noise: noiseOf(run, span), doubts: run.doubts.length };
}

/** How far the replay and AWS's own history of the same alarms agree, for those that AWS has a history of. */
export async function withAgreement(
  results: readonly BacktestResult[],
  clients: AlarmClients,
  span: Span,
  signal: AbortSignal,
): Promise<readonly BacktestResult[]> {
  const recorded = new Map<string, number[]>();
  const scopes = new Map(
    results.map(({ instance: { resource } }) => [
      `${resource.key.account}/${resource.key.region}`,
      resource.key,
    ]),
  );
  for (const { account, region } of scopes.values()) {
    const pages = clients.alarmHistory({ account, region, signal, ...span, type: 'StateUpdate' });
    for await (const page of pages) {
      for (const event of page) {
        if (!isFiring(event)) continue;
        const name = `${account}/${region}/${event.alarm}`;
        recorded.set(name, [...(recorded.get(name) ?? []), event.atMs]);
      }
    }
  }
  return results.map((result) => {
    const { account, region, name } = result.instance.resource.key;
    const times = recorded.get(`${account}/${region}/${name}`);
    if (times === undefined || result.outcome.kind !== 'replayed') return result;
    const { firedAtMs } = result.outcome.noise;
    const matched = firedAtMs.filter((at) => times.some((time) => Math.abs(time - at) <= SAME_MS)).length;
    return { ...result, agreement: { matched, replayed: firedAtMs.length, recorded: times.length } };
  });
}

function isFiring(event: AlarmEvent): boolean {
  const data: unknown = JSON.parse(event.data);
  const next = isObject(data) ? data.newState : undefined;
  return isObject(next) && next.stateValue === 'ALARM';
}

/** Pages a week of everything that pages, for the budget. */
export function pagesPerWeek(results: readonly BacktestResult[]): number {
  return results.reduce(
    (sum, { instance, outcome }) =>
      sum + (instance.severity === 'page' && outcome.kind === 'replayed' ? outcome.noise.perWeek : 0),
    0,
  );
}
