import type { Protocol, StageInventory } from '../model/inventory.ts';
import type { ForEach, ListItem } from './format/kinds.ts';
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
  const all = [...selectors, ...objectives].flatMap((forEach, index) => samplesOf(forEach, index));
  // Two selectors may mean the same API: as a pair they would look like two of one name.
  const samples = [...new Map(all.map((sample) => [placeOf(sample), sample])).values()];
  return [...samples, ...mutedSamples(files, samples)];
}

/** A mute rule may name the API or the stage it is for: there is one of each protocol by that name. */
function mutedSamples(files: AlarmFiles, samples: readonly StageInventory[]): readonly StageInventory[] {
  const known = new Set(samples.map(placeOf));
  return files.mutes.flatMap(({ value }) => {
    const { api, stage, account, region } = value.spec.match ?? {};
    return samples.flatMap((sample) => {
      const named = {
        ...sample,
        apiId: api === undefined ? sample.apiId : sampleId(api, sample.protocol),
        apiName: api ?? sample.apiName,
        stage: stage ?? sample.stage,
        account: account ?? sample.account,
        region: region ?? sample.region,
      };
      if (known.has(placeOf(named))) return [];
      known.add(placeOf(named));
      return [named];
    });
  });
}

/** One id for all stages of an API. */
function sampleId(apiName: string, protocol: Protocol): string {
  return `sample-${apiName}-${protocol.toLowerCase()}`;
}

function placeOf({ account, region, apiName, stage, protocol }: StageInventory): string {
  return `${account}/${region}/${apiName}/${stage}/${protocol}`;
}

function samplesOf(forEach: ForEach, index: number): readonly StageInventory[] {
  if (forEach.source === 'list') return forEach.values.flatMap(listedSamples);
  const { match } = forEach;
  return PROTOCOLS.filter((protocol) => match?.protocol?.includes(protocol) ?? true).map((protocol) => {
    const apiName = filled(match?.name, `sample-${index}-${protocol.toLowerCase()}`);
    const apiId = match?.id ?? sampleId(apiName, protocol);
    return {
      ...stageOf({ apiId, apiName, stage: filled(match?.stage, 'prod'), protocol }),
      ...(match?.account === undefined ? {} : { account: match.account }),
      ...(match?.region === undefined ? {} : { region: match.region }),
      tags: { ...match?.tags },
    };
  });
}

/** Which protocol an API of a list has is known to AWS only: it is one of each. */
function listedSamples(item: ListItem): readonly StageInventory[] {
  const { api, stage, route, account, region } = typeof item === 'string' ? placeIn(item) : item;
  return PROTOCOLS.map((protocol) => {
    const sample = stageOf({ apiId: sampleId(api, protocol), apiName: api, stage, protocol });
    return {
      ...sample,
      ...(account === undefined ? {} : { account }),
      ...(region === undefined ? {} : { region }),
      routes: route === undefined ? sample.routes : { ...sample.routes, [route]: 'a1' },
    };
  });
}

/** `orders-api/prod GET /orders`, as far as it can be told without knowing the API. */
function placeIn(text: string): Exclude<ListItem, string> {
  const [, api = text, stage = 'prod', route] = /^([^/]*)\/(\S+)(?: (.+))?$/.exec(text) ?? [];
  return { api, stage, ...(route === undefined ? {} : { route }) };
}

/** Files as they are looked at without AWS: what only a real stage or configuration can refuse is not refused. */
export function filesWithoutAws(files: AlarmFiles): AlarmFiles {
  return { ...files, published: new Set(['auth.latency']) };
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
    integrations: { 'GET /sample': { timeoutMs: 29_000 } },
  };
}

/** A text that the glob takes. */
function filled(glob: string | undefined, otherwise: string): string {
  return glob === undefined ? otherwise : glob.replaceAll('*', '').replaceAll('?', 'x') || otherwise;
}

const SAMPLE_FORMAT =
  '{"apiId":"$context.apiId","stage":"$context.stage","status":"$context.status",' +
  '"responseType":"$context.error.responseType","authorizerLatency":"$context.authorizer.latency"}';
