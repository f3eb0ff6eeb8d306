import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Runtime } from '../../src/cli/worker/runtime.ts';
import type { JournalEntry, JournalRecord } from '../../src/model/journal.ts';
import { ACCOUNT, REGION } from './fleet.ts';
import { keyOf, splunkKeysOf } from './journal-watch.ts';
import { type LogRecord, placeOf, placeOfEvent, StoryCheck } from './story-check.ts';
import type { Story } from './traffic.ts';
import type { SimEvent } from './traffic-lines.ts';
import type { SimWorld } from './world.ts';

/** Below this a record of usual size may not fit a body of its own. */
const SMALL_BODY_BYTES = 24_000;

/** Holds what the journal and the destinations ended up with against what really happened. */
export class Oracle {
  readonly #world: SimWorld;
  readonly #runtime: Runtime;
  readonly #found: string[] = [];

  constructor(world: SimWorld, runtime: Runtime) {
    this.#world = world;
    this.#runtime = runtime;
  }

  async check(fresh: Story): Promise<readonly string[]> {
    const records = await this.#rows('records');
    const metrics = await this.#rows('metrics');
    const standing = this.#standing(records);
    this.#checkConservation(standing);
    this.#checkStories(standing);
    this.#checkSplunk([...records, ...metrics]);
    this.#checkDynatrace(records);
    this.#checkMetrics(metrics);
    await this.#checkLag(standing, fresh);
    this.#checkMemory();
    this.#checkSecrets();
    await this.#checkLedger();
    await this.#checkOrders();
    return this.#found;
  }

  #expect(holds: boolean, what: () => string): void {
    if (!holds && this.#found.length < 20) this.#found.push(what());
  }

