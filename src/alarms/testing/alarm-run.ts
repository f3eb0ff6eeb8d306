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

/** As much of an alarm as a run needs: from the files, or as AWS has it. */
export type RunnableAlarm = Pick<AlarmInstance, 'id' | 'severity' | 'model'> & {
  readonly resource: Pick<AlarmInstance['resource'], 'key' | 'children'>;
};

interface RunSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface AlarmRunInput {
  /** Alarms of one account and Region; composites find their children among them. */
  readonly instances: readonly RunnableAlarm[];
  readonly readerFor: (
    model: Extract<AlarmModel, { kind: 'metric' }>,
    instance: RunnableAlarm,
  ) => SeriesReader;
  /** When an alarm can be judged, oldest first; absent: all the time. In between it is taken to be in the `initial` state. */
  readonly judgedOf?: (instance: RunnableAlarm) => readonly RunSpan[];
  readonly fromMs: number;
  readonly toMs: number;
  /** How long a minute takes to become usable. */
  readonly delayMs: number;
  readonly initial: AlarmState;
}

/** What became of one alarm over the run. */
export interface AlarmRun {
  /** State at the beginning. Of a composite what its rule gives: INSUFFICIENT_DATA it is only while it is created. */
  readonly initial: AlarmState;
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
      const { initial } = input;
      runs.set(nameOf(instance), { initial, changes: [], actions: [], doubts: [], opaque: model.why });
    }
  }
  const composites = bottomUp(input.instances.flatMap(compositeOf));
  const changes: StateChangeAt[] = [...runs].flatMap(([alarm, run]) =>
    run.changes.map(({ atMs, to }) => ({ alarm, atMs, to })),
  );
  const initial = new Map([...runs.keys()].map((alarm) => [alarm, input.initial]));
  const replay = compositeTimeline({ composites, changes, initial, toMs: input.toMs });
  for (const composite of composites) runs.set(composite.name, compositeRun(composite, replay, runs));
  return runs;
}

function nameOf(instance: RunnableAlarm): string {
  return instance.resource.key.name;
}

function metricRun(
  input: AlarmRunInput,
  instance: RunnableAlarm,
  model: Extract<AlarmModel, { kind: 'metric' }>,
): AlarmRun {
  const { toMs, delayMs, initial } = input;
  const series = input.readerFor(model, instance);
  const run = { changes: [] as StateAt[], actions: [] as ActionAt[], doubts: [] as Doubt[] };
  for (const span of input.judgedOf?.(instance) ?? [input]) {
    const timeline = alarmTimeline({ alarm: model.settings, series, ...spanOf(span), delayMs, initial });
    const changes = timeline.transitions.map(({ atMs, to }) => ({ atMs, to }));
    run.changes.push(...changes);
    run.actions.push(...changes.map(({ atMs, to }) => ({ atMs, state: to })));
    run.doubts.push(...timeline.doubts);
    // Nobody knows how it went on: no firing may last into time that is not known.
    if (timeline.final !== initial && span.toMs < toMs) run.changes.push({ atMs: span.toMs, to: initial });
  }
  return { initial, ...run };
}

interface StateAt {
  readonly atMs: number;
  readonly to: AlarmState;
}

interface ActionAt {
  readonly atMs: number;
  readonly state: AlarmState;
}

function spanOf({ fromMs, toMs }: RunSpan): RunSpan {
  return { fromMs, toMs };
}

function compositeOf(instance: RunnableAlarm): readonly CompositeSettings[] {
  if (instance.model.kind !== 'composite') return [];
  const { rule, suppressor } = instance.model;
  return [{ name: nameOf(instance), rule, ...(suppressor === undefined ? {} : { suppressor }) }];
}

function compositeRun(
  settings: CompositeSettings,
  replay: ReturnType<typeof compositeTimeline>,
  runs: ReadonlyMap<string, AlarmRun>,
): AlarmRun {
  const { name, rule } = settings;
  const children = childrenOf(rule).map((child) => runs.get(child));
  const opaque = children.find((run) => run === undefined || run.opaque !== undefined);
  const changes = replay.changes.filter(({ alarm }) => alarm === name);
  return {
    initial: replay.initial.get(name) ?? 'INSUFFICIENT_DATA',
    changes,
    actions: replay.actions.filter(({ alarm }) => alarm === name),
    doubts: [
      ...children.flatMap((run) => run?.doubts ?? []),
      ...suppressorDoubts(settings, runs, changes[0]?.atMs),
    ],
    ...(children.includes(undefined) || opaque !== undefined
      ? { opaque: opaque?.opaque ?? 'it reads an alarm that is not in the files' }
      : {}),
  };
}

/** A suppressor decides whether anybody is told: what is open about it is open about the composite. */
function suppressorDoubts(
  { suppressor }: CompositeSettings,
  runs: ReadonlyMap<string, AlarmRun>,
  firstChangeMs: number | undefined,
): readonly Doubt[] {
  if (suppressor === undefined || firstChangeMs === undefined) return [];
  const run = runs.get(suppressor.alarm);
  if (run !== undefined && run.opaque === undefined) return run.doubts;
  const why = `the state of its suppressor ${suppressor.alarm} is not known; it was taken not to suppress`;
  return [{ atMs: firstChangeMs, why }];
}

/** State at a moment, the changes of that very moment included. */
export function stateAt(run: AlarmRun, atMs: number): AlarmState {
  return run.changes.findLast((change) => change.atMs <= atMs)?.to ?? run.initial;
}
