import type { Invocation, LooseLine } from './traffic-lambda.ts';
import { type LogGroupWriter, truthEventOf } from './traffic-logs.ts';
import { type InvocationOutcome, type Judgement, judgeInvocation } from './traffic-truth.ts';
import type { TruthEvent, TruthLine, TruthRequest, WorldEvent } from './world.ts';

type Described = Omit<TruthRequest, 'type' | 'access' | 'authorizer' | keyof Verdict>;
type Verdict = Pick<
  TruthRequest,
  'decision' | 'outcome' | 'joinKey' | 'customer' | 'principal' | 'decisionRequestId'
>;

/** A truth row in small: events stay references until somebody asks. */
interface BookedRequest {
  readonly about: Described;
  readonly judgement: Judgement;
  readonly access?: { readonly group: LogGroupWriter; readonly event: WorldEvent };
  readonly invocation?: Invocation;
}

export interface BookedLine extends LooseLine {
  readonly of: 'access' | 'authorizer';
}

/** Everything that is true of the traffic, in the order it happened. */
export interface TruthBook {
  addRequest(
    about: Described,
    judgement: Judgement,
    group: LogGroupWriter,
    event: WorldEvent,
    invocation?: Invocation,
  ): void;
  /** An invocation that no request's record takes in. */
  addInvocation(
    about: Pick<Described, 'apiId' | 'apiName' | 'stage' | 'scenario'>,
    invocation: Invocation,
    outcome: InvocationOutcome,
  ): void;
  addLine(line: BookedLine): void;
  rows(nowMs: number): Iterable<TruthRequest | TruthLine>;
}

export function createTruthBook(): TruthBook {
  const requests: BookedRequest[] = [];
  const lines: BookedLine[] = [];
  return {
    addRequest: (about, judgement, group, event, invocation) => {
      const owned = invocation !== undefined && judgement.ownsInvocation ? { invocation } : {};
      requests.push({ about, judgement, access: { group, event }, ...owned });
    },
    addInvocation: (about, invocation, outcome) => {
      const { account, region } = invocation.group;
      const where = {
        account,
        region,
        extendedRequestId: '',
        requestId: '',
        eventMs: invocation.startMs,
        status: 0,
      };
      requests.push({
        about: { ...about, ...where },
        judgement: judgeInvocation(invocation, outcome),
        invocation,
      });
    },
    addLine: (line) => {
      lines.push(line);
    },
    rows: (nowMs) => rowsOf(requests, lines, nowMs),
  };
}

function* rowsOf(
  requests: readonly BookedRequest[],
  lines: readonly BookedLine[],
  nowMs: number,
): Iterable<TruthRequest | TruthLine> {
  for (const request of requests) {
    if (isReadable(request, nowMs)) yield requestRow(request);
  }
  for (const { type, of, group, event } of lines) {
    if (event.ingestionMs <= nowMs) yield { type, of, event: truthEventOf(group, event) };
  }
}

/** A request shows with its access line; an invocation alone with its first readable line. */
function isReadable({ access, invocation }: BookedRequest, nowMs: number): boolean {
  if (access !== undefined) return access.event.ingestionMs <= nowMs;
  return invocation?.events.some((event) => event.ingestionMs <= nowMs) ?? false;
}

function requestRow({ about, judgement, access, invocation }: BookedRequest): TruthRequest {
  const { ownsInvocation: _, ...verdict } = judgement;
  return {
    type: 'request',
    ...about,
    ...verdict,
    ...(access === undefined ? {} : { access: truthEventOf(access.group, access.event) }),
    authorizer: authorizerEvents(invocation),
  };
}

function authorizerEvents(invocation: Invocation | undefined): readonly TruthEvent[] {
  if (invocation === undefined) return [];
  return invocation.events.map((event) => truthEventOf(invocation.group, event));
}
