import { sha256Id } from '../core/hash.ts';
import { byText, sortFew } from '../core/sort-few.ts';
import type { AccessPart } from '../model/part.ts';
import type { SourceRef } from '../model/source-event.ts';

/** A client's id that API Gateway refused to take over: names nothing. */
const REPLACED_ID = 'UUID_REPLACED_INVALID_REQUEST_ID';

/** The gateway request id of a line, where it is one. On REST a client can choose it. */
export function usableRequestId(id: string | undefined): string | undefined {
  return id === undefined || id === REPLACED_ID ? undefined : id;
}

export function sourceKey(source: SourceRef): string {
  return `${source.account}\n${source.region}\n${source.logGroup}\n${source.logStream}\n${source.eventId}`;
}

/**
 * What an access line describes. `extendedRequestId` is made by API Gateway and out of the caller's reach; `requestId`
 * never takes part, because a client could merge two people's entries with it. Without one, the line is its own identity.
 */
export function accessRecordId(part: AccessPart): string {
  const { stage, fields, source } = part;
  if (fields.extendedRequestId === undefined) return sha256Id(`request-event\n${sourceKey(source)}`);
  return sha256Id(
    `request\n${stage.account}\n${stage.region}\n${stage.apiId}\n${stage.stage}\n${fields.extendedRequestId}`,
  );
}

export function invocationRecordId(
  { account, region, logGroup }: Pick<SourceRef, 'account' | 'region' | 'logGroup'>,
  lambdaRequestId: string,
): string {
  return sha256Id(`invocation\n${account}\n${region}\n${logGroup}\n${lambdaRequestId}`);
}

export function lineRecordId(source: SourceRef): string {
  return sha256Id(`line\n${sourceKey(source)}`);
}

/**
 * The same content has the same id wherever it is repeated. The conclusion is part of the content: a line first sent
 * `access_only` and later found to be a `cached_decision` rests on the same source events and still says something new.
 */
export function contentId(recordId: string, sources: readonly SourceRef[], conclusion: string): string {
  const keys = sortFew(sources.map(sourceKey), byText);
  return sha256Id(`${recordId}\n${keys.join('\n')}\n${conclusion}`);
}
