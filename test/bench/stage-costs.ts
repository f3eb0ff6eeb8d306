/**
 * `node --expose-gc test/bench/stage-costs.ts [ROUNDS]`: what each step of the path costs by itself, in microseconds of
 * processor time per log event, all threads of the process. The traffic of `npm run bench` without network or waiting;
 * each step takes what the step before it made. Below the line: what any design pays that stores and sends as much.
 */
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { readLogPages } from '../../src/aws/filter-log-events.ts';
import { LogPageReader } from '../../src/aws/log-page-body.ts';
import { keepHeapSmall } from '../../src/cli/worker/heap-size.ts';
import { createSteeredClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { Secret } from '../../src/core/secret.ts';
import { Correlator, defaultCorrelateSettings } from '../../src/correlate/correlator.ts';
import { compress } from '../../src/http/gzip.ts';
import type { StageInventory } from '../../src/model/inventory.ts';
import type { JournalEntry, UnitCommit } from '../../src/model/journal.ts';
import type { LogPart } from '../../src/model/part.ts';
import type { LogEvent } from '../../src/model/source-event.ts';
import { FreshParts } from '../../src/pipeline/fresh-parts.ts';
import { createLogSources } from '../../src/pipeline/log-sources.ts';
import { topologyOf } from '../../src/pipeline/topology.ts';
import { createRedactor } from '../../src/redact/redactor.ts';
import { JSON_WITH_ECHO } from '../../src/sandbox/fleet-formats.ts';
import { BodyBuffers } from '../../src/sinks/body-buffers.ts';
import { BodyWriter, bytesOf } from '../../src/sinks/body-writer.ts';
import { createLogEncoder } from '../../src/sinks/dynatrace/log-records.ts';
import { createEnvelopeEncoder } from '../../src/sinks/splunk/encode-envelopes.ts';
import { createSplunkHecSettings } from '../../src/sinks/splunk/hec-settings.ts';
import { openJournal } from '../../src/store/open-journal.ts';
import { ACCOUNT, APIS, type BenchApi, REGION, ROUTES } from './bench-fleet.ts';
import { BASE_MS, ROUND_MS } from './bench-traffic.ts';
import { LogPages } from './log-pages.ts';

const ROUNDS = Number(process.argv[2] ?? 24);
/** The first rounds warm up. */
const WARM_ROUNDS = Math.min(8, Math.floor(ROUNDS / 3));
const MAX_BODY_BYTES = 2 * 1_024 * 1_024;

const spentUs = new Map<string, number>();
let counted = false;
let events = 0;
let records = 0;

/** Runs one step and books its processor time, that of helper threads included. */
async function step<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  if (counted) spentUs.set(name, (spentUs.get(name) ?? 0) + user + system);
  return result;
}

function stageOf(api: BenchApi): StageInventory {
  const where = { account: ACCOUNT, region: REGION };
  const authorizer = {
    authorizerId: `az${api.id.slice(0, 4)}`,
    name: api.authorizer.name,
    kind: 'lambda_request',
    functionName: api.authorizer.name,
    logGroup: { ...where, logGroup: api.authorizer.logGroup },
    ttlMs: 300_000,
  } as const;
  const { authorizerId } = authorizer;
  return {
    ...where,
    apiId: api.id,
    apiName: api.name,
    stage: 'prod',
    protocol: 'REST',
    tags: {},
    accessLogGroup: { ...where, logGroup: api.accessGroup },
    accessLogFormat: JSON_WITH_ECHO,
    earlierFormats: [],
    detailedMetrics: false,
    authorizers: { [authorizerId]: authorizer },
    routes: Object.fromEntries(ROUTES.map(({ method, path }) => [`${method} ${path}`, authorizerId])),
    defaultAuthorizer: authorizerId,
  };
}

const inventory = { stages: APIS.map(stageOf), complete: true, problems: [], readMs: 0 };
const redactor = createRedactor({
  keys: [{ id: 'k1', secret: '0123456789abcdef0123456789abcdef' }],
  pseudonymise: ['principal', 'customer'],
});

