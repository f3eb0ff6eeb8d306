import type { AlarmRecord } from './alarm-record.ts';
import type { MetricRecord } from './metric-record.ts';
import type { Order } from './order.ts';
import type { RequestRecord, UnparsedRecord } from './request-record.ts';
import type { Window } from './source-event.ts';
import type { StreamName } from './stream-name.ts';

export type JournalRecord = RequestRecord | UnparsedRecord | MetricRecord | AlarmRecord;

export type { StreamName };

/** What brought a row in: live reading, or an order to read the past. It tells whose lane the row travels in. */
export type RowOrigin = 'live' | 'backfill';

/** A row as stored: `body` is the canonical JSON whose SHA-256 stands beside it. `seq` is gap-free. */
export interface JournalEntry {
  readonly seq: number;
  readonly stream: StreamName;
  readonly recordId: string;
  readonly eventId: string;
  /** Given by the journal: 0 for the first of a record id, then one more for each other content. */
  readonly revision: number;
  readonly eventMs: number;
  readonly body: string;
  /** The parsed body. Rows just committed hand over the object they were made from: nothing is parsed twice. */
  readonly record: JournalRecord;
}

/** How far a source unit has read. `readThroughMs`: end of the last window read completely. */
export interface Checkpoint {
  readonly unit: string;
  readonly readThroughMs: number;
  /** Counts commits of this unit; the expected version makes a stale writer lose. */
  readonly version: number;
  /** Windows still to be read again: when (`dueMs`), which span, which pass. */
  readonly rereads: readonly Reread[];
}

export interface Reread extends Window {
  readonly dueMs: number;
  readonly pass: number;
}

/** A span of a unit that was not read and never will be, with the reason in words. */
export interface Gap extends Window {
  readonly unit: string;
  readonly reason: string;
  readonly recordedMs: number;
}

/** What a window or slice held; `seen = stored + quarantined + filtered` for first-time events. */
export interface LedgerEntry {
  readonly unit: string;
  readonly window: Window;
  /** Events read, repeats included. */
  readonly read: number;
  /** Events read for the first time. */
  readonly seen: number;
  readonly stored: number;
  readonly quarantined: number;
  readonly filtered: number;
  readonly unparsed: number;
}

/** Records of one API and stage that were joined in one way. An `unparsed` line has no API: its names are empty. */
export interface OutcomeCount {
  readonly apiId: string;
  readonly apiName: string;
  readonly stage: string;
  /** A join outcome, or `unparsed`. */
  readonly outcome: string;
  readonly records: number;
}

/** Rows of the trail that could not be counted, because their segment is not there or cannot be read. */
export interface UncountedRows {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Event times of all of these rows; the end left out. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: string;
}

/** How the requests of a span were joined, and the rows for which nobody can tell. */
export interface Outcomes {
  readonly counts: readonly OutcomeCount[];
  readonly uncounted: readonly UncountedRows[];
}

/** Correlation state that must survive a restart: opaque to the store. `body: null` deletes. */
export interface StateChange {
  readonly kind: string;
  readonly key: string;
  readonly body: string | null;
  /** When the store may forget it by itself, milliseconds; 0 = never. */
  readonly expiresMs: number;
}

export interface StateRow {
  readonly kind: string;
  readonly key: string;
  readonly body: string;
  readonly expiresMs: number;
}

/** What a commit says of one source unit: its keys, its counts and where it then stands. */
export interface UnitCommit {
  readonly unit: string;
  /** Version the writer believes is stored; `0` = the unit has none yet. */
  readonly expectedVersion: number;
  /** Absent: records and state are kept, the position stays (a slice of a window not yet read whole). */
  readonly nextCheckpoint?: Omit<Checkpoint, 'unit' | 'version'>;
  /** Source event keys read for the first time, for `seenIn`. `atMs` is event time. */
  readonly seen: readonly SeenKey[];
  readonly ledger?: LedgerEntry;
}

export interface WindowCommit extends UnitCommit {
  /** The writer's fencing epoch, from `Journal.epoch`. */
  readonly epoch: number;
  /**
   * Further units, each named once, whose events took part: all of it is one transaction, and one stale version among
   * them fences the whole.
   */
  readonly beside?: readonly UnitCommit[];
  readonly records: readonly JournalRecord[];
  /** Ids of those among `records` that an order to read the past brought in; the others are of live reading. */
  readonly backfilled?: ReadonlySet<string>;
  readonly state: readonly StateChange[];
  readonly gaps: readonly Gap[];
  readonly nowMs: number;
}

export interface SeenKey {
  readonly atMs: number;
  /** `<logStream>\n<eventId>` or a hash of it: unique within the unit. */
  readonly key: string;
}

