import type { JournalEntry, JournalRecord } from '../model/journal.ts';

interface Column {
  readonly heading: string;
  readonly width: number;
  readonly of: (record: JournalRecord) => string;
}

const COLUMNS: readonly Column[] = [
  { heading: 'TIME (UTC)', width: 19, of: (record) => shortTime(record.eventMs) },
  {
    heading: 'CODE',
    width: 4,
    of: (record) => (record.kind === 'request' ? String(record.status ?? '-') : '-'),
  },
  {
    heading: 'DECISION',
    width: 8,
    of: (record) => (record.kind === 'request' ? decisionOf(record.decision) : '-'),
  },
  {
    heading: 'OUTCOME',
    width: 15,
    of: (record) => (record.kind === 'request' ? record.outcome : record.kind),
  },
];

/** Below this nothing readable is left of the request. */
const NARROWEST = 60;

/**
 * Two lines a record, so that it fits a terminal of 80 columns with an id that `audit show` takes: when, status,
 * decision, outcome, API and request; then record id, customer and, where there is room, principal.
 */
export function toTable(entries: readonly JournalEntry[], terminalWidth: number): string {
  const width = Math.max(NARROWEST, terminalWidth);
  const headings = [...COLUMNS.map((column) => column.heading.padEnd(column.width)), 'API / REQUEST'];
  const second = '  RECORD ID / CUSTOMER / PRINCIPAL';
  const lines = entries.flatMap(({ record }) => [factsLine(record, width), namesLine(record, width)]);
  return [cut(headings.join(' '), width), second, ...lines].map((line) => `${line.trimEnd()}\n`).join('');
}

function factsLine(record: JournalRecord, width: number): string {
  const cells = COLUMNS.map((column) => cut(column.of(record), column.width).padEnd(column.width));
  return cut(`${cells.join(' ')} ${whatOf(record)}`, width);
}

function whatOf(record: JournalRecord): string {
  if (record.kind === 'unparsed') return `${record.role} line of ${record.logGroup}`;
  if (record.kind === 'alarm') return `${record.alarmName} ${record.fromState} → ${record.toState}`;
  if (record.kind === 'metric') return `${record.apiName ?? ''} ${record.metricName}`;
  const request = record.route ?? record.path ?? '';
  const what =
    record.method !== undefined && request.startsWith(`${record.method} `)
      ? ''
      : (record.method ?? record.eventType ?? '');
  return `${record.apiName}/${record.stage} ${`${what} ${request}`.trim()}`;
}

function namesLine(record: JournalRecord, width: number): string {
  const names = record.kind === 'request' ? [record.customer, record.principal] : [];
  let line = `  ${record.recordId}`;
  for (const name of names) {
    if (name !== undefined && line.length + name.length < width) line += ` ${oneLine(name)}`;
  }
  return cut(line, width);
}

function decisionOf(decision: string): string {
  return decision === 'refused_before' ? 'refused' : decision;
}

/** `2026-11-03 10:22:33`. */
function shortTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** At most `width` characters; what was cut shows as `…`. Records hold no control characters, but older ones might. */
function cut(text: string, width: number): string {
  const characters = [...oneLine(text)];
  return characters.length <= width ? characters.join('') : `${characters.slice(0, width - 1).join('')}…`;
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, '\ufffd');
}
