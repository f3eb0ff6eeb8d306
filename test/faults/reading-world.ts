import { createHash } from 'node:crypto';
import type {
  World,
  WorldAccount,
  WorldEvent,
  WorldLogGroup,
  WorldPoint,
  WorldRestApi,
  WorldSeries,
  WorldV2Api,
} from '../../src/sandbox/world.ts';

export const CENTRAL = '111122223333';
export const IDENTITY = '444455556666';
export const REGION = 'eu-west-1';
export const ACCESS_GROUP = '/apigw/orders';
export const AUTHORIZER_GROUP = '/aws/lambda/orders-authorizer';
export const ACCESS_UNIT = `logs:${CENTRAL}:${REGION}:${ACCESS_GROUP}`;
export const AUTHORIZER_UNIT = `logs:${IDENTITY}:${REGION}:${AUTHORIZER_GROUP}`;
export const METRICS_UNIT = `metrics:${CENTRAL}:${REGION}`;

const VARIABLES = [
  'requestId',
  'extendedRequestId',
  'requestTimeEpoch',
  'httpMethod',
  'resourcePath',
  'status',
  'responseLatency',
  'error.responseType',
  'authorizer.requestId',
  'authorizer.status',
  'authorizer.orgCustomerId',
];

const FUNCTION = `arn:aws:lambda:${REGION}:${IDENTITY}:function:orders-authorizer`;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A log group whose lines a test adds, and whose settings it changes. */
export type TestGroup = Omit<Writable<WorldLogGroup>, 'events'> & { events: WorldEvent[] };

export interface Lateness {
  /** How much later than its time the access line can be read, milliseconds. */
  readonly accessMs?: number;
  /** The same for the lines of the authorizer. */
  readonly authorizerMs?: number;
}

const USUAL_LAG_MS = 500;

/** One REST API with a Lambda authorizer in another account, and exactly the lines and points that a test says. */
export class ReadingWorld implements World {
  readonly accounts: readonly WorldAccount[] = [
    { accountId: CENTRAL, regions: [REGION] },
    { accountId: IDENTITY, regions: [REGION] },
  ];
  restApis: WorldRestApi[] = [restApi('orders')];
  v2Apis: WorldV2Api[] = [];
  readonly access: TestGroup = { account: CENTRAL, region: REGION, name: ACCESS_GROUP, events: [] };
  readonly authorizer: TestGroup = { account: IDENTITY, region: REGION, name: AUTHORIZER_GROUP, events: [] };
  /** Groups that exist now. */
  logGroups: WorldLogGroup[] = [this.access, this.authorizer];
  series: WorldSeries[] = [];
  readonly longestLagMs = 0;
  readonly historyFromMs: number;
  readonly historyToMs: number;
  readonly plantedSecrets = [];
  /** Values of a series by statistic, as the test says. */
  pointsOf: (series: WorldSeries, stat: string, periodS: number) => readonly WorldPoint[] = () => [];
  #serial = 0;

  constructor(nowMs: number) {
    this.historyFromMs = 0;
    this.historyToMs = nowMs;
  }

  /** A request that the authorizer let in: its access line and the four lines of the invocation behind it. */
  request(id: string, atMs: number, { accessMs, authorizerMs }: Lateness = {}): void {
    const lambdaId = lambdaIdOf(id);
    const say = (ms: number, message: string) =>
      this.#add(this.authorizer, 'instance', ms, ms + (authorizerMs ?? USUAL_LAG_MS), message);
    say(atMs + 5, `START RequestId: ${lambdaId} Version: $LATEST\n`);
    const decision = `decision=Allow principalId=p-${id} orgCustomerId=C-${id}`;
    say(
      atMs + 10,
      `${new Date(atMs + 10).toISOString()}\t${lambdaId}\tINFO\tauthorization decision ${decision}\n`,
    );
    say(atMs + 15, `END RequestId: ${lambdaId}\n`);
    const duration =
      'Duration: 10.00 ms\tBilled Duration: 10 ms\tMemory Size: 256 MB\tMax Memory Used: 92 MB\t';
    say(atMs + 15, `REPORT RequestId: ${lambdaId}\t${duration}\n`);
    this.line(id, atMs, accessMs);
  }

  /** The access line alone. */
  line(id: string, atMs: number, lagMs = USUAL_LAG_MS): void {
    const values: Readonly<Record<string, string | number>> = {
      requestId: `request-${id}`,
      extendedRequestId: `ext-${id}`,
      requestTimeEpoch: atMs,
      httpMethod: 'GET',
      resourcePath: '/things',
      status: 200,
      responseLatency: 40,
      'authorizer.requestId': lambdaIdOf(id),
      'authorizer.status': 200,
      'authorizer.orgCustomerId': `C-${id}`,
    };
    const members = VARIABLES.map((name) => `"${name}":"${values[name] ?? '-'}"`);
    this.#add(this.access, 'access', atMs + 40, atMs + 40 + lagMs, `{${members.join(',')}}`);
  }

  advanceTo(): void {}

  points(series: WorldSeries, stat: string, periodS: number, fromMs: number, toMs: number): WorldPoint[] {
    const all = this.pointsOf(series, stat, periodS);
    return all.filter(({ timestampMs }) => timestampMs >= fromMs && timestampMs < toMs);
  }

  *truth() {}

  #add(group: TestGroup, stream: string, timestampMs: number, ingestionMs: number, message: string): void {
    this.#serial += 1;
    const eventId = String(this.#serial).padStart(10, '0');
    group.events.push({ logStream: stream, eventId, timestampMs, ingestionMs, message });
    group.events.sort(
      (a, b) =>
        a.timestampMs - b.timestampMs || a.ingestionMs - b.ingestionMs || (a.eventId < b.eventId ? -1 : 1),
    );
  }
}

/** Lambda's ids are UUIDs. */
function lambdaIdOf(id: string): string {
  const hex = createHash('sha256').update(id).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export function restApi(name: string, id = `${name}id`, accessGroup = ACCESS_GROUP): WorldRestApi {
  const format = `{${VARIABLES.map((variable) => `"${variable}":"$context.${variable}"`).join(',')}}`;
  const destinationArn = `arn:aws:logs:${REGION}:${CENTRAL}:log-group:${accessGroup}`;
  const uri = `arn:aws:apigateway:${REGION}:lambda:path/2015-03-31/functions/${FUNCTION}/invocations`;
  return {
    account: CENTRAL,
    region: REGION,
    api: { id, name },
    stages: [{ stageName: 'prod', accessLogSettings: { destinationArn, format } }],
    authorizers: [
      {
        id: 'auth1',
        name: 'orders-authorizer',
        type: 'REQUEST',
        authorizerUri: uri,
        authorizerResultTtlInSeconds: 0,
      },
    ],
    resources: [
      {
        id: 'things',
        path: '/things',
        resourceMethods: {
          GET: { httpMethod: 'GET', authorizationType: 'CUSTOM', authorizerId: 'auth1' },
        },
      },
    ],
  };
}
