import type { AlarmClients, AlarmEvent } from '../../aws/alarm-clients.ts';
import { isObject } from '../../core/json.ts';
import type { BacktestResult } from './backtest.ts';
import type { Span } from './spans.ts';

/** How far a replay and AWS's own history of an alarm have the same firings. */
export interface Agreement {
  /** Replayed firings that AWS recorded within three minutes. */
  readonly matched: number;
  readonly replayed: number;
  readonly recorded: number;
  /** Share of all firings, of either side, that both have: 1 when they agree wholly. */
  readonly share: number;
}

/** A replay and AWS agree on a firing when they are at most this far apart. */
const SAME_MS = 3 * 60_000;

/** For the alarms that AWS has any history of in the span, by their place (`placeOf`). */
export async function agreementOf(
  results: readonly BacktestResult[],
  clients: Pick<AlarmClients, 'alarmHistory'>,
  span: Span,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Agreement>> {
  const recorded = await recordedFirings(results, clients, span, signal);
  const agreements = new Map<string, Agreement>();
  for (const result of results) {
    const times = recorded.get(placeOf(result));
    if (times === undefined || result.outcome.kind !== 'replayed') continue;
    agreements.set(placeOf(result), compared(result.outcome.noise.firedAtMs, times));
  }
  return agreements;
}

export function placeOf({ instance: { resource } }: BacktestResult): string {
  const { account, region, name } = resource.key;
  return `${account}/${region}/${name}`;
}

/** Each firing of one side answers for one of the other. */
function compared(replayed: readonly number[], recorded: readonly number[]): Agreement {
  const open = [...recorded];
  let matched = 0;
  for (const atMs of replayed) {
    const index = open.findIndex((time) => Math.abs(time - atMs) <= SAME_MS);
    if (index < 0) continue;
    open.splice(index, 1);
    matched += 1;
  }
  const all = replayed.length + recorded.length - matched;
  const share = all === 0 ? 1 : matched / all;
  return { matched, replayed: replayed.length, recorded: recorded.length, share };
}

/** Place of an alarm → times of its firings; an alarm whose state changed without one has an empty list. */
async function recordedFirings(
  results: readonly BacktestResult[],
  clients: Pick<AlarmClients, 'alarmHistory'>,
  span: Span,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const recorded = new Map<string, number[]>();
  const keys = results.map(({ instance }) => instance.resource.key);
  const scopes = new Map(keys.map((key) => [`${key.account}/${key.region}`, key]));
  for (const { account, region } of scopes.values()) {
    const { fromMs, toMs } = span;
    const pages = clients.alarmHistory({ account, region, signal, fromMs, toMs, type: 'StateUpdate' });
    for await (const page of pages) {
      for (const event of page) {
        const place = `${account}/${region}/${event.alarm}`;
        const times = recorded.get(place) ?? [];
        recorded.set(place, times);
        if (isFiring(event)) times.push(event.atMs);
      }
    }
  }
  return recorded;
}

function isFiring(event: AlarmEvent): boolean {
  const data: unknown = JSON.parse(event.data);
  const next = isObject(data) ? data.newState : undefined;
  return isObject(next) && next.stateValue === 'ALARM';
}
