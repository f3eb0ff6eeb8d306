import { CONSTANT_SPLUNK_FIELDS } from '../../catalog/fields.ts';
import type { RecordPart, RequestRecord, UnparsedRecord } from '../../model/request-record.ts';
import { copyFields } from './copy-fields.ts';
import { inside, member, type Quote } from './json-members.ts';
import { ACCESS_FIELDS, UNPARSED_FIELDS } from './splunk-fields.ts';

/** The same in every event: everything API Gateway serves, it serves over TLS on port 443. */
const CONSTANT_MEMBERS = ['vendor_product', 'category', 'dest_port']
  .map((name) => member(name, CONSTANT_SPLUNK_FIELDS[name]))
  .join('');

const accessFields = copyFields(ACCESS_FIELDS);
const unparsedFields = copyFields(UNPARSED_FIELDS);

/**
 * One request as CIM's Web model wants it (`action` allowed or blocked, `status` as text, milliseconds), with every
 * other field of the record beside it. `shared` = the members it has in common with the authentication event, which
 * come first; `log` = the JSON of its authorizer log where that is known.
 */
export function accessEvent(
  record: RequestRecord,
  shared: string,
  quoted: Quote,
  log: string | undefined,
): string {
  return `{${
    shared +
    accessFields(record, quoted) +
    webMembers(record, quoted) +
    CONSTANT_MEMBERS +
    nestedMembers(record, log) +
    partsMember(record, quoted)
  }}`;
}

function webMembers(record: RequestRecord, quoted: Quote): string {
  const { status, domainName, path, userAgent, responseLengthBytes } = record;
  return (
    `,"action":"${webAction(record)}"` +
    (status === undefined ? '' : `,"status":"${status}"`) +
    member('dest', domainName ?? record.apiId, quoted) +
    (domainName === undefined ? '' : member('url', `https://${domainName}${path ?? '/'}`, quoted)) +
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

function nestedMembers({ other, authorizerLog }: RequestRecord, log: string | undefined): string {
  return (
    (other === undefined ? '' : `,"other":${JSON.stringify(other)}`) +
    (authorizerLog === undefined ? '' : `,"authorizer_log":${log ?? JSON.stringify(authorizerLog)}`)
  );
}

/**
 * Where each piece came from: enough for a person to find the original event in CloudWatch. Account and Region only
 * where they differ from the record's (an authorizer in another account).
 */
function partsMember(record: RequestRecord | UnparsedRecord, quoted: Quote): string {
  let items = '';
  for (const part of record.parts) {
    items += `,{"role":"${part.role}"${elsewhere(part, record, quoted)},"log_group":${quoted(part.logGroup)}`;
    items += `,"log_stream":${quoted(part.logStream)},"event_id":${quoted(part.eventId)},"timestamp_ms":${part.timestampMs}}`;
  }
  return `,"parts":[${items.slice(1)}]`;
}

function elsewhere(part: RecordPart, record: RequestRecord | UnparsedRecord, quoted: Quote): string {
  if (part.account === record.account && part.region === record.region) return '';
  return member('account', part.account, quoted) + member('region', part.region, quoted);
}

/** A line nobody could read, forwarded as it is (redacted) so that a person can. */
export function unparsedEvent(record: UnparsedRecord, quoted: Quote): string {
  const members = unparsedFields(record, quoted) + member('action', 'unknown') + CONSTANT_MEMBERS;
  return `{${inside(members)}${partsMember(record, quoted)}}`;
}