/** Hands over the events it was given last, once. */
let served: readonly LogEvent[] = [];
const sources = createLogSources(inventory, {
  client: {
    async *filterLogEvents() {
      yield { events: served, bytes: 0 };
    },
  },
  redactor,
  customerOf: new Map(),
  rules: [],
});

const pages = new LogPages(BASE_MS, BASE_MS + ROUNDS * ROUND_MS);

async function eventsOf(unit: string, fromMs: number): Promise<readonly LogEvent[]> {
  const [, account = '', region = '', logGroup = ''] = unit.split(':');
  const toMs = fromMs + ROUND_MS;
  const bodies: Buffer[] = [];
  for (let token: string | undefined = ''; token !== undefined; ) {
    const body = pages.answer({
      logGroupName: logGroup,
      startTime: fromMs,
      endTime: toMs,
      ...(token !== '' && { nextToken: token }),
    });
    bodies.push(body);
    token = /"nextToken":"([^"]+)"/.exec(body.subarray(-80).toString())?.[1];
  }
  return step('read pages (parse, map)', async () => {
    const reader = new LogPageReader();
    const found: LogEvent[] = [];
    for (const body of bodies) {
      await reader.take({ statusCode: 200, body });
      const page = { events: reader.page?.events };
      const read = { account, region, logGroup, fromMs, toMs, signal: new AbortController().signal };
      for await (const one of readLogPages(read, async () => page)) found.push(...one.events);
    }
    return found;
  });
}

async function partsOf(unit: string, found: readonly LogEvent[]): Promise<readonly LogPart[]> {
  served = found;
  const kind = unit.includes('/aws/lambda/') ? 'authorizer' : 'access';
  return step(`${kind} lines to parts`, async () => {
    const parts: LogPart[] = [];
    const window = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
    for await (const page of sources.get(unit)?.read(window, new AbortController().signal) ?? [])
      parts.push(...page.items);
    return parts;
  });
}

function newBodies(encoding: 'utf8' | 'latin1', buffers: BodyBuffers): BodyWriter {
  return new BodyWriter({ maxBytes: MAX_BODY_BYTES, maxPieces: 50_000, headBytes: 0, encoding, buffers });
}

const folder = mkdtempSync(join(tmpdir(), 'gatewatch-stages-'));
keepHeapSmall();
let nowMs = BASE_MS;
const clock = createSteeredClock(() => nowMs);
const journal = await openJournal({
  path: join(folder, 'j.db'),
  clock,
  logger: silentLogger,
  owner: 'bench',
});
const topology = topologyOf(inventory);
const correlator = new Correlator({
  store: journal,
  settings: defaultCorrelateSettings,
  topology: () => topology,
});
await correlator.reset();
const settings = createSplunkHecSettings({ url: 'http://x', token: new Secret('t'), index: 'apigw' });
const encodeHec = createEnvelopeEncoder(settings);
const encodeOtlp = createLogEncoder(32_000);
const hecBuffers = new BodyBuffers(MAX_BODY_BYTES);
const otlpBuffers = new BodyBuffers(MAX_BODY_BYTES);
/** The floor's own file: the same rows, one table, one index. */
const bare = new DatabaseSync(join(folder, 'bare.db'));
bare.exec(`PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = 20000; CREATE TABLE r (seq INTEGER PRIMARY KEY, id TEXT, hash INTEGER, body TEXT);
  CREATE UNIQUE INDEX by_hash ON r (hash)`);
const bareInsert = bare.prepare('INSERT INTO r (id, hash, body) VALUES (?, ?, ?)');

for (let round = 0; round < ROUNDS; round += 1) {
  counted = round >= WARM_ROUNDS;
  await oneRound(BASE_MS + round * ROUND_MS);
}
await journal.close();
bare.close();
rmSync(folder, { recursive: true });
report();

