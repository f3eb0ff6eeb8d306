import type {
  CommitResult,
  Journal,
  JournalEntry,
  LaneAck,
  UnitCommit,
  WindowCommit,
} from '../../src/model/journal.ts';
import type { Window } from '../../src/model/source-event.ts';
import type { Dynatrace, Splunk } from './destinations.ts';
import type { SimProcess } from './process.ts';
import type { SimEvent } from './traffic-lines.ts';

export function keyOf(event: Pick<SimEvent, 'stream' | 'eventId'>): string {
  return `${event.stream}\n${event.eventId}`;
}

/** Kinds of Splunk event that a row leads to. */
export function splunkKeysOf({ record, eventId }: JournalEntry): string[] {
  if (record.kind === 'metric') return [`gatewatch:metric ${eventId}`];
  const isDecided = record.kind === 'request' && ['allow', 'deny', 'error'].includes(record.decision);
  return [`gatewatch:access ${eventId}`, ...(isDecided ? [`gatewatch:authentication ${eventId}`] : [])];
}

/**
 * Looks over the shoulder of every worker that writes: what it may never do is checked the moment it does it. Outlives
 * the workers.
 */
export class JournalWatch {
  readonly violations: string[] = [];
  readonly rows = new Map<number, JournalEntry>();
  /** Rows that a backfill brought: they travel in lanes of their own. */
  readonly backfilled = new Set<number>();
  readonly committedKeys = new Map<string, Set<string>>();
  /** By unit: events that some worker was shown and that are not stored yet. */
  readonly #shown = new Map<string, Map<string, SimEvent>>();
  /** By lane: rows with an end other than acceptance. */
  readonly deadLettered = new Map<string, Map<number, string>>();
  readonly expired = new Map<string, Set<number>>();
  readonly rejectedUnknown = new Map<string, number>();
  readonly #splunk: Splunk;
  readonly #dynatrace: Dynatrace;
  readonly #cursors = new Map<string, number>();
  newestEpoch = 0;
  commits = 0;
  acks = 0;

  constructor(splunk: Splunk, dynatrace: Dynatrace) {
    this.#splunk = splunk;
    this.#dynatrace = dynatrace;
  }

  noteShown(unit: string, events: readonly SimEvent[]): void {
    const known = this.#shown.get(unit) ?? new Map<string, SimEvent>();
    const stored = this.committedKeys.get(unit);
    for (const event of events) if (!stored?.has(keyOf(event))) known.set(keyOf(event), event);
    this.#shown.set(unit, known);
  }

  wrap(journal: Journal, process: SimProcess): Journal {
    if (journal.epoch <= this.newestEpoch) this.#broken(`I5: epoch ${journal.epoch} was given out again`);
    this.newestEpoch = Math.max(this.newestEpoch, journal.epoch);
    return new Proxy(journal, {
      get: (target, property) => {
        if (property === 'commitWindow')
          return (commit: WindowCommit) => this.#commit(target, process, commit);
        if (property === 'ackLane') return (ack: LaneAck) => this.#ack(target, process, ack);
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        const bound = value.bind(target);
        if (property === 'close' || property === 'allState') return bound;
        return (...given: unknown[]) => this.#through(process, String(property), () => bound(...given));
      },
    });
  }

