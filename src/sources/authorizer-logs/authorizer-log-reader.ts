import type { LogGroupRef } from '../../model/inventory.ts';
import type { AuthorizerLinePart, LogPart } from '../../model/part.ts';
import type { LogEvent } from '../../model/source-event.ts';
import type { Redactor } from '../../redact/redactor.ts';
import { type ClearParty, nameParty } from '../customer-map.ts';
import type { PartMaker } from '../log-window-source.ts';
import { partOrFault, sourceRef, unparsedPart } from '../unparsed-part.ts';
import { createValueFinder, type ValueFinder } from './find-values.ts';
import type { LineContent, LineReading } from './line-reading.ts';
import { createLineReader } from './read-authorizer-line.ts';
import { replaceNames } from './replace-names.ts';
import type { AuthorizerFormSettings } from './settings.ts';
import { StreamOrder } from './stream-order.ts';

export interface AuthorizerLogReaderSettings {
  readonly group: LogGroupRef;
  /** `logs:<account>:<region>:<log group>` */
  readonly unit: string;
  readonly form: AuthorizerFormSettings;
  readonly redactor: Redactor;
  /** Principal → customer, in clear; asked where the line names no customer. */
  readonly customerOf: ReadonlyMap<string, string>;
}

/** One authorizer log group's new events to parts, in order. Never throws, whatever the lines. */
export function createAuthorizerLogReader(settings: AuthorizerLogReaderSettings): PartMaker {
  const finder = createValueFinder(settings.form);
  const read = createLineReader(settings.form.preset, finder);
  const { group, redactor } = settings;
  const toParts = (events: readonly LogEvent[], readingOf: (event: LogEvent) => LineReading) => {
    const order = new StreamOrder();
    const toPartInOrder = (event: LogEvent): LogPart => {
      const reading = placeNameless(readingOf(event), order.openIn(event.logStream));
      order.follow(event.logStream, reading);
      return toPart(event, reading, finder, settings);
    };
    return events.map((event) =>
      partOrFault('authorizer', { group, event }, redactor, () => toPartInOrder(event)),
    );
  };
  return (events, isKnown) => {
    const fresh = isKnown === undefined ? events : events.filter((event) => !isKnown(event));
    if (fresh.length === events.length) return toParts(events, (event) => read(event.message));
    const readingOf = remembering(read);
    const needed = neededFor(fresh, events, readingOf);
    const parts = toParts(needed, readingOf);
    if (needed.length === fresh.length) return parts;
    const isFresh = new Set(fresh);
    return parts.filter((_, index) => isFresh.has(needed[index] ?? NO_EVENT));
  };
}

const NO_EVENT: LogEvent = { eventId: '', logStream: '', timestampMs: 0, ingestionMs: 0, message: '' };

function remembering(read: (message: string) => LineReading): (event: LogEvent) => LineReading {
  const readings = new Map<LogEvent, LineReading>();
  return (event) => {
    const reading = readings.get(event) ?? read(event.message);
    readings.set(event, reading);
    return reading;
  };
}

/**
 * What has to be read for the new lines of a page. A line that names no invocation belongs to the one that is open in
 * its stream, and only the lines before it tell which that is, known ones among them.
 */
function neededFor(
  fresh: readonly LogEvent[],
  events: readonly LogEvent[],
  readingOf: (event: LogEvent) => LineReading,
): readonly LogEvent[] {
  const streams = new Set<string>();
  for (const event of fresh) if (isNameless(event, readingOf)) streams.add(event.logStream);
  if (streams.size === 0) return fresh;
  const isFresh = new Set(fresh);
  return events.filter((event) => isFresh.has(event) || streams.has(event.logStream));
}

function isNameless(event: LogEvent, readingOf: (event: LogEvent) => LineReading): boolean {
  try {
    return readingOf(event).kind === 'nameless';
  } catch {
    // The fault is met again, and told, where the part is made.
    return false;
  }
}

type InvocationReading = Extract<LineReading, { kind: 'invocation' }>;

/** Longest reason kept, in UTF-16 units: an error message can be a page long. */
const MAX_REASON_LENGTH = 512;

