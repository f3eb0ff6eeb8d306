import { dirname, join } from 'node:path/posix';
import { z } from 'zod';
import { formatDuration } from '../../core/duration.ts';
import { messageOf, UserError } from '../../core/errors.ts';
import { didYouMean } from '../../documents/did-you-mean.ts';
import type { Protocol, StageInventory } from '../../model/inventory.ts';
import type { AlarmInstance } from '../alarm-instance.ts';
import { expandAlarms } from '../expand-alarms.ts';
import type { FileOf } from '../format/kinds.ts';
import type { AlarmFiles, Loaded } from '../format/load-alarm-files.ts';
import { filesWithoutAws, stageOf } from '../sample-stages.ts';
import { type AlarmRun, runAlarms, stateAt } from './alarm-run.ts';
import { type Recording, readRecording } from './recording.ts';
import { parseSeries } from './series-notation.ts';
import { type GivenSeries, lengthMs, readerFor } from './test-series.ts';

type TestFile = FileOf<'AlarmTest'>['spec'];
type TestCase = TestFile['tests'][number];
type Expectation = TestCase['alarm_test'][number];

export type TestOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly reasons: readonly string[] }
  /** It rests on a moment that AWS's published rules leave open. */
  | { readonly kind: 'inconclusive'; readonly reasons: readonly string[] };

export interface TestResult {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  readonly outcome: TestOutcome;
  /** What it looked at. */
  readonly covered: readonly TestedAlarm[];
}

/** What one test showed of an alarm that it names. */
export interface TestedAlarm {
  /** `set/alarm`. */
  readonly alarm: string;
  readonly fired: boolean;
  /** Went out of ALARM again. */
  readonly cleared: boolean;
  /** Receivers that were told that it fired. */
  readonly told: readonly string[];
}

const each = z.object({
  api: z.object({
    name: z.string(),
    id: z.string().default('test'),
    protocol: z.enum(['REST', 'HTTP', 'WEBSOCKET']).default('REST'),
  }),
  stage: z.string().default('prod'),
  /** For alarms of routes. */
  route: z.string().optional(),
});

/** Runs every test of every file, without AWS. `readFile` reads recordings, relative to the directory of alarms. */
export function runAlarmTests(files: AlarmFiles, readFile: (path: string) => string): readonly TestResult[] {
  return files.tests.flatMap((file) =>
    file.value.spec.tests.map((test, index): TestResult => {
      const { line } = file.document.keyPositionOf(['spec', 'tests', index, 'name']);
      const place = { file: file.path, line, name: test.name };
      try {
        return { ...place, ...runTest(files, file, test, readFile) };
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return { ...place, outcome: { kind: 'failed', reasons: [messageOf(error)] }, covered: [] };
      }
    }),
  );
}

function runTest(
  files: AlarmFiles,
  file: Loaded<'AlarmTest'>,
  test: TestCase,
  readFile: (path: string) => string,
): Pick<TestResult, 'outcome' | 'covered'> {
  const recording =
    test.recording === undefined
      ? undefined
      : readRecording(readFile(join(dirname(file.path), test.recording)));
  const instances = instancesFor(files, file, testedStage(test, recording));
  const given = recording?.series ?? givenSeries(test);
  const initial = test.initial_state ?? 'OK';
  const wanted = test.alarm_test.map((expectation) => findAlarm(instances, expectation.alarm));
  const runs = runAlarms({
    instances: needed(wanted, instances),
    readerFor: (model) => readerFor(model, given),
    fromMs: 0,
    toMs: lengthMs(given) + TAIL_MS,
    delayMs: 0,
    initial,
  });
  const judged = test.alarm_test.map((expectation, index) => {
    const instance = wanted[index];
    const run = instance === undefined ? undefined : runs.get(instance.resource.key.name);
    return instance === undefined || run === undefined
      ? { failures: [`${expectation.alarm} was not run`], doubts: [] }
      : judge(expectation, instance, run, recording?.incidentMs ?? 0);
  });
  const failures = judged.flatMap((one) => one.failures);
  const doubts = judged.flatMap((one) => one.doubts);
  const covered = wanted.map((instance) => testedAlarm(instance, runs.get(instance.resource.key.name)));
  return { outcome: outcomeOf(failures, doubts), covered };
}

