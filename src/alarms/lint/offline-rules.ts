import { isEvaluatedHourly } from '../../evaluate/evaluation-clock.ts';
import type { AlarmInstance } from '../alarm-instance.ts';
import type { LintRule } from './finding.ts';
import { canEverBreach } from './reachable-threshold.ts';
import { handWrittenMath, inputName, watchedInputs } from './watched-inputs.ts';

const MAX_ACTIONS = 5;
const ACTION_LISTS = ['AlarmActions', 'OKActions', 'InsufficientDataActions'] as const;

/** What can be told from the files alone. */
export const OFFLINE_RULES: readonly LintRule[] = [
  {
    id: 'hourly-page',
    severity: 'error',
    check: (instance, _, all) => {
      const { model } = instance;
      if (model.kind !== 'metric' || !isEvaluatedHourly(model.settings) || !all.pages(instance))
        return undefined;
      return {
        expected: 'EvaluationPeriods × Period of at most a day in what pages',
        got: `${spanS(instance)} s${instance.severity === 'page' ? '' : ', read by a composite that pages'}: CloudWatch then looks once an hour`,
        remedy: 'shorten the window, or make it a ticket',
      };
    },
  },
  {
    id: 'span-too-long',
    severity: 'error',
    check: (instance) => {
      const { model } = instance;
      if (model.kind !== 'metric') return undefined;
      const mostS = model.settings.periodMs < 3_600_000 ? 86_400 : 604_800;
      if (spanS(instance) <= mostS) return undefined;
      return {
        expected: `EvaluationPeriods × Period of at most ${mostS} s at this period`,
        got: `${spanS(instance)} s, which CloudWatch refuses`,
        remedy: 'ask for fewer periods, or for longer ones',
      };
    },
  },
  {
    id: 'm-above-n',
    severity: 'error',
    check: ({ model }) => {
      if (model.kind !== 'metric') return undefined;
      const { datapointsToAlarm, evaluationPeriods } = model.settings;
      if (datapointsToAlarm <= evaluationPeriods) return undefined;
      return {
        expected: `DatapointsToAlarm of at most EvaluationPeriods (${evaluationPeriods})`,
        got: `${datapointsToAlarm}: it could never fire`,
        remedy: 'lower DatapointsToAlarm, or raise EvaluationPeriods',
      };
    },
  },
  {
    id: 'impossible-threshold',
    severity: 'error',
    check: (instance) => {
      const verdict = canEverBreach(instance);
      if (verdict.kind === 'possible') return undefined;
      return {
        expected: `a threshold that ${verdict.what} can be on both sides of (${verdict.range})`,
        got: `${verdict.threshold}: ${verdict.kind === 'never' ? 'it could never fire' : 'it would always fire'}`,
        remedy: 'correct Threshold or ComparisonOperator: a ratio is 0 to 1, not percent',
      };
    },
  },
  {
    id: 'page-without-runbook',
    severity: 'warning',
    check: ({ severity, annotations }) =>
      severity === 'page' && annotations.runbook_url === undefined
        ? {
            expected: 'annotations.runbook_url in what pages',
            got: 'none: whoever is woken starts with nothing',
            remedy: 'add it here or in the defaults',
          }
        : undefined,
  },
  {
    id: 'nobody-told',
    severity: 'error',
    check: ({ severity, receivers, resource }) => {
      const written = resource.properties.AlarmActions;
      const told =
        receivers.some(({ sns, on }) => sns !== undefined && on.includes('ALARM')) ||
        (Array.isArray(written) && written.length > 0);
      if (severity !== 'page' || told) return undefined;
      const names = receivers.map(({ name }) => name).join(', ');
      return {
        expected: 'a receiver that is told when it fires',
        got:
          names === ''
            ? 'none: no route of Routing takes it'
            : `${names}, with no topic or without on: [ALARM]`,
        remedy: 'add a route for severity="page", or AlarmActions here',
      };
    },
  },
  {
    id: 'too-many-actions',
    severity: 'error',
    check: ({ resource }) => {
      const lists = ACTION_LISTS.map((name) => [name, resource.properties[name]] as const);
      const [name, actions] =
        lists.find(([, list]) => Array.isArray(list) && list.length > MAX_ACTIONS) ?? [];
      if (name === undefined || !Array.isArray(actions)) return undefined;
      return {
        expected: `at most ${MAX_ACTIONS} actions in ${name}`,
        got: `${actions.length}, which CloudWatch refuses`,
        remedy: 'use one topic with several subscribers',
      };
    },
  },
  {
    id: 'breaching-on-sparse',
    severity: 'warning',
    check: (instance) => {
      const { model } = instance;
      if (model.kind !== 'metric' || model.settings.missingData !== 'breaching') return undefined;
      const [input] = watchedInputs(instance);
      if (input === undefined || input.portable === 'requests') return undefined;
      return {
        expected: 'TreatMissingData other than breaching on a metric that an idle API does not publish',
        got: `breaching on ${inputName(input)}: silence will fire it`,
        remedy: 'use notBreaching here, and a traffic-drop alarm for silence',
      };
    },
  },
  {
    id: 'unit-set',
    severity: 'warning',
    check: ({ resource }) =>
      resource.properties.Unit === undefined
        ? undefined
        : {
            expected: 'no Unit',
            got: `${JSON.stringify(resource.properties.Unit)}: a unit other than the published one matches no data at all`,
            remedy: 'remove it',
          },
  },
  {
    id: 'fill-with-all-points',
    severity: 'warning',
    check: (instance) => {
      const { DatapointsToAlarm, EvaluationPeriods } = instance.resource.properties;
      const all = DatapointsToAlarm === undefined || DatapointsToAlarm === EvaluationPeriods;
      if (!all || !handWrittenMath(instance).some((text) => /\bFILL\s*\(/.test(text))) return undefined;
      return {
        expected: 'DatapointsToAlarm below EvaluationPeriods with FILL',
        got: `all ${JSON.stringify(EvaluationPeriods)}: FILL decides the newest point before it is delivered, and the state sticks`,
        remedy: 'ask for fewer points than periods',
      };
    },
  },
  {
    id: 'missing-operand',
    severity: 'warning',
    check: (instance) => {
      const ids = handWrittenMath(instance).flatMap(unfilledOperands);
      if (ids.length < 2) return undefined;
      return {
        expected: 'every operand of metric math filled',
        got: `${ids.join(' and ')} as they come: one that is missing counts as 0 while the other has a point`,
        remedy: 'wrap them in FILL(id, value), or read one metric',
      };
    },
  },
  {
    id: 'duplicate-alarm',
    severity: 'warning',
    check: (instance, _, all) => {
      const twin = all.twinOf(instance);
      if (twin === undefined) return undefined;
      return {
        expected: 'an alarm that no other one repeats',
        got: `the same metric, threshold, window and receivers as ${twin.id}`,
        remedy: 'remove one of the two',
      };
    },
  },
  {
    id: 'shared-api-name',
    severity: 'error',
    check: (instance, _, all) => {
      const ids = all.apiIdsOf(instance);
      if (ids.length < 2) return undefined;
      return {
        expected: 'one REST API of this name in the account and Region',
        got: `${instance.each.stage.apiName} for ${[...ids].sort().join(' and ')}: CloudWatch publishes both as one series`,
        remedy: 'rename all but one, or leave all but one out with for_each.exclude',
      };
    },
  },
];

function spanS({ model }: AlarmInstance): number {
  if (model.kind !== 'metric') return 0;
  return (model.settings.periodMs * model.settings.evaluationPeriods) / 1_000;
}

/** Ids outside FILL in an expression that calculates with more than one. */
function unfilledOperands(expression: string): readonly string[] {
  const open = expression.replaceAll(/\bFILL\s*\([^()]*\)/g, ' ');
  const ids = [...open.matchAll(/\b[a-z][A-Za-z0-9_]*\b/g)].map(([id]) => id);
  return /[-+*/<>=]|&&|\|\|/.test(open) ? [...new Set(ids)] : [];
}
