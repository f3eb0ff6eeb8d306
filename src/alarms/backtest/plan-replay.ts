import { ownershipOf } from '../../plan/ownership.ts';
import type { Change } from '../../plan/plan-changes.ts';
import type { AlarmInstance } from '../alarm-instance.ts';
import type { AlarmPlan } from '../plan-alarms.ts';
import type { RunnableAlarm } from '../testing/alarm-run.ts';
import type { AlarmHistory } from './alarm-history.ts';
import { type BacktestResult, pagesPerWeek, replay } from './backtest.ts';
import { observedAlarm } from './observed-alarm.ts';

/** Alarms of a plan that a replay has to look at, as AWS has them and as the files want them. */
export interface PlannedAlarms {
  /** Changed alarms and the composites over them, with all they read. */
  readonly before: readonly RunnableAlarm[];
  /** The same, and everything else that pages: a budget is for all pages. */
  readonly after: readonly AlarmInstance[];
  /** Ids whose firings the plan may change, in the order of the plan: first what changes itself. */
  readonly affected: readonly string[];
}

/** What an alarm did before and would do after. Absent: it is not there. */
export interface ReplayedChange {
  readonly before?: BacktestResult;
  readonly after?: BacktestResult;
}

export interface PlanReplay {
  readonly changes: ReadonlyMap<string, ReplayedChange>;
  /** Pages a week of everything of the workspace that pages. */
  readonly pages: { readonly before: number; readonly after: number };
}

export function plannedAlarms(plan: AlarmPlan): PlannedAlarms {
  const changed = new Set(plan.changes.flatMap(changedId));
  const standing = standingAlarms(plan);
  const conflicts = new Set(plan.changes.flatMap((one) => (one.verb === 'conflict' ? [one.desired.id] : [])));
  const wanted = plan.expansion.instances.filter(({ id }) => !conflicts.has(id));
  const affectedBefore = withReaders(standing, changed);
  const affectedAfter = withReaders(wanted, changed);
  const paging = new Set(wanted.filter(({ severity }) => severity === 'page').map(({ id }) => id));
  return {
    before: withChildren(standing, affectedBefore),
    after: withChildren(wanted, new Set([...affectedAfter, ...paging])),
    affected: [...new Set([...changed, ...affectedBefore, ...affectedAfter])],
  };
}

/** Metric filters and mute rules are no alarms; conflicts and what is withheld stay as they are. */
function changedId(change: Change): readonly string[] {
  if (change.verb === 'conflict' || change.verb === 'withheld') return [];
  const { key, id } = 'desired' in change ? change.desired : { key: change.observed.key, id: change.id };
  return key.type === 'metric_alarm' || key.type === 'composite_alarm' ? [id] : [];
}

/** Alarms that are ours now or are taken over, under the ids the files know them by. */
function standingAlarms({ observed, changes, expansion }: AlarmPlan): readonly RunnableAlarm[] {
  const adopted = new Map(
    changes.flatMap((change) =>
      change.verb === 'adopt' ? [[change.observed, change.desired.id] as const] : [],
    ),
  );
  return observed.flatMap((resource) => {
    if (resource.key.type !== 'metric_alarm' && resource.key.type !== 'composite_alarm') return [];
    const ownership = ownershipOf(resource, expansion.workspace);
    const id = adopted.get(resource) ?? (ownership.kind === 'ours' ? ownership.id : undefined);
    return id === undefined ? [] : [observedAlarm(resource, id)];
  });
}

/** Ids of these alarms and of every composite that reads one of them, however many composites lie between. */
function withReaders(alarms: readonly RunnableAlarm[], ids: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set(alarms.filter(({ id }) => ids.has(id)).map(({ id }) => id));
  const idOf = new Map(alarms.map((alarm) => [placeOf(alarm, alarm.resource.key.name), alarm.id]));
  for (let before = -1; before < found.size; ) {
    before = found.size;
    for (const alarm of alarms) {
      if (alarm.resource.children.some((name) => found.has(idOf.get(placeOf(alarm, name)) ?? ''))) {
        found.add(alarm.id);
      }
    }
  }
  return found;
}

function withChildren<Alarm extends RunnableAlarm>(
  alarms: readonly Alarm[],
  ids: ReadonlySet<string>,
): readonly Alarm[] {
  const byPlace = new Map(alarms.map((alarm) => [placeOf(alarm, alarm.resource.key.name), alarm]));
  const chosen = new Set<Alarm>();
  const visit = (alarm: Alarm | undefined): void => {
    if (alarm === undefined || chosen.has(alarm)) return;
    chosen.add(alarm);
    for (const child of alarm.resource.children) visit(byPlace.get(placeOf(alarm, child)));
  };
  for (const alarm of alarms) if (ids.has(alarm.id)) visit(alarm);
  return [...chosen];
}

function placeOf({ resource: { key } }: RunnableAlarm, name: string): string {
  return `${key.account}/${key.region}/${name}`;
}

/** Replays what AWS has against what the files want, over the same time. */
export function replayPlan(planned: PlannedAlarms, history: AlarmHistory, timeZone: string): PlanReplay {
  const before = replay(planned.before, history, timeZone);
  const after = replay(planned.after, history, timeZone);
  const resultsOf = (results: readonly BacktestResult[]) =>
    new Map(results.map((result) => [result.instance.id, result]));
  const [was, willBe] = [resultsOf(before), resultsOf(after)];
  const affected = new Set(planned.affected);
  const changes = planned.affected.map((id): readonly [string, ReplayedChange] => {
    const [earlier, later] = [was.get(id), willBe.get(id)];
    return [id, { ...(earlier && { before: earlier }), ...(later && { after: later }) }];
  });
  const isAffected = ({ instance }: BacktestResult) => affected.has(instance.id);
  const same = pagesPerWeek(after.filter((result) => !isAffected(result)));
  return {
    changes: new Map(changes),
    pages: {
      before: same + pagesPerWeek(before.filter(isAffected)),
      after: same + pagesPerWeek(after.filter(isAffected)),
    },
  };
}
