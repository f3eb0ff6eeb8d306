import { fieldsOf } from '../catalog/fields.ts';
import { formatDuration } from '../core/duration.ts';
import type { AlarmRecord } from '../model/alarm-record.ts';
import type { Gap, JournalEntry } from '../model/journal.ts';
import type { MetricRecord } from '../model/metric-record.ts';
import type { RecordPart, RequestRecord, UnparsedRecord } from '../model/request-record.ts';
import type { RecordStory, RevisionDelivery } from './story.ts';
import {
  AUTHORIZER_WORDS,
  CUSTOMER_SOURCE_WORDS,
  DECISION_SOURCE_WORDS,
  DECISION_WORDS,
  KEY_WORDS,
  OUTCOME_WORDS,
} from './words.ts';

interface Section {
  readonly heading: string;
  readonly lines: readonly string[];
}

/** The story of a record in plain words, a section per question: what, who, why, how joined, from where, where to. */
export function storyText(story: RecordStory): string {
  const { record } = story;
  const told =
    record.kind === 'request'
      ? requestSections(record)
      : record.kind === 'unparsed'
        ? unparsedSections(record)
        : record.kind === 'metric'
          ? metricSections(record)
          : alarmSections(record);
  const sections = [...told, revisions(story.revisions), delivered(story.delivery), gaps(story.gaps)];
  return sections
    .filter((section) => section.lines.length > 0)
    .map(({ heading, lines }) => `${heading}\n${lines.map((line) => `  ${oneLine(line)}\n`).join('')}`)
    .join('\n');
}

/** The same for machines: the story with the words that explain its join. */
export function storyJson(story: RecordStory): string {
  const { record, revisions: entries, delivery, gaps: near } = story;
  const explained = record.kind === 'request' && {
    explanation: {
      decision: DECISION_WORDS[record.decision],
      decisionSource: DECISION_SOURCE_WORDS[record.decisionSource],
      outcome: OUTCOME_WORDS[record.outcome],
      joinKey: KEY_WORDS[record.joinKey],
      customer: CUSTOMER_SOURCE_WORDS[record.customerSource],
    },
  };
  const all = entries.map(({ seq, revision, eventId, record: body }) => ({
    seq,
    revision,
    eventId,
    record: body,
  }));
  return `${JSON.stringify({ record, ...explained, revisions: all, delivery, gaps: near }, null, 2)}\n`;
}

function requestSections(record: RequestRecord): readonly Section[] {
  return [
    { heading: `Record ${record.recordId}`, lines: whatHappened(record) },
    { heading: 'Decision', lines: decision(record) },
    { heading: 'On behalf of', lines: whom(record) },
    { heading: 'How access line and authorizer were joined', lines: join(record) },
    { heading: 'What the access line says', lines: accessLine(record) },
    { heading: 'What the authorizer logged', lines: record.authorizerLog ?? [] },
    { heading: 'Made from', lines: record.parts.map(partLine) },
  ];
}

function whatHappened(record: RequestRecord): readonly string[] {
  const what = [record.method ?? record.eventType, record.path ?? record.route].filter(
    (word) => word !== undefined,
  );
  const from = record.sourceIp === undefined ? '' : ` from ${record.sourceIp}`;
  const answer = [
    record.status === undefined ? undefined : `status ${record.status}`,
    record.errorResponseType,
    record.errorMessage === undefined ? undefined : `"${record.errorMessage}"`,
    record.responseLatencyMs === undefined ? undefined : `after ${record.responseLatencyMs} ms`,
  ].filter((word) => word !== undefined);
  return [
    `${what.join(' ') || 'No request is known'} on ${record.apiName}, stage ${record.stage} (${record.protocol} API ${record.apiId}, account ${record.account}, ${record.region})`,
    `at ${time(record.eventMs)}${from}`,
    ...(answer.length > 0 ? [`answered with ${answer.join(', ')}`] : []),
  ];
}

function decision(record: RequestRecord): readonly string[] {
  const authorizer = AUTHORIZER_WORDS[record.authorizerKind];
  const ran = record.invocationDurationMs === undefined ? '' : `, ran ${record.invocationDurationMs} ms`;
  return [
    `${record.decision}: ${DECISION_WORDS[record.decision]} (${DECISION_SOURCE_WORDS[record.decisionSource]})`,
    ...(record.decisionReason === undefined ? [] : [`reason: ${record.decisionReason}`]),
    `${authorizer}${record.authorizerId === undefined ? '' : ` ${record.authorizerId}`}`,
    ...(record.decisionRequestId === undefined ? [] : [`invocation ${record.decisionRequestId}${ran}`]),
  ];
}

function whom(record: RequestRecord): readonly string[] {
  return [
    `customer ${record.customer} (${CUSTOMER_SOURCE_WORDS[record.customerSource]})`,
    `principal ${record.principal ?? 'not named'}`,
  ];
}