  /** Any other call: it can be cut off before and after. */
  async #through<T>(process: SimProcess, name: string, call: () => Promise<T>): Promise<T> {
    await process.pass(`before ${name}`);
    const result = await call();
    await process.pass(`after ${name}`);
    return result;
  }

  async #commit(journal: Journal, process: SimProcess, commit: WindowCommit): Promise<CommitResult> {
    await process.pass('before commitWindow');
    const result = await journal.commitWindow(commit);
    if (result.kind === 'committed') this.#noteCommit(journal.epoch, commit, result.entries);
    await process.pass('after commitWindow');
    return result;
  }

  #noteCommit(epoch: number, commit: WindowCommit, entries: readonly JournalEntry[]): void {
    this.commits += 1;
    if (epoch < this.newestEpoch)
      this.#broken(`I5: epoch ${epoch} committed after epoch ${this.newestEpoch} began`);
    for (const entry of entries) {
      const known = this.rows.get(entry.seq);
      if (known !== undefined) this.#broken(`I5: seq ${entry.seq} was given to two rows`);
      if (entry.seq !== this.rows.size + 1)
        this.#broken(`seq ${entry.seq} leaves a gap after ${this.rows.size}`);
      this.rows.set(entry.seq, entry);
      if (commit.backfilled?.has(entry.recordId)) this.backfilled.add(entry.seq);
    }
    for (const unit of [commit, ...(commit.beside ?? [])]) this.#noteUnit(unit);
  }

  #noteUnit(commit: UnitCommit): void {
    const keys = this.committedKeys.get(commit.unit) ?? new Set<string>();
    this.committedKeys.set(commit.unit, keys);
    for (const { key } of commit.seen) {
      if (keys.has(key)) this.#broken(`P1: event ${key} of ${commit.unit} was taken for new a second time`);
      keys.add(key);
      this.#shown.get(commit.unit)?.delete(key);
    }
    const { ledger } = commit;
    if (ledger !== undefined && ledger.seen !== ledger.stored + ledger.quarantined + ledger.filtered) {
      this.#broken(`P1: ${commit.unit} saw ${ledger.seen}, which is not stored + quarantined + filtered`);
    }
    if (commit.nextCheckpoint !== undefined && ledger !== undefined)
      this.#checkPosition(commit.unit, ledger.window);
  }

  /** I4: the position may only move over what is on disk. */
  #checkPosition(unit: string, { fromMs, toMs }: Window): void {
    for (const [key, { atMs }] of this.#shown.get(unit) ?? []) {
      if (atMs < fromMs || atMs >= toMs) continue;
      this.#broken(`I4: ${unit} moved over event ${key}, which was read and is not stored`);
    }
  }

  async #ack(journal: Journal, process: SimProcess, ack: LaneAck): Promise<'acknowledged' | 'fenced'> {
    await process.pass('before ackLane');
    const result = await journal.ackLane(ack);
    if (result === 'acknowledged') this.#noteAck(journal.epoch, ack);
    await process.pass('after ackLane');
    return result;
  }

  #noteAck(epoch: number, ack: LaneAck): void {
    this.acks += 1;
    if (epoch < this.newestEpoch)
      this.#broken(`I5: epoch ${epoch} acknowledged after ${this.newestEpoch} began`);
    const dead = this.deadLettered.get(ack.lane) ?? new Map<number, string>();
    const expired = this.expired.get(ack.lane) ?? new Set<number>();
    for (const { seq, reason } of ack.deadLetters) dead.set(seq, reason);
    for (const { seq } of ack.expired) expired.add(seq);
    this.deadLettered.set(ack.lane, dead);
    this.expired.set(ack.lane, expired);
    const unknown = this.rejectedUnknown.get(ack.lane) ?? 0;
    this.rejectedUnknown.set(ack.lane, unknown + ack.counts.rejectedUnknown);
    const from = this.#cursors.get(ack.lane) ?? 0;
    for (let seq = from + 1; seq <= ack.cursor; seq += 1) this.#checkEnd(ack.lane, seq);
    this.#cursors.set(ack.lane, Math.max(from, ack.cursor));
  }

  /** I4: a cursor may only move over what the destination has, or what was given up with a reason. */
  #checkEnd(lane: string, seq: number): void {
    const row = this.rows.get(seq);
    const [sink, stream, way] = lane.split('/');
    // What a replay sends is told by its order.
    if (row === undefined || row.stream !== stream || way === 'replay') return;
    if (this.backfilled.has(seq) !== (way === 'backfill')) return;
    if (this.deadLettered.get(lane)?.has(seq) || this.expired.get(lane)?.has(seq)) return;
    if (!this.arrived(sink ?? '', row))
      this.#broken(`I4: lane ${lane} moved over ${seq}, which never arrived`);
  }

  /** Why a row was given up for good in the lane it travels in. */
  deadLetterOf(sink: string, { seq, stream }: JournalEntry): string | undefined {
    return this.deadLettered.get(this.#laneOf(sink, seq, stream))?.get(seq);
  }

  hasExpired(sink: string, { seq, stream }: JournalEntry): boolean {
    return this.expired.get(this.#laneOf(sink, seq, stream))?.has(seq) === true;
  }

  #laneOf(sink: string, seq: number, stream: string): string {
    return `${sink}/${stream}/${this.backfilled.has(seq) ? 'backfill' : 'live'}`;
  }

  arrived(sink: string, row: JournalEntry): boolean {
    if (sink === 'splunk') return splunkKeysOf(row).every((key) => this.#splunk.keys.has(key));
    if (row.record.kind === 'metric' && row.revision === 0) return true;
    return this.#dynatrace.keys.has(row.eventId) || this.#dynatrace.refusedUnnamed.has(row.eventId);
  }

  #broken(what: string): void {
    this.violations.push(what);
  }
}