  async #rows(stream: 'records' | 'metrics'): Promise<JournalEntry[]> {
    const rows: JournalEntry[] = [];
    for (;;) {
      const page = await this.#runtime.journal.readStream(stream, rows.at(-1)?.seq ?? 0, 1_000);
      if (page.length === 0) return rows;
      rows.push(...page);
    }
  }

  /** Newest revision of every record, those taken over by another left out. */
  #standing(rows: readonly JournalEntry[]): LogRecord[] {
    const newest = new Map<string, JournalRecord>();
    const eventIds = new Set<string>();
    for (const { record, eventId, seq } of rows) {
      this.#expect(!eventIds.has(eventId), () => `I1: row ${seq} repeats event_id ${eventId}`);
      eventIds.add(eventId);
      newest.set(record.recordId, record);
    }
    return [...newest.values()].flatMap((record) => {
      if (record.kind === 'metric' || record.kind === 'alarm') return [];
      return record.kind === 'request' && record.supersededBy !== undefined ? [] : [record];
    });
  }

  /** Later than the last re-read: nobody promised to find it, unless it was asked for. */
  #isPromised(event: SimEvent): boolean {
    return this.#isReread(event) || this.#world.orders.hasReadBack(event);
  }

  /** Found while its partners can still be told of it. */
  #isReread(event: SimEvent): boolean {
    return event.visibleMs - event.atMs <= Math.max(...this.#world.settings.rereadsMs);
  }

  /** I1: every event in exactly one record. */
  #checkConservation(standing: readonly LogRecord[]): void {
    const times = new Map<string, number>();
    for (const record of standing) {
      for (const part of record.parts) times.set(placeOf(part), (times.get(placeOf(part)) ?? 0) + 1);
    }
    for (const { events, kind } of this.#world.traffic.stories) {
      for (const event of events) {
        const count = times.get(placeOfEvent(event)) ?? 0;
        const isRight = count === 1 || (count === 0 && !this.#isPromised(event));
        this.#expect(isRight, () => `I1: ${describe(event)} of ${kind} stands in ${count} records`);
      }
    }
  }

  /** I3: the records that stand are those that the model tells, whatever the order things came in. */
  #checkStories(standing: readonly LogRecord[]): void {
    const { traffic, tally } = this.#world;
    const check = new StoryCheck(traffic.stories, standing);
    for (const story of traffic.stories) {
      const events = [...story.events, ...story.needs];
      if (!events.every((event) => this.#isReread(event))) continue;
      const wrong = check.differences(story);
      this.#expect(
        wrong.length === 0,
        () =>
          `I3: ${story.kind} ${story.extendedRequestId ?? ''} ${wrong.join(', ')}; ${events.map(describe).join(' | ')}`,
      );
    }
    for (const what of check.seen) tally.add(what);
  }

  /** I2: every row arrived, each copy alike, and says what the journal says; or it is a dead letter. */
  #checkSplunk(rows: readonly JournalEntry[]): void {
    const { splunk, watch } = this.#world;
    const contents = new Map<string, string>();
    for (const { key, content } of splunk.accepted) {
      const known = contents.get(key);
      this.#expect(known === undefined || known === content, () => `I2: two copies of ${key} differ`);
      contents.set(key, content);
    }
    const known = new Set(rows.flatMap(splunkKeysOf));
    for (const key of splunk.keys)
      this.#expect(known.has(key), () => `I2: Splunk has ${key}, the journal has not`);
    for (const row of rows) {
      const dead = watch.deadLetterOf('splunk', row);
      if (dead !== undefined) {
        this.#expect(this.#isToBlame(row.body), () => `P2: row ${row.seq} became a dead letter: ${dead}`);
        continue;
      }
      for (const key of splunkKeysOf(row)) this.#checkEvent(key, row);
    }
  }

  /** Refused by Splunk for itself, or too large for what it takes. */
  #isToBlame(body: string): boolean {
    return body.includes('/poison') || this.#world.settings.bodyLimit < 20_000;
  }

  #checkEvent(key: string, { record, seq }: JournalEntry): void {
    const event = this.#world.splunk.events.get(key);
    this.#expect(
      event !== undefined && this.#world.splunk.keys.has(key),
      () => `I2: row ${seq} never reached Splunk as ${key}`,
    );
    if (event === undefined || record.kind !== 'request' || !key.startsWith('gatewatch:access')) return;
    const expected = {
      outcome: record.outcome,
      decision: record.decision,
      customer: record.customer,
      decision_request_id: record.decisionRequestId,
      status: record.status === undefined ? undefined : String(record.status),
      request_id: record.requestId,
      extended_request_id: record.extendedRequestId,
      join_key: record.joinKey,
    };
    for (const [name, value] of Object.entries(expected)) {
      this.#expect(
        event[name] === value,
        () => `I2: row ${seq} says ${name} ${String(value)}, Splunk has ${String(event[name])}`,
      );
    }
    // What does not fit a body goes as a shortened copy that says so; the journal has the whole.
    if (this.#world.settings.maxBodyBytes < SMALL_BODY_BYTES) return;
    const parts = Array.isArray(event.parts) ? event.parts.length : 0;
    this.#expect(
      parts === record.parts.length,
      () => `I2: row ${seq} has ${record.parts.length} parts, Splunk has ${parts}`,
    );
  }

  #checkDynatrace(rows: readonly JournalEntry[]): void {
    const { dynatrace, watch, settings } = this.#world;
    this.#expect(
      dynatrace.tooOld === 0,
      () => `${dynatrace.tooOld} records and points were sent to Dynatrace although too old`,
    );
    const refused = watch.rejectedUnknown.get('dynatrace/records/live') ?? 0;
    if (refused > 0) this.#world.tally.add('partial_success_counted');
    for (const row of rows) {
      if (watch.hasExpired('dynatrace', row)) {
        this.#world.tally.add('dynatrace_expired');
        continue;
      }
      const dead = watch.deadLetterOf('dynatrace', row);
      if (dead !== undefined) {
        const isToBlame = this.#isToBlame(row.body) || settings.maxBodyBytes < 20_000;
        this.#expect(isToBlame, () => `P2: row ${row.seq} became a dead letter: ${dead}`);
        continue;
      }
      this.#expect(watch.arrived('dynatrace', row), () => `I2: row ${row.seq} never reached Dynatrace`);
    }
    const known = new Set(rows.map(({ eventId }) => eventId));
    for (const { eventId } of dynatrace.accepted) {
      if (eventId !== undefined && !known.has(eventId)) {
        const isMetric = [...this.#world.watch.rows.values()].some((row) => row.eventId === eventId);
        this.#expect(isMetric, () => `I2: Dynatrace has ${eventId}, the journal has not`);
      }
    }
  }

  /** Every point of the time with traffic, with the last value that CloudWatch gave. */
  #checkMetrics(rows: readonly JournalEntry[]): void {
    const { metrics, settings } = this.#world;
    if (!settings.readsMetrics) return;
    const newest = new Map(rows.map((row) => [row.recordId, row.record]));
    let points = 0;
    for (const record of newest.values()) {
      if (record.kind !== 'metric') continue;
      points += 1;
      for (const [stat, value] of Object.entries(record.values)) {
        const final = metrics.finalValue({ ...record, stat }, record.eventMs);
        this.#expect(
          value === final,
          () => `I3: ${record.metricName} ${stat} at ${record.eventMs}: expected ${final}, got ${value}`,
        );
      }
    }
    const series = settings.traffic.apis.reduce((sum, api) => sum + (api === 'chat' ? 6 : 5), 0);
    const expected = metrics.minutes.length * series;
    this.#expect(points === expected, () => `I1: expected ${expected} metric points, got ${points}`);
  }

  /** I7: nothing is left to read or to deliver, and what is new gets through. */
  async #checkLag(standing: readonly LogRecord[], fresh: Story): Promise<void> {
    for (const { lane, pending, heldReason } of await this.#runtime.journal.lanes()) {
      this.#expect(
        pending === 0 && heldReason === undefined,
        () => `I7: lane ${lane} still has ${pending} pending, held: ${heldReason}`,
      );
    }
    const nowMs = this.#world.time.nowMs;
    for (const { unit, lastError, held, readThroughMs } of this.#runtime.worker.status().units) {
      this.#expect(
        lastError === undefined && held === undefined,
        () => `I7: ${unit}: ${lastError ?? held?.reason}`,
      );
      const lagMs = nowMs - (readThroughMs ?? 0);
      this.#expect(lagMs < 900_000, () => `I7: ${unit} is ${lagMs} ms behind`);
    }
    const record = standing.find(
      (one) => one.kind === 'request' && one.extendedRequestId === fresh.extendedRequestId,
    );
    this.#expect(record !== undefined, () => 'I7: a fresh request did not get into the journal');
    if (record === undefined) return;
    this.#expect(
      this.#world.splunk.keys.has(`gatewatch:access ${record.eventId}`),
      () => 'I7: a fresh request did not get to Splunk',
    );
    this.#expect(
      this.#world.dynatrace.keys.has(record.eventId),
      () => 'I7: a fresh request did not get to Dynatrace',
    );
  }

  /** I8: however much is pending, only so many bodies are under way. */
  #checkMemory(): void {
    for (const sink of [this.#world.splunk, this.#world.dynatrace]) {
      this.#expect(sink.mostInFlight <= 40, () => `I8: ${sink.mostInFlight} requests were under way at once`);
    }
  }

  /** I9: what callers planted is in nothing we wrote or sent. */
  #checkSecrets(): void {
    const { canary } = this.#world.settings.traffic;
    const { splunk, dynatrace, logger, folder } = this.#world;
    for (const body of [...splunk.bodies, ...dynatrace.bodies]) {
      this.#expect(!body.includes(canary), () => 'I9: a planted secret was sent to a destination');
    }
    for (const line of logger.lines) {
      const text = `${line.message} ${JSON.stringify(line.fields)}`;
      this.#expect(
        !text.includes(canary),
        () => `I9: a planted secret stands in our own log: ${line.message}`,
      );
    }
    for (const file of readdirSync(folder)) {
      this.#expect(
        !readFileSync(join(folder, file)).includes(canary),
        () => `I9: a planted secret stands in ${file}`,
      );
    }
  }

  async #checkOrders(): Promise<void> {
    const { orders, splunk, watch, tally } = this.#world;
    const ended = await this.#runtime.journal.orders();
    for (const wrong of orders.check(ended, splunk.accepted, (body) => this.#isToBlame(body)))
      this.#expect(false, () => wrong);
    tally.add('backfilled_rows', watch.backfilled.size);
  }

  /** P1: what the windows say they saw for the first time is what was stored, once. */
  async #checkLedger(): Promise<void> {
    const ledger = await this.#runtime.journal.ledger(0, Number.MAX_SAFE_INTEGER);
    for (const [unit, keys] of this.#world.watch.committedKeys) {
      const seen = ledger
        .filter((row) => row.unit === unit && row.unit.startsWith('logs:'))
        .reduce((sum, row) => sum + row.seen, 0);
      if (!unit.startsWith('logs:')) continue;
      this.#expect(seen === keys.size, () => `P1: ${unit} counted ${seen} events, ${keys.size} were stored`);
    }
    for (const { events, needs, kind } of this.#world.traffic.stories) {
      for (const event of kind === 'init' ? needs : events) {
        const keys = this.#world.watch.committedKeys.get(`logs:${ACCOUNT}:${REGION}:${event.group}`);
        const isThere = keys?.has(keyOf(event)) === true || !this.#isPromised(event);
        this.#expect(isThere, () => `I1: ${describe(event)} of ${kind} was never read`);
      }
    }
  }
}

function describe(event: SimEvent): string {
  const time = new Date(event.atMs).toISOString();
  return `event ${event.eventId.slice(-6)} in ${event.group} at ${time}, readable after ${Math.round((event.visibleMs - event.atMs) / 1_000)} s`;
}