function testedAlarm({ set, alarm, receivers }: AlarmInstance, run: AlarmRun | undefined): TestedAlarm {
  const firstMs = run?.changes.find(({ to }) => to === 'ALARM')?.atMs;
  const cleared = run?.changes.some(
    ({ atMs, to }) => to !== 'ALARM' && firstMs !== undefined && atMs > firstMs,
  );
  const acted = run?.actions.some(({ state }) => state === 'ALARM') === true;
  const told = receivers.filter(({ sns, on }) => sns !== undefined && on.includes('ALARM'));
  return {
    alarm: `${set}/${alarm}`,
    fired: firstMs !== undefined,
    cleared: cleared === true,
    told: acted ? told.map(({ name }) => name) : [],
  };
}

/** After the last sample, so that what must clear can. */
const TAIL_MS = 60_000;

function outcomeOf(failures: readonly string[], doubts: readonly string[]): TestOutcome {
  if (failures.length > 0) return { kind: 'failed', reasons: failures };
  return doubts.length > 0 ? { kind: 'inconclusive', reasons: [...new Set(doubts)] } : { kind: 'passed' };
}

function testedStage(test: TestCase, recording: Recording | undefined): StageInventory {
  const parsed = each.safeParse(test.each ?? recording?.each ?? { api: { name: 'test' } });
  if (!parsed.success) {
    throw new UserError(
      'alarm_test',
      `Expected each: { api: { name, id, protocol }, stage, route }, got ${JSON.stringify(test.each)}`,
    );
  }
  const { api, stage, route } = parsed.data;
  const protocol: Protocol = api.protocol;
  const made = stageOf({ apiId: api.id, apiName: api.name, stage, protocol });
  return route === undefined ? made : { ...made, routes: { [route]: 'a1' } };
}

/** Alarms of the files that the test names, for its stage, whatever their selector says of tags and accounts. */
function instancesFor(
  files: AlarmFiles,
  file: Loaded<'AlarmTest'>,
  stage: StageInventory,
): readonly AlarmInstance[] {
  const folder = dirname(file.path);
  const named = new Set(file.value.spec.files.map((name) => join(folder, name)));
  const chosen: AlarmFiles = {
    ...filesWithoutAws(files),
    sets: files.sets.filter(({ path }) => named.has(path)),
    burnRates: files.burnRates.filter(({ path }) => named.has(path)),
  };
  const { instances, problems } = expandAlarms(chosen, { stages: [stage], complete: true });
  const [error] = problems.filter(({ severity }) => severity === 'error');
  if (instances.length === 0 && error !== undefined) {
    throw new UserError(
      'alarm_test',
      `Expected alarms for ${stage.apiName}/${stage.stage}: ${error.expected}, got ${error.got}. Correct each, or name another file under files`,
    );
  }
  return instances;
}

function findAlarm(instances: readonly AlarmInstance[], name: string): AlarmInstance {
  const found = instances.filter(({ set, alarm }) => alarm === name || `${set}/${alarm}` === name);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const known = [...new Set(instances.map(({ set, alarm }) => `${set}/${alarm}`))].join(', ');
  throw new UserError(
    'alarm_test',
    found.length === 0
      ? `Expected an alarm of the files under test (${known || 'none'}), got ${name}${meant(name, instances)}`
      : `Expected one alarm, got several named ${name}: write set/alarm`,
  );
}

