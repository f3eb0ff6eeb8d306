import { CONSTANT_SPLUNK_FIELDS } from '../../catalog/fields.ts';
import type { RecordPart, RequestRecord, UnparsedRecord } from '../../model/request-record.ts';
import { copyFields } from './copy-fields.ts';
import { member, objectOf, quote } from './json-members.ts';
import { ACCESS_FIELDS, UNPARSED_FIELDS } from './splunk-fields.ts';

/** The same in every event: everything API Gateway serves, it serves over TLS on port 443. */
const CONSTANT_MEMBERS = ['vendor_product', 'category', 'dest_port']
  .map((name) => member(name, CONSTANT_SPLUNK_FIELDS[name]))
  .join('');

const accessFields = copyFields(ACCESS_FIELDS);
const unparsedFields = copyFields(UNPARSED_FIELDS);

/**
 * One request as CIM's Web model wants it (`action` allowed or blocked, `status` as text, milliseconds), with every
 * other field of the record beside it. `shared` = the members it has in common with the authentication event.
 */
export function accessEvent(record: RequestRecord, shared: string): string {
  return objectOf(
    shared + accessFields(record) + webMembers(record) + CONSTANT_MEMBERS + nestedMembers(record),
  );
}

function webMembers(record: RequestRecord): string {
  const { status, domainName, path, userAgent, responseLengthBytes } = record;
  return (
    member('action', webAction(record)) +
    (status === undefined ? '' : `,"status":"${status}"`) +
    member('dest', domainName ?? record.apiId) +
    (domainName === undefined ? '' : member('url', `https://${domainName}${path ?? '/'}`)) +
    member('bytes', responseLengthBytes) +
    member('http_user_agent_length', userAgent?.length)
  );
}

/** Splunk's own status look-up: below 400 allowed, else blocked. A record without a status is what its decision was. */
function webAction(record: RequestRecord): string {
  if (record.status !== undefined) return record.status < 400 ? 'allowed' : 'blocked';
  if (record.decision === 'unknown') return 'unknown';
  return record.decision === 'allow' ? 'allowed' : 'blocked';
}

function nestedMembers(record: RequestRecord): string {
  return (
    (record.other === undefined ? '' : `,"other":${JSON.stringify(record.other)}`) +
    (record.authorizerLog === undefined ? '' : `,"authorizer_log":${JSON.stringify(record.authorizerLog)}`) +
    partsMember(record)
  );
}

/**
 * Where each piece came from: enough for a person to find the original event in CloudWatch. Account and Region only
 * where they differ from the record's (an authorizer in another account).
 */
function partsMember(record: RequestRecord | UnparsedRecord): string {
  let items = '';
  for (const part of record.parts) {
    items += `,{"role":"${part.role}"${elsewhere(part, record)}${member('log_group', part.logGroup)}`;
    items += `,"log_stream":${quote(part.logStream)},"event_id":${quote(part.eventId)},"timestamp_ms":${part.timestampMs}}`;
  }
  return `,"parts":[${items.slice(1)}]`;
}

function elsewhere(part: RecordPart, record: RequestRecord | UnparsedRecord): string {
  if (part.account === record.account && part.region === record.region) return '';
  return member('account', part.account) + member('region', part.region);
}

/** A line nobody could read, forwarded as it is (redacted) so that a person can. */
export function unparsedEvent(record: UnparsedRecord): string {
  return objectOf(
    unparsedFields(record) + member('action', 'unknown') + CONSTANT_MEMBERS + partsMember(record),
  );
}