/** Keys that can be asked for and not listed: of each a hash may be all that is kept. */
export interface KnownKeys {
  /** Of several sets together: those in more than one count in each. */
  readonly size: number;
  has(key: string): boolean;
}

/** `fenced`: another worker took over (or the version moved); nothing was written, stop. */
export type CommitResult =
  | {
      readonly kind: 'committed';
      /** Rows added. Records whose content was already the newest revision are not among them. */
      readonly entries: readonly JournalEntry[];
      readonly version: number;
      /** Versions of the units `beside`, in their order. */
      readonly besideVersions?: readonly number[];
      /** Records left out for that reason. */
      readonly repeated?: number;
    }
  | { readonly kind: 'fenced'; readonly reason: string };

/**
 * Sink × stream × class. A lane's cursor is the acknowledged contiguous prefix of its rows. A live lane is given the rows
 * of live reading, a backfill lane those of backfills; a replay is given rows by whoever runs it.
 */
export interface LaneId {
  readonly sink: string;
  readonly stream: StreamName;
  readonly class: 'live' | 'backfill' | 'replay';
  /** Replays are temporary lanes with a name of their own. */
  readonly name: string;
}

export interface DeadLetter {
  readonly lane: string;
  readonly seq: number;
  readonly recordId: string;
  readonly eventId: string;
  readonly reason: string;
  readonly atMs: number;
}

/** `refused` until a retry delivers it or a person drops it; it is kept in either case. */
export type DeadLetterStatus = 'refused' | 'delivered' | 'dropped';

export interface StoredDeadLetter extends DeadLetter {
  readonly status: DeadLetterStatus;
  /** How often the destination was asked; `reason` and `atMs` are of the last time. */
  readonly attempts: number;
  /** Present when it is no longer `refused`. */
  readonly ended?: {
    readonly atMs: number;
    /** The order that did it, and who placed that. */
    readonly order: string;
    readonly by?: string;
    /** The reason that was given for dropping it. */
    readonly note?: string;
  };
}

/** What a retry has done to a dead letter of another lane: delivered it, unless `refused` says why not. */
export interface RetriedLetter {
  readonly lane: string;
  readonly seq: number;
  readonly refused?: string;
}

/** Dead letters of one lane that are still `refused` and became so no later than `untilMs`. */
export interface LetterChoice {
  readonly lane: string;
  /** Absent: all. */
  readonly seq?: number;
  readonly untilMs: number;
}

/** Rows of one stream by event time, between two sequence numbers. */
export interface RowSpan extends Window {
  readonly stream: StreamName;
  /** Itself left out. */
  readonly afterSeq: number;
  /** Itself included. */
  readonly throughSeq: number;
}

export interface LaneCounts {
  readonly accepted: number;
  readonly rejected: number;
  readonly rejectedUnknown: number;
  readonly expired: number;
  readonly filtered: number;
}

export interface LaneState extends LaneCounts {
  readonly lane: string;
  readonly class: LaneId['class'];
  readonly cursor: number;
  /**
   * Newest event time among the commits whose rows are all acknowledged, expired or filtered. Never goes back. Late
   * records may still be pending before it: `oldestPendingMs` tells.
   */
  readonly throughMs: number;
  /** Rows of the lane after the cursor; 0 for a replay, whose order knows. */
  readonly pending?: number;
  /** No row after the cursor is of an event older than this; absent when nothing is pending. */
  readonly oldestPendingMs?: number;
  readonly heldReason?: string;
}

export interface LaneAck {
  readonly lane: string;
  readonly epoch: number;
  /** New cursor: never below the stored one. */
  readonly cursor: number;
  readonly counts: LaneCounts;
  readonly deadLetters: readonly DeadLetter[];
  /** Rows given up because of the sink's published age window, for the record. */
  readonly expired: readonly { readonly seq: number; readonly reason: string }[];
  /** Rows the sink's own filter left out, so that one row's story does not call them delivered. */
  readonly filtered?: readonly number[];
  /** Dead letters of other lanes that this lane has tried again. */
  readonly retried?: { readonly order: string; readonly letters: readonly RetriedLetter[] };
  /** True where a repeat does harm: the acknowledgement is then fsynced by itself, not with the next commit. */
  readonly repeatsCount?: boolean;
  readonly nowMs: number;
}

export interface RecordQuery {
  readonly recordId?: string;
  readonly eventId?: string;
  /** Any of: pseudonyms under every live key, and the clear text. */
  readonly customer?: readonly string[];
  readonly principal?: readonly string[];
  readonly api?: string;
  readonly stage?: string;
  readonly decision?: string;
  readonly outcome?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Only rows of this stream; absent: of any. */
  readonly stream?: StreamName;
  readonly limit: number;
  /** Only the newest revision of each record (default), or all. */
  readonly revisions: 'latest' | 'all';
}