function placeNameless(reading: LineReading, open: string | undefined): LineReading {
  if (reading.kind !== 'nameless' || reading.outside || open === undefined) return reading;
  return { kind: 'invocation', lambdaRequestId: open, line: 'application', content: reading.content };
}

function toPart(
  event: LogEvent,
  reading: LineReading,
  finder: ValueFinder,
  settings: AuthorizerLogReaderSettings,
): LogPart {
  const { group, redactor } = settings;
  switch (reading.kind) {
    case 'invocation':
      return linePart(event, reading, finder, settings);
    case 'outside':
      return { role: 'filtered', source: sourceRef(group, event), rule: reading.rule };
    case 'nameless': {
      const problem = reading.outside
        ? 'application line outside any invocation'
        : 'the line names no invocation and no single one is open in its stream';
      return unparsedPart('authorizer', { group, event, problem }, redactor);
    }
  }
}

function linePart(
  event: LogEvent,
  reading: InvocationReading,
  finder: ValueFinder,
  settings: AuthorizerLogReaderSettings,
): AuthorizerLinePart {
  const base = {
    role: 'authorizer',
    source: sourceRef(settings.group, event),
    unit: settings.unit,
    lambdaRequestId: reading.lambdaRequestId,
    line: reading.line,
    ...(reading.durationMs !== undefined && { durationMs: reading.durationMs }),
  } as const;
  const { content } = reading;
  if (content === undefined) return { ...base, ...failureMembers(reading, settings.redactor) };
  return { ...base, ...contentMembers(content, finder, settings) };
}

function failureMembers({ failure }: InvocationReading, redactor: Redactor) {
  if (failure === undefined) return {};
  return { decision: 'error', reason: clipped(redactor.text(failure)) } as const;
}

function contentMembers(content: LineContent, finder: ValueFinder, settings: AuthorizerLogReaderSettings) {
  const { redactor } = settings;
  const clear = clearParty(content, finder);
  const party = nameParty(clear, { ...settings, ownSource: 'authorizer_log' });
  const clean = (text: string) => redactor.text(replaceNames(text, clear, party));
  const verdict = verdictOf(content, finder);
  const gatewayRequestId = finder.find('gatewayRequestId', content);
  const connectionId = finder.find('connectionId', content);
  return {
    ...(verdict.decision !== undefined && { decision: verdict.decision }),
    ...(verdict.reason !== undefined && { reason: clipped(clean(verdict.reason)) }),
    ...party,
    ...(gatewayRequestId !== undefined && { gatewayRequestId: cleanId(gatewayRequestId, redactor) }),
    ...(connectionId !== undefined && { connectionId: cleanId(connectionId, redactor) }),
    text: clean(content.text),
  };
}

function clearParty(content: LineContent, finder: ValueFinder): ClearParty {
  const principal = finder.find('principal', content);
  const customer = finder.find('customer', content);
  return {
    ...(principal !== undefined && { principal }),
    ...(customer !== undefined && { customer }),
  };
}

interface Verdict {
  readonly decision?: 'allow' | 'deny' | 'error';
  readonly reason?: string;
}

/**
 * What the line says was decided. An error that ended the invocation is an authorizer error, unless its message is
 * exactly `Unauthorized`, which API Gateway answers with 401: a deny. An error that the function logged and survived
 * decides nothing.
 */
function verdictOf(content: LineContent, finder: ValueFinder): Verdict {
  const decision = finder.decision(content);
  const reason = finder.find('reason', content);
  if (decision !== undefined) return { decision, ...(reason !== undefined && { reason }) };
  const { error } = content;
  if (error?.endedInvocation !== true) return {};
  if (error.message === 'Unauthorized') return { decision: 'deny', reason: 'Unauthorized' };
  return { decision: 'error', reason: error.message === '' ? error.type : `${error.type}: ${error.message}` };
}

function clipped(text: string): string {
  return text.length <= MAX_REASON_LENGTH ? text : `${text.slice(0, MAX_REASON_LENGTH - 1).toWellFormed()}…`;
}

function cleanId(value: string, redactor: Redactor): string {
  return /^[A-Za-z0-9+/=_.:-]{1,256}$/.test(value) ? value : redactor.text(value);
}
