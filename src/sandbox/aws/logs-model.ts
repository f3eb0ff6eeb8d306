import type { Reply } from '../http-exchange.ts';
import type { WorldLogGroup } from '../world.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import type { EventPlace } from './event-order.ts';
import type { AwsContext } from './operation.ts';
import { readToken, type TokenPlace } from './page-token.ts';
import { type Fields, optionalText } from './request-fields.ts';

export function invalidParameter(why: string): AwsError {
  return new AwsError('InvalidParameterException', why);
}

export function logsReply(body: string): Reply {
  return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body };
}

const GROUP_ARN = /^arn:aws[a-z-]*:logs:([a-z0-9-]+):(\d{12}):log-group:([^:]+)$/;

/** The group a read names by `logGroupName`, or by name or ARN (without `:*`) in `logGroupIdentifier`. */
export function readGroup(context: AwsContext, caller: Caller, fields: Fields): WorldLogGroup {
  const name = optionalText(fields, 'logGroupName', invalidParameter);
  const identifier = optionalText(fields, 'logGroupIdentifier', invalidParameter);
  if ((name === undefined) === (identifier === undefined)) {
    throw invalidParameter('Exactly one of logGroupName and logGroupIdentifier must be specified.');
  }
  const wanted = name ?? nameOf(identifier ?? '', caller);
  const group = context.world.logGroups.find(
    (known) => known.name === wanted && known.account === caller.account && known.region === caller.region,
  );
  if (group !== undefined) return group;
  throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.');
}

/** `logGroupClass` of a group. */
export function classOf({ faults }: Pick<AwsContext, 'faults'>, group: WorldLogGroup): string {
  return group.logGroupClass ?? (faults.isOn('infrequent-access') ? 'INFREQUENT_ACCESS' : 'STANDARD');
}

function nameOf(identifier: string, caller: Caller): string {
  if (!identifier.startsWith('arn:')) return identifier;
  const match = GROUP_ARN.exec(identifier);
  if (match === null) throw invalidParameter(`Invalid ARN: ${identifier} (a log group ARN, without \`:*\`).`);
  if (match[1] !== caller.region) throw invalidParameter(`The ARN's Region is not ${caller.region}.`);
  if (match[2] !== caller.account) {
    throw new AwsError('AccessDeniedException', `Account ${caller.account} may not read ${identifier}.`);
  }
  return match[3] ?? '';
}

export function placeOf(event: EventPlace): TokenPlace {
  return [event.timestampMs, event.ingestionMs, event.eventId];
}

/** Reads a token of Filter- or GetLogEvents back to its words. */
export function readLogsToken(context: AwsContext, token: string, mark: string): TokenPlace {
  const expected = { mark, nowMs: context.now(), lifeMs: context.limits.tokenLifeMs };
  return readToken(token, expected, invalidParameter);
}

export function eventPlace(place: TokenPlace): EventPlace {
  const [timestampMs, ingestionMs, eventId] = place;
  if (typeof timestampMs !== 'number' || typeof ingestionMs !== 'number' || typeof eventId !== 'string') {
    throw invalidParameter('The specified nextToken is invalid.');
  }
  return { timestampMs, ingestionMs, eventId };
}

/** What AWS counts of an event against a page: its UTF-8 bytes and 26 more. */
export function countedBytes(message: string): number {
  return Buffer.byteLength(message) + 26;
}

/** `text` as a JSON string, remembered: stream names repeat by the thousand. */
export function rememberingQuoter(): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    let quoted = known.get(text);
    if (quoted === undefined) {
      quoted = JSON.stringify(text);
      known.set(text, quoted);
    }
    return quoted;
  };
}