/** Read side, usable beside a running writer (its own read-only connection). */
export interface JournalReader {
  /** Newest event first. */
  query(query: RecordQuery): Promise<readonly JournalEntry[]>;
  /** Newest revision for each id that is stored. `sinceMs`: none of them is of an event before this, so nobody looks there. */
  latest(
    recordIds: readonly string[],
    sinceMs?: number,
  ): Promise<ReadonlyMap<string, { readonly eventId: string; readonly revision: number }>>;
  /** Every row in `seq` order, `afterSeq` exclusive. Rows of other streams are skipped. */
  readStream(stream: StreamName, afterSeq: number, limit: number): Promise<readonly JournalEntry[]>;
  /** Rows of a span of event time, in `seq` order. */
  readSpan(span: RowSpan, limit: number): Promise<readonly JournalEntry[]>;
  /** Those of the rows that are stored, in `seq` order. */
  rowsAt(seqs: readonly number[]): Promise<readonly JournalEntry[]>;
  lanes(): Promise<readonly LaneState[]>;
  checkpoints(): Promise<readonly Checkpoint[]>;
  ledger(fromMs: number, toMs: number): Promise<readonly LedgerEntry[]>;
  gaps(): Promise<readonly Gap[]>;
  /** How the requests of a span of event time were joined, by API and stage: newest revision of each record. */
  outcomes(fromMs: number, toMs: number): Promise<Outcomes>;
  /** All live state rows of a kind, by key; with `prefix` those whose key begins so, with `from` those not before it. */
  allState(kind: string, prefix?: string, from?: string): AsyncIterable<StateRow>;
  /** Of one lane or all, the ended ones included, by lane and `seq`. */
  deadLetters(lane?: string): Promise<readonly StoredDeadLetter[]>;
  /**
   * What became of one row in each lane it travels in: `delivered`, `pending`, `expired`, `filtered`, `rejected` or
   * `dropped`, with the reason. Replays are not told here; their orders are.
   */
  deliveryOf(
    seq: number,
  ): Promise<readonly { readonly lane: string; readonly status: string; readonly reason?: string }[]>;
  /** Every order, oldest first. */
  orders(): Promise<readonly Order[]>;
  close(): Promise<void>;
}

/**
 * The trail and the delivery queue in one. One writer at a time: opening takes a fresh `epoch`, and a commit under an
 * older one is `fenced`. A commit is one transaction, on disk (fsynced) when the promise resolves.
 */
export interface Journal extends JournalReader {
  readonly epoch: number;
  /** Where a damaged journal was moved when this one was opened in its place; its gap record stands in this one. */
  readonly recoveredFrom?: string;
  /** Keeps other processes out while nothing is committed; commits and acknowledgements do the same. Call every few seconds. */
  renewLease(): Promise<'renewed' | 'fenced'>;
  checkpoint(unit: string): Promise<Checkpoint | undefined>;
  commitWindow(commit: WindowCommit): Promise<CommitResult>;
  /**
   * Keys of this unit with event time in `[fromMs, toMs]` that are already stored; may hold neighbours in time. It is a
   * view: keys of later commits may appear in it.
   */
  seenIn(unit: string, fromMs: number, toMs: number): Promise<KnownKeys>;
  state(kind: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Stored record bodies by id (newest revision), for revising them. */
  bodies(recordIds: readonly string[]): Promise<ReadonlyMap<string, JournalRecord>>;
  lane(id: LaneId): Promise<LaneState>;
  /** The lane's own rows in `seq` order, `afterSeq` exclusive. A replay is given every row of its stream. */
  readLane(
    id: LaneId,
    afterSeq: number,
    limit: number,
    /** Length of all bodies together: the last row is that which reaches it. */
    maxBytes?: number,
  ): Promise<readonly JournalEntry[]>;
  ackLane(ack: LaneAck): Promise<'acknowledged' | 'fenced'>;
  setLaneHeld(lane: string, reason: string | undefined): Promise<void>;
  /** Highest `seq` stored; 0 when empty. */
  lastSeq(): Promise<number>;
  /** Keeps state, progress and message of an order that was written before; the rest of it never changes. */
  saveOrder(order: Order): Promise<'saved' | 'fenced'>;
  /** Gives dead letters up for good, in the name of an order and for its reason; they are kept. Returns how many. */
  dropDeadLetters(
    choice: LetterChoice,
    drop: { readonly order: string; readonly reason: string; readonly nowMs: number },
  ): Promise<number | 'fenced'>;
  /** Forgets expired state and seen keys older than `beforeMs`. Idempotent. */
  prune(nowMs: number, seenBeforeMs: number): Promise<void>;
}