async function oneRound(fromMs: number): Promise<void> {
  nowMs = fromMs + ROUND_MS;
  const units: Omit<UnitCommit, 'expectedVersion'>[] = [];
  const parts: LogPart[] = [];
  const messages: string[] = [];
  for (const unit of sources.keys()) {
    const found = await eventsOf(unit, fromMs);
    for (const { message } of found) messages.push(message);
    const read = await partsOf(unit, found);
    const slice = await step('first time or not', async () => {
      const fresh = new FreshParts(await journal.seenIn(unit, fromMs, nowMs));
      await fresh.take({ items: read, read: read.length, bytes: 0 }, async () => new Set());
      return fresh.flush();
    });
    parts.push(...slice.parts);
    units.push({ unit, seen: slice.seen });
    if (counted) events += slice.parts.length;
  }
  const entries = await commit(parts, units);
  await send(entries);
  await floor(messages, entries);
}

async function commit(
  parts: readonly LogPart[],
  units: readonly Omit<UnitCommit, 'expectedVersion'>[],
): Promise<readonly JournalEntry[]> {
  const watermarkOf = () => nowMs - 60_000;
  const joined = await step('join', () => correlator.process({ parts, nowMs, watermarkOf }));
  const result = await step('commit (state, rows, index, fsync)', () => {
    const [first, ...beside] = units.map((unit) => ({ ...unit, expectedVersion: 0 }));
    if (first === undefined) throw new Error('Expected at least one unit');
    return journal.commitWindow({ ...first, beside, epoch: journal.epoch, ...joined, gaps: [], nowMs });
  });
  if (result.kind === 'fenced') throw new Error(result.reason);
  await step('join', () => correlator.committed(nowMs));
  if (counted) records += result.entries.length;
  return result.entries;
}

async function send(entries: readonly JournalEntry[]): Promise<void> {
  const hec = newBodies('utf8', hecBuffers);
  await step('encode for HEC', () => {
    for (const entry of entries) for (const text of encodeHec(entry)) hec.add(entry.seq, entry.eventMs, text);
  });
  const otlp = newBodies('latin1', otlpBuffers);
  await step('encode for OTLP', () => {
    for (const entry of entries) otlp.add(entry.seq, entry.eventMs, encodeOtlp(entry));
  });
  for (const body of hec.bodies) await step('* gzip for HEC', () => compress(bytesOf(body)));
  for (const body of otlp.bodies) await step('* gzip for OTLP', () => compress(bytesOf(body)));
  hec.release();
  otlp.release();
}

/** The same amounts of the same work with nothing around it. */
async function floor(messages: readonly string[], entries: readonly JournalEntry[]): Promise<void> {
  const values = await step('* JSON.parse of each line', () =>
    messages.map((message) => (message.startsWith('{') ? JSON.parse(message) : message)),
  );
  if (values.length !== messages.length) throw new Error('Expected a value for each line');
  await step('* JSON.stringify of each record', () => {
    for (const { record } of entries) JSON.stringify(record);
  });
  await step('* SHA-256: two ids, one body', () => {
    for (const { body, recordId, eventId } of entries) {
      hash('sha256', recordId, 'base64url');
      hash('sha256', `${eventId}${recordId}${body.slice(0, 600)}`, 'base64url');
      hash('sha256', body, 'hex');
    }
  });
  await step('* SQLite insert, WAL, fsync', () => {
    bare.exec('BEGIN IMMEDIATE');
    for (const { recordId, body, seq } of entries)
      bareInsert.run(recordId, Math.imul(seq, 2_654_435_761) * 1_048_576 + seq, body);
    bare.exec('COMMIT');
  });
}

function report(): void {
  const print = (line: string) => process.stdout.write(`${line}\n`);
  let sum = 0;
  for (const [name, us] of [...spentUs].sort(
    ([a], [b]) => Number(a.startsWith('*')) - Number(b.startsWith('*')),
  )) {
    if (!name.startsWith('*')) sum += us;
    print(
      `${name.padEnd(40)} ${(us / events).toFixed(2).padStart(7)} µs/event ${(us / records).toFixed(1).padStart(7)} µs/record`,
    );
  }
  print(`${events} events, ${records} records; the path without gzip ${(sum / events).toFixed(1)} µs/event`);
}
