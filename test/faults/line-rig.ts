import { csvLines } from '../../src/audit/csv.ts';
import { Secret } from '../../src/core/secret.ts';
import type { StageInventory } from '../../src/model/inventory.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { LogPart } from '../../src/model/part.ts';
import type { LogEvent } from '../../src/model/source-event.ts';
import { createLagMeter, LogUnit, type LogUnitSettings } from '../../src/pipeline/log-unit.ts';
import { createRedactor, type Redactor } from '../../src/redact/redactor.ts';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { createDynatraceOtlpSink } from '../../src/sinks/dynatrace/dynatrace-otlp-sink.ts';
import { createDynatraceOtlpSettings } from '../../src/sinks/dynatrace/otlp-settings.ts';
import { createSplunkHecSettings } from '../../src/sinks/splunk/hec-settings.ts';
import { createSplunkHecSink } from '../../src/sinks/splunk/splunk-hec-sink.ts';
import { createAccessLogReader } from '../../src/sources/access-logs/access-log-reader.ts';
import { compileAccessLogFormat } from '../../src/sources/access-logs/compile-format.ts';
import { DEFAULT_CONTEXT_ALIASES } from '../../src/sources/access-logs/to-access-part.ts';
import { page, ReadingRig, ScriptedSource, UNIT } from '../pipeline/reading-rig.ts';
import { rowsOf } from '../pipeline/rehearsed-runtime.ts';
import { startedSandbox } from '../sandbox/started-sandbox.ts';
import { PARTS, placesOf } from '../sinks/sink-harness.ts';
import { GROUP, stageOf } from '../sources/log-fixtures.ts';

const MINUTE = 60_000;
const SETTINGS: LogUnitSettings = {
  firstReadMs: MINUTE,
  sliceMs: 30 * MINUTE,
  rereadsMs: [],
  lagAllowanceMs: MINUTE,
  maxOverlapMs: 2 * MINUTE,
  batchEvents: 5_000,
};
const NEVER = new AbortController().signal;

/** Redacts as the product does; names stay clear, so that tests can see them. */
export const clearRedactor = createRedactor({ keys: [], pseudonymise: [] });

/** The reader of one access-log group whose stage has no authorizer: nothing waits for a partner. */
export function accessReader(
  format: string,
  redactor: Redactor = clearRedactor,
  stage: Partial<StageInventory> = { authorizers: {}, routes: {}, defaultAuthorizer: 'none' },
): (events: readonly LogEvent[]) => readonly LogPart[] {
  return createAccessLogReader({
    group: GROUP,
    candidates: [{ stage: stageOf(stage), format: compileAccessLogFormat(format) }],
    redactor,
    customerOf: new Map(),
    aliasesOf: () => DEFAULT_CONTEXT_ALIASES,
  });
}

/** What stands at the two sinks under one `event_id` each, as they took it. */
export interface AtSinks {
  readonly splunk: ReadonlyMap<unknown, Readonly<Record<string, unknown>>>;
  readonly dynatrace: ReadonlyMap<unknown, Readonly<Record<string, unknown>>>;
}

/** Lines on their whole way: reader, join, journal, both sinks, CSV. Everything is real but CloudWatch. */
export class LineRig {
  readonly reading: ReadingRig;
  readonly sandbox: Sandbox;

  private constructor(reading: ReadingRig, sandbox: Sandbox) {
    this.reading = reading;
    this.sandbox = sandbox;
  }

  /** The sandbox closes by itself after the test; `dispose` closes the rest. */
  static async start(): Promise<LineRig> {
    const reading = await ReadingRig.start();
    const sandbox = await startedSandbox({
      clock: { now: () => reading.clock.now() },
      hecTokens: [{ token: 'good', indexes: ['apigw'], ack: false }],
      dynatraceTokens: [{ token: 'good' }],
    });
    return new LineRig(reading, sandbox);
  }

  dispose(): Promise<void> {
    return this.reading.dispose();
  }

  event(message: string, n: number): LogEvent {
    const timestampMs = this.reading.clock.now() - 30_000 + n;
    return {
      eventId: String(n).padStart(56, '0'),
      logStream: 'stream-1',
      timestampMs,
      ingestionMs: timestampMs + 1_000,
      message,
    };
  }

  /** Reads these lines as one poll of their log group does, and hands back the rows that came of it. */
  async read(
    reader: (events: readonly LogEvent[]) => readonly LogPart[],
    messages: readonly string[],
  ): Promise<readonly JournalEntry[]> {
    const parts = reader(messages.map((message, n) => this.event(message, n)));
    const source = new ScriptedSource<LogPart>(UNIT, [page(parts)]);
    const { ingest, journal, clock } = this.reading;
    const lag = createLagMeter(SETTINGS);
    await new LogUnit({ source, ingest, journal, clock, lag, settings: SETTINGS }).pollLive(NEVER);
    return rowsOf(journal, 'records');
  }

  /** Sends rows to both sinks and fails unless both take every one. */
  async deliver(entries: readonly JournalEntry[]): Promise<AtSinks> {
    const parts = { ...PARTS, clock: { ...PARTS.clock, now: () => this.reading.clock.now() } };
    const events = { access: true, authentication: false, metric: false };
    const hec = createSplunkHecSettings({
      url: this.sandbox.url,
      token: new Secret('good'),
      events,
      index: 'apigw',
    });
    const url = `${this.sandbox.url}/api/v2/otlp`;
    const otlp = createDynatraceOtlpSettings({ url, token: new Secret('good') });
    const sinks = [
      createSplunkHecSink({ ...parts, name: 'splunk', settings: hec }),
      createDynatraceOtlpSink({ ...parts, name: 'dynatrace', settings: otlp }),
    ];
    for (const sink of sinks) {
      const verdict = await sink.send(entries, NEVER);
      placesOf(verdict, entries);
      await sink.close();
      if (verdict.accepted.length < entries.length) {
        throw new Error(
          `Expected ${sink.name} to take ${entries.length} rows, got ${JSON.stringify(verdict)}`,
        );
      }
    }
    return this.#taken();
  }

  #taken(): AtSinks {
    const splunk = new Map<unknown, Readonly<Record<string, unknown>>>();
    for (const { event, fields } of this.sandbox.acceptedEvents()) {
      if (splunk.has(fields?.event_id)) throw new Error('Expected each event once at Splunk');
      splunk.set(fields?.event_id, { ...Object(event) });
    }
    const dynatrace = new Map<unknown, Readonly<Record<string, unknown>>>();
    for (const item of this.sandbox.acceptedItems()) {
      if (item.kind !== 'log') continue;
      if (dynatrace.has(item.attributes.event_id)) throw new Error('Expected each record once at Dynatrace');
      dynatrace.set(item.attributes.event_id, { ...item.attributes, body: item.body });
    }
    return { splunk, dynatrace };
  }
}

/** CSV as a spreadsheet reads it: one list of cells for each record, the header left out (RFC 4180). */
export function csvRows(entries: readonly JournalEntry[]): readonly ReadonlyMap<string, string>[] {
  const [header = [], ...rows] = parseCsv([...csvLines(entries)].join(''));
  return rows.map((row) => new Map(header.map((name, n) => [name, row[n] ?? ''])));
}

function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  while (cell.lastIndex < text.length) {
    const match = cell.exec(text);
    if (match === null) throw new Error('Expected CSV by RFC 4180');
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