function meant(name: string, instances: readonly AlarmInstance[]): string {
  const names = instances.flatMap(({ set, alarm }) => [alarm, `${set}/${alarm}`]);
  const near = didYouMean(name, names);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

/** The tested alarms and everything below them: what a test does not look at needs no series. */
function needed(
  wanted: readonly AlarmInstance[],
  instances: readonly AlarmInstance[],
): readonly AlarmInstance[] {
  const byName = new Map(instances.map((instance) => [instance.resource.key.name, instance]));
  const chosen = new Set<AlarmInstance>();
  const visit = (instance: AlarmInstance | undefined): void => {
    if (instance === undefined || chosen.has(instance)) return;
    chosen.add(instance);
    for (const child of instance.resource.children) visit(byName.get(child));
  };
  for (const instance of wanted) visit(instance);
  return [...chosen];
}

function givenSeries(test: TestCase): readonly GivenSeries[] {
  return (test.input_series ?? []).map(({ series, stat, values }) => ({
    series,
    statistic: stat ?? 'Average',
    samples: atMinutes(parseSeries(values), test.interval / 60_000),
  }));
}

/** A sample stands for its whole interval: at five minutes, for five of them. */
function atMinutes(
  samples: readonly (number | undefined)[],
  minutes: number,
): readonly (number | undefined)[] {
  return minutes === 1 ? samples : samples.flatMap((sample) => Array.from({ length: minutes }, () => sample));
}

function judge(
  expectation: Expectation,
  instance: AlarmInstance,
  run: AlarmRun,
  incidentMs: number,
): { readonly failures: readonly string[]; readonly doubts: readonly string[] } {
  if (run.opaque !== undefined) {
    return { failures: [], doubts: [`${expectation.alarm} cannot be judged offline: ${run.opaque}`] };
  }
  const failures = [
    ...transitionFailures(expectation, run),
    ...stateFailures(expectation, run),
    ...receiverFailures(expectation, instance),
    ...firingFailures(expectation, run, incidentMs),
  ].map((words) => `${expectation.alarm}: ${words}`);
  const doubts = run.doubts.map(({ atMs, why }) => `${expectation.alarm} at ${formatDuration(atMs)}: ${why}`);
  return { failures, doubts };
}

function transitionFailures(
  { exp_transitions: expected, strict }: Expectation,
  run: AlarmRun,
): readonly string[] {
  if (expected === undefined) return [];
  const said = (change: AlarmRun['changes'][number]) => `${change.to} at ${formatDuration(change.atMs)}`;
  const actual = run.changes.map(said);
  const wanted = expected.map(({ at, to }) => said({ atMs: at, to }));
  const missing = wanted.filter((change) => !actual.includes(change));
  const extra = strict === true ? actual.filter((change) => !wanted.includes(change)) : [];
  if (missing.length === 0 && extra.length === 0) return [];
  return [`expected ${wanted.join(', ')}, got ${actual.join(', ') || 'no transition'}`];
}

function stateFailures(
  { eval_time: atMs, exp_state: expected }: Expectation,
  run: AlarmRun,
): readonly string[] {
  if (expected === undefined) return [];
  if (atMs === undefined) return ['exp_state needs eval_time'];
  const state = stateAt(run, atMs);
  return state === expected ? [] : [`expected ${expected} at ${formatDuration(atMs)}, got ${state}`];
}

function receiverFailures(
  { exp_receivers: expected }: Expectation,
  instance: AlarmInstance,
): readonly string[] {
  if (expected === undefined) return [];
  const told = instance.receivers
    .filter(({ sns, on }) => sns !== undefined && on.includes('ALARM'))
    .map(({ name }) => name);
  const same = told.length === expected.length && expected.every((name) => told.includes(name));
  return same
    ? []
    : [`expected receivers ${expected.join(', ') || 'none'}, got ${told.join(', ') || 'none'}`];
}

function firingFailures(
  { max_fires: most, must_fire_within: within }: Expectation,
  run: AlarmRun,
  incidentMs: number,
): readonly string[] {
  const fires = run.actions.filter(({ state }) => state === 'ALARM');
  const failures: string[] = [];
  if (most !== undefined && fires.length > most) {
    failures.push(
      `expected at most ${most} firings, got ${fires.length} (${fires.map(({ atMs }) => formatDuration(atMs)).join(', ')})`,
    );
  }
  if (within !== undefined) {
    const first = fires.find(({ atMs }) => atMs >= incidentMs);
    if (first === undefined || first.atMs - incidentMs > within) {
      const got = first === undefined ? 'never' : `after ${formatDuration(first.atMs - incidentMs)}`;
      failures.push(`expected to fire within ${formatDuration(within)} of the incident, got ${got}`);
    }
  }
  return failures;
}
