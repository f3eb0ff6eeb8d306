import type { AlarmState } from '../../evaluate/alarm-state.ts';
import { alarmTimeline, type Doubt } from '../../evaluate/alarm-timeline.ts';
import { childrenOf } from '../../evaluate/composite-rule.ts';
import {
  bottomUp,
  type CompositeSettings,
  compositeTimeline,
  type StateChangeAt,
} from '../../evaluate/composite-timeline.ts';
import type { SeriesReader } from '../../evaluate/windows.ts';
import type { AlarmInstance, AlarmModel } from '../alarm-instance.ts';

export interface AlarmRunInput {
  /** Alarms of one account and Region; composites find their children among them. */
  readonly instances: readonly AlarmInstance[];
  readonly readerFor: (
    model: Extract<AlarmModel, { kind: 'metric' }>,
    instance: AlarmInstance,
  ) => SeriesReader;
  readonly fromMs: number;
  readonly toMs: number;
  /** How long a minute takes to become usable. */
  readonly delayMs: number;
  readonly initial: AlarmState;
}

/** What became of one alarm over the run. */
export interface AlarmRun {
  readonly changes: readonly { readonly atMs: number; readonly to: AlarmState }[];
  /** When somebody would have been told; for a composite with a suppressor later than its change, or never. */
  readonly actions: readonly { readonly atMs: number; readonly state: AlarmState }[];
  readonly doubts: readonly Doubt[];
  /** Set when the alarm cannot be judged offline. */
  readonly opaque?: string;
}

/** Runs alarms and the composites over them. A composite inherits the doubts of what it reads. */
export function runAlarms(input: AlarmRunInput): ReadonlyMap<string, AlarmRun> {
  const runs = new Map<string, AlarmRun>();
  for (const instance of input.instances) {
    const { model } = instance;
    if (model.kind === 'metric') runs.set(nameOf(instance), metricRun(input, instance, model));
    else if (model.kind === 'opaque') {
      runs.set(nameOf(instance), { changes: [], actions: [], doubts: [], opaque: model.why });
    }
  }
  const composites = bottomUp(input.instances.flatMap(compositeOf));
  const changes: StateChangeAt[] = [...runs].flatMap(([alarm, run]) =>
    run.changes.map(({ atMs, to }) => ({ alarm, atMs, to })),
  );
  const initial = new Map(input.instances.map((instance) => [nameOf(instance), input.initial]));
  const replay = compositeTimeline({ composites, changes, initial, toMs: input.toMs });
  for (const composite of composites) runs.set(composite.name, compositeRun(composite, replay, runs));
  return runs;
}

function nameOf(instance: AlarmInstance): string {
  return instance.resource.key.name;
}

function metricRun(
  input: AlarmRunInput,
  instance: AlarmInstance,
  model: Extract<AlarmModel, { kind: 'metric' }>,
): AlarmRun {
  const { fromMs, toMs, delayMs, initial } = input;
  const series = input.readerFor(model, instance);
  const timeline = alarmTimeline({ alarm: model.settings, series, fromMs, toMs, delayMs, initial });
  const changes = timeline.transitions.map(({ atMs, to }) => ({ atMs, to }));
  return {
    changes,
    actions: changes.map(({ atMs, to }) => ({ atMs, state: to })),
    doubts: timeline.doubts,
  };
}

function compositeOf(instance: AlarmInstance): readonly CompositeSettings[] {
  if (instance.model.kind !== 'composite') return [];
  const { rule, suppressor } = instance.model;
  return [{ name: nameOf(instance), rule, ...(suppressor === undefined ? {} : { suppressor }) }];
}

function compositeRun(
  { name, rule }: CompositeSettings,
  replay: ReturnType<typeof compositeTimeline>,
  runs: ReadonlyMap<string, AlarmRun>,
): AlarmRun {
  const children = childrenOf(rule).map((child) => runs.get(child));
  const opaque = children.find((run) => run === undefined || run.opaque !== undefined);
  return {
    changes: replay.changes.filter(({ alarm }) => alarm === name),
    actions: replay.actions.filter(({ alarm }) => alarm === name),
    doubts: children.flatMap((run) => run?.doubts ?? []),
    ...(children.includes(undefined) || opaque !== undefined
      ? { opaque: opaque?.opaque ?? 'it reads an alarm that is not in the files' }
      : {}),
  };
}

/** State at a moment, the changes of that very moment included. */
export function stateAt(run: AlarmRun, atMs: number, initial: AlarmState): AlarmState {
  return run.changes.findLast((change) => change.atMs <= atMs)?.to ?? initial;
}