function join(record: RequestRecord): readonly string[] {
  return [
    `${record.outcome}: ${OUTCOME_WORDS[record.outcome]}`,
    `key ${record.joinKey}: ${KEY_WORDS[record.joinKey]}`,
    ...(record.supersededBy === undefined
      ? []
      : [`the invocation now belongs to record ${record.supersededBy}`]),
  ];
}

/** Fields told in the other sections already. */
const TOLD = new Set<string>([
  'kind',
  'recordId',
  'eventId',
  'revision',
  'account',
  'region',
  'apiId',
  'apiName',
  'stage',
  'protocol',
  'eventMs',
  'ingestionMs',
  'readMs',
  'parts',
  'decision',
  'decisionReason',
  'decisionSource',
  'decisionRequestId',
  'outcome',
  'joinKey',
  'supersededBy',
  'principal',
  'customer',
  'customerSource',
  'authorizerKind',
  'authorizerId',
  'authorizerLog',
  'invocationDurationMs',
]);

function accessLine(record: RequestRecord): readonly string[] {
  const values = new Map<string, unknown>(Object.entries(record));
  const lines = fieldsOf('request').flatMap(({ name, unit }) => {
    const value = values.get(name);
    if (TOLD.has(name) || name === 'other' || value === undefined) return [];
    const suffix = unit === undefined ? '' : unit === 'By' ? ' bytes' : ` ${unit}`;
    return [`${name}: ${String(value)}${suffix}`];
  });
  return [...lines, ...Object.entries(record.other ?? {}).map(([name, value]) => `${name}: ${value}`)];
}

function unparsedSections(record: UnparsedRecord): readonly Section[] {
  return [
    {
      heading: `Record ${record.recordId}`,
      lines: [
        `A line of the ${record.role} log ${record.logGroup} (account ${record.account}, ${record.region}) that no parser could read`,
        `written ${time(record.eventMs)}`,
        `problem: ${record.problem}`,
      ],
    },
    {
      heading: 'Its text, redacted',
      lines: [record.raw, `original: ${record.rawLength} characters, SHA-256 ${record.rawSha256}`],
    },
    { heading: 'Made from', lines: record.parts.map(partLine) },
  ];
}

function metricSections(record: MetricRecord): readonly Section[] {
  const dimensions = Object.entries(record.dimensions).map(([name, value]) => `${name}=${value}`);
  return [
    {
      heading: `Record ${record.recordId}`,
      lines: [
        `${record.namespace} ${record.metricName} of ${dimensions.join(', ')} (account ${record.account}, ${record.region})`,
        `for ${formatDuration(record.periodS * 1_000)} from ${time(record.eventMs)}`,
        ...Object.entries(record.values).map(([statistic, value]) => `${statistic}: ${value} ${record.unit}`),
      ],
    },
  ];
}

function alarmSections(record: AlarmRecord): readonly Section[] {
  return [
    {
      heading: `Record ${record.recordId}`,
      lines: [
        `alarm ${record.alarmName} (account ${record.account}, ${record.region})`,
        `went from ${record.fromState} to ${record.toState} at ${time(record.eventMs)}`,
        record.reason,
        ...(record.sampleRecordIds ?? []).map((id) => `for example request ${id}`),
      ],
    },
  ];
}

function partLine(part: RecordPart): string {
  return (
    `${part.role} line ${part.eventId} in ${part.logGroup} / ${part.logStream} (account ${part.account}, ${part.region}), ` +
    `written ${time(part.timestampMs)}, in CloudWatch ${time(part.ingestionMs)}`
  );
}

function revisions(entries: readonly JournalEntry[]): Section {
  const lines = entries.map(({ revision, seq, eventId, record }) => {
    const said = record.kind === 'request' ? `, ${record.decision}, ${record.outcome}` : '';
    return `${revision}: read ${time(record.readMs)}${said}; event ${eventId}, row ${seq}`;
  });
  return { heading: 'Revisions', lines };
}

function delivered(delivery: readonly RevisionDelivery[]): Section {
  const lines = delivery.flatMap(({ revision, lanes }) =>
    lanes.map(({ lane, status, reason }) => {
      return `revision ${revision} to ${lane}: ${status}${reason === undefined ? '' : ` (${reason})`}`;
    }),
  );
  return { heading: 'Delivery', lines: lines.length > 0 ? lines : ['no destination has been set up'] };
}

function gaps(near: readonly Gap[]): Section {
  const lines = near.map((gap) => `${gap.unit} from ${time(gap.fromMs)} to ${time(gap.toMs)}: ${gap.reason}`);
  return { heading: 'Not read around that time', lines };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

/** Nothing a log line holds may move the cursor of the terminal it is read on. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, '\ufffd');
}
