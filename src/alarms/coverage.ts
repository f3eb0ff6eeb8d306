import { type StageInventory, stageKey } from '../model/inventory.ts';
import type { AlarmInstance, Refusal } from './alarm-instance.ts';
import type { FileOf } from './format/kinds.ts';
import { mutes } from './mute-rules.ts';
import { isLogSignal, metricOf, type PortableMetric } from './portable-metrics.ts';

/**
 * `missing`: no alarm of the files looks at it, or the one that would cannot be made. `muted`: a mute rule takes it. `never_had_data`: an alarm does, and the
 * metric had no point in two weeks. `nobody_subscribed`: it would fire and reach no one.
 */
export type CoverageState = 'covered' | 'missing' | 'muted' | 'never_had_data' | 'nobody_subscribed';

export interface CoverageCell {
  readonly account: string;
  readonly region: string;
  readonly api: string;
  readonly stage: string;
  readonly expected: PortableMetric;
  readonly state: CoverageState;
  readonly alarms: readonly string[];
  /** Why an alarm that the files ask for cannot be made; only where it is `missing`. */
  readonly refused?: string;
}

export interface CoverageFacts {
  /** Whether a metric of a stage had a point lately; undefined: not known. */
  readonly hadData: (stage: StageInventory, metric: PortableMetric) => boolean | undefined;
  /** Topics with somebody behind them. */
  readonly heard: ReadonlySet<string>;
  /** Alarms that were asked for and cannot be made. */
  readonly refusals?: readonly Refusal[];
}

/** What every stage should be watched for. */
const EXPECTED: readonly PortableMetric[] = [
  'errors.server',
  'errors.client',
  'latency',
  'auth.failures',
  'throttles',
];

/** Every API stage × what it should be watched for. */
export function coverageOf(
  stages: readonly StageInventory[],
  instances: readonly AlarmInstance[],
  muteRules: readonly FileOf<'MuteRule'>['spec'][],
  facts: CoverageFacts,
): readonly CoverageCell[] {
  return stages.flatMap((stage) =>
    EXPECTED.filter((metric) => applies(metric, stage)).map((expected): CoverageCell => {
      const watching = instances.filter((instance) => watches(instance, stage, expected));
      return {
        account: stage.account,
        region: stage.region,
        api: stage.apiName,
        stage: stage.stage,
        expected,
        state: stateOf(watching, instances, stage, expected, muteRules, facts),
        alarms: watching.map(({ id }) => id),
        ...(watching.length === 0 ? refusedWords(stage, expected, facts.refusals ?? []) : {}),
      };
    }),
  );
}

function applies(metric: PortableMetric, stage: StageInventory): boolean {
  if (!isLogSignal(metric)) return metricOf(metric, stage) !== undefined;
  if (metric === 'auth.failures')
    return Object.values(stage.authorizers).some(({ functionName }) => functionName !== undefined);
  return stage.protocol !== 'WEBSOCKET';
}

function refusedWords(
  stage: StageInventory,
  metric: PortableMetric,
  refusals: readonly Refusal[],
): Pick<CoverageCell, 'refused'> {
  const found = refusals.find(
    ({ watched }) => watched?.metric === metric && stageKey(watched) === stageKey(stage),
  );
  return found === undefined ? {} : { refused: found.reason };
}

function watches({ each, model }: AlarmInstance, stage: StageInventory, metric: PortableMetric): boolean {
  return (
    each.stage.apiId === stage.apiId &&
    each.stage.stage === stage.stage &&
    each.stage.account === stage.account &&
    each.stage.region === stage.region &&
    model.kind === 'metric' &&
    model.inputs[0]?.portable === metric
  );
}

function stateOf(
  watching: readonly AlarmInstance[],
  all: readonly AlarmInstance[],
  stage: StageInventory,
  metric: PortableMetric,
  muteRules: readonly FileOf<'MuteRule'>['spec'][],
  facts: CoverageFacts,
): CoverageState {
  if (watching.length === 0) return 'missing';
  if (watching.every((instance) => muteRules.some((rule) => mutes(rule, instance)))) return 'muted';
  if (facts.hadData(stage, metric) === false) return 'never_had_data';
  const reaching = watching.some((instance) => reaches(instance, all, facts.heard));
  return reaching ? 'covered' : 'nobody_subscribed';
}

/** Itself, or a composite that reads it: a child tells nobody by itself. */
function reaches(
  instance: AlarmInstance,
  all: readonly AlarmInstance[],
  heard: ReadonlySet<string>,
): boolean {
  if (instance.receivers.some(({ sns }) => sns !== undefined && heard.has(sns))) return true;
  const { account, region, name } = instance.resource.key;
  return all.some(
    (parent) =>
      parent !== instance &&
      parent.resource.key.account === account &&
      parent.resource.key.region === region &&
      parent.resource.children.includes(name) &&
      reaches(parent, all, heard),
  );
}
