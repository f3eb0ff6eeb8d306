import type { Protocol, StageInventory } from '../model/inventory.ts';
import type { ForEach } from './format/kinds.ts';
import type { AlarmFiles } from './format/load-alarm-files.ts';

const PROTOCOLS: readonly Protocol[] = ['REST', 'HTTP', 'WEBSOCKET'];

/**
 * A stage of each protocol that every selector of the files takes, so that expressions, presets and rules can be checked
 * without AWS. It has everything a stage can have: authorizers, an access log with every field, detailed metrics.
 */
export function sampleStages(files: AlarmFiles): readonly StageInventory[] {
  const selectors = [
    ...files.sets.map(({ value }) => value.spec.for_each),
    ...files.burnRates.flatMap(({ value }) => value.spec.for_each ?? []),
  ];
  const objectives = files.objectives.flatMap(({ value }): ForEach[] => {
    const { ratioMetric, thresholdMetric } = value.spec.indicator.spec;
    const spec = (ratioMetric?.total ?? thresholdMetric)?.metricSource.spec;
    return [{ source: 'stages', match: { name: spec?.api, stage: spec?.stage }, on_empty: 'ok' }];
  });
  return [...selectors, ...objectives].flatMap((forEach, index) => samplesOf(forEach, index));
}

function samplesOf({ match }: ForEach, index: number): readonly StageInventory[] {
  return PROTOCOLS.filter((protocol) => match?.protocol?.includes(protocol) ?? true).map((protocol) => ({
    ...stageOf({
      apiId: match?.id ?? `sample${index}${protocol.toLowerCase()}`,
      apiName: filled(match?.name, `sample-${index}-${protocol.toLowerCase()}`),
      stage: filled(match?.stage, 'prod'),
      protocol,
    }),
    ...(match?.account === undefined ? {} : { account: match.account }),
    ...(match?.region === undefined ? {} : { region: match.region }),
    tags: { ...match?.tags },
  }));
}

/** A made-up stage that has everything a stage can have. */
export function stageOf(
  named: Pick<StageInventory, 'apiId' | 'apiName' | 'stage' | 'protocol'>,
): StageInventory {
  const place = { account: '111122223333', region: 'eu-west-1' };
  return {
    ...named,
    ...place,
    tags: {},
    accessLogGroup: { ...place, logGroup: '/apigw/sample' },
    accessLogFormat: SAMPLE_FORMAT,
    earlierFormats: [],
    detailedMetrics: true,
    authorizers: {
      a1: {
        authorizerId: 'a1',
        name: 'authorizer',
        kind: 'lambda_request',
        functionName: 'authorizer',
        ttlMs: 0,
      },
    },
    routes: { 'GET /sample': 'a1' },
  };
}

/** A text that the glob takes. */
function filled(glob: string | undefined, otherwise: string): string {
  return glob === undefined ? otherwise : glob.replaceAll('*', '').replaceAll('?', 'x') || otherwise;
}

const SAMPLE_FORMAT =
  '{"apiId":"$context.apiId","stage":"$context.stage","status":$context.status,' +
  '"responseType":"$context.error.responseType","authorizerLatency":$context.authorizer.latency}';
