import type { FleetApi, FleetStage, SpecialScenario } from './fleet-model.ts';
import type { CompiledFormat } from './formats.ts';
import type { MetricBook } from './metric-points.ts';
import type { Random } from './random.ts';
import { accessLineOf, evidenceOf, type RequestStory } from './traffic-access-line.ts';
import type { AuthorizerDesk } from './traffic-authorizer.ts';
import type { TruthBook } from './traffic-book.ts';
import type { FunctionRuntime, Invocation } from './traffic-lambda.ts';
import type { LogGroupWriter } from './traffic-logs.ts';
import { type Judgement, judge } from './traffic-truth.ts';

/** One stage at work: where its lines go and who decides for it. */
export interface Site {
  readonly api: FleetApi;
  readonly stage: FleetStage;
  readonly group: LogGroupWriter;
  readonly logStreams: readonly string[];
  readonly desk?: AuthorizerDesk;
  readonly runtime?: FunctionRuntime;
}

/** Where what happened is written down. */
export interface Ledger {
  readonly truth: TruthBook;
  readonly metrics: MetricBook;
  /** From this moment on, stages with an earlier format log the new one. */
  readonly formatChangeMs: number;
}

/** `twin`: another request with the same forged id overlaps this one. */
export interface RequestNote {
  readonly special?: SpecialScenario;
  readonly twin: boolean;
}

/** Writes the access line, the truth and the metric samples of a request that has been played. */
export function recordRequest(
  site: Site,
  story: RequestStory,
  note: RequestNote,
  ledger: Ledger,
  random: Random,
): Judgement {
  const { stage } = site;
  const isEarlier = stage.earlierFormat !== undefined && story.startMs < ledger.formatChangeMs;
  const format = isEarlier ? stage.earlierFormat : stage.format;
  const line = accessLineOf(story);
  const judgement = judge(story.route.auth, story.authorization, evidenceOf(line, format, note.twin));
  const isTruncated = note.special === 'truncated_line';
  const text = format.render(line);
  const event = writeAccess(site, story, isTruncated ? text.slice(0, random.between(12, 40)) : text, random);
  recordSamples(story, ledger.metrics);
  const scenario = note.special ?? scenarioOf(story);
  if (isTruncated) ledger.truth.addLine({ type: 'unparsed', of: 'access', group: site.group, event });
  else {
    const row = rowOf(site, story, scenario, format);
    ledger.truth.addRequest(row, judgement, site.group, event, invocationOf(story));
  }
  recordLonely(site, story, scenario, isTruncated ? undefined : judgement, ledger);
  return judgement;
}

function rowOf({ api, stage }: Site, story: RequestStory, scenario: string, format: CompiledFormat) {
  return {
    apiId: api.id,
    apiName: api.name,
    stage: stage.name,
    scenario,
    account: api.account,
    region: api.region,
    requestId: story.requestId,
    extendedRequestId: story.extendedRequestId,
    eventMs: format.logs('requestTimeEpoch') ? story.startMs : Math.floor(story.startMs / 1_000) * 1_000,
    status: story.response.status,
  };
}

function invocationOf({ authorization }: RequestStory): Invocation | undefined {
  return authorization.kind === 'called' ? authorization.invocation : undefined;
}

/** An invocation whose request cannot be told, or whose access line nobody can read, stands alone. */
function recordLonely(
  { api, stage }: Site,
  story: RequestStory,
  scenario: string,
  judgement: Judgement | undefined,
  ledger: Ledger,
): void {
  const invocation = invocationOf(story);
  if (invocation === undefined || judgement?.ownsInvocation === true) return;
  const about = { apiId: api.id, apiName: api.name, stage: stage.name, scenario };
  const isShared = judgement?.outcome === 'ambiguous';
  ledger.truth.addInvocation(about, invocation, isShared ? 'ambiguous' : 'authorizer_only');
}

/** Writes a line that is no access line at all. */
export function recordGarbage(site: Site, atMs: number, ledger: Ledger, random: Random): void {
  const logStream = random.pick(site.logStreams);
  const event = site.group.write({ logStream, atMs, causeMs: atMs, text: random.pick(GARBAGE) });
  ledger.truth.addLine({ type: 'unparsed', of: 'access', group: site.group, event });
}

const GARBAGE = [
  'upstream prematurely closed connection while reading response header',
  '<html><body><h1>502 Bad Gateway</h1></body></html>',
  '%%% log shipper restarted %%%',
  '{"requestId":"',
];

function writeAccess(site: Site, story: RequestStory, text: string, random: Random) {
  return site.group.write({
    logStream: random.pick(site.logStreams),
    atMs: story.endMs + random.int(15),
    causeMs: story.startMs,
    text,
  });
}

function recordSamples(story: RequestStory, metrics: MetricBook): void {
  const { integration, webSocket } = story;
  metrics.record({
    api: story.api,
    stage: story.stage,
    route: story.route,
    routeFound: story.routeFound,
    endMs: story.endMs,
    latencyMs: story.endMs - story.startMs,
    status: story.response.status,
    bytes: story.responseBytes,
    ...(integration === undefined ? {} : { integrationMs: integration.latencyMs }),
    ...(webSocket === undefined ? {} : { eventType: webSocket.eventType }),
  });
}

/** Name of an ordinary request's scenario: what its authorizer did. */
function scenarioOf({ authorization, webSocket }: RequestStory): string {
  switch (authorization.kind) {
    case 'called':
      return authorization.verdict === 'allow' ? 'allow_miss' : `${authorization.verdict}_miss`;
    case 'cached':
      return authorization.verdict === 'allow' ? 'cache_hit' : `${authorization.verdict}_hit`;
    case 'gateway':
      return 'gateway_allow';
    case 'connection':
      return webSocket?.eventType === 'DISCONNECT' ? 'websocket_disconnect' : 'websocket_message';
    case 'none':
      return 'no_authorizer';
    case 'refused_before':
    case 'unreachable':
      return authorization.kind;
  }
}
