import type { Logger } from '../core/logger.ts';
import type { JournalRecord } from '../model/journal.ts';
import type { RequestRecord } from '../model/request-record.ts';
import type { CorrelateSettings } from './correlate-settings.ts';
import type { CorrelateBatch, CorrelationStore, Topology } from './correlation.ts';
import { blamingNobody, type Workplace } from './culprit.ts';
import type { Claim, Invocation } from './invocation.ts';
import type { JoinMemory } from './join-memory.ts';
import { RefRows } from './ref-rows.ts';
import type { Refusals } from './refusals.ts';
import {
  type ConnectionDecision,
  type ConnectionLine,
  type ParkedLine,
  STATE_KINDS,
  type TornLine,
} from './state-rows.ts';
import type { Waiting } from './waiting-room.ts';

/** One batch on its way through the join: what it may ask, what is remembered, and what it has changed so far. */
export interface JoinStep extends Workplace {
  readonly store: CorrelationStore;
  readonly settings: CorrelateSettings;
  readonly topology: Topology;
  readonly memory: JoinMemory;
  readonly logger: Logger;
  readonly nowMs: number;
  readonly forgetMs: number;
  readonly watermarkOf: CorrelateBatch['watermarkOf'];
  /** What cannot be joined and is left out. */
  readonly refusals: Refusals;

  /** Records to write, by id, in the order of their last change. */
  readonly records: Map<string, JournalRecord>;

  /** Invocations whose row and records have to follow. */
  readonly touched: Set<Invocation>;
  /** Claimed or contested before, and more is known of them now. */
  readonly reconsidered: Set<Invocation>;
  /** Keys of invocations that nothing was known of before. */
  readonly fresh: Set<string>;
  /** Lines that name an invocation and whose record has to follow, by record id. */
  readonly revised: Map<string, { readonly claim: Claim; readonly invocation: Invocation }>;

  readonly waitingChanged: Set<Waiting>;
  readonly waitingDone: Set<Waiting>;
  /** Lines that began to wait in this batch: the journal has no row of theirs. */
  readonly waitingNew: Set<Waiting>;
  /** Keys of waiting rows that cannot be read: those that go, and those that stay as they are. */
  readonly rowsGivenUp: Set<string>;
  readonly rowsLeftAlone: Set<string>;
  /** Keys of open invocations whose rows cannot be read, and go. */
  readonly invocationsGivenUp: Set<string>;

  /** How many more lines the batch takes on beside what it must. */
  readonly room: Room;
  /** True when it let go of less than it might have: the next one goes on at once. */
  isCutShort: boolean;

  /** How many lines left before their time, because more wait than memory takes. */
  leftEarly: number;

  /** Gateway request ids under which a line arrived, and those whose group has to be settled (again). */
  readonly gatewayArrivals: Set<string>;
  readonly gatewayRefs: Set<string>;

  /** By gateway request id, what memory has forgotten and a late partner asks for. */
  readonly parked: RefRows<ParkedLine>;
  readonly lonely: RefRows<string>;
  /** Gateway request ids of which this batch has taken back what was parked. */
  readonly parkedTaken: Set<string>;

  /** By key of the invocation they name, lines that memory forgets now; and what is left of rows of such, by their key. */
  readonly namedParked: Map<string, ParkedLine[]>;
  readonly namedRows: Map<string, readonly ParkedLine[]>;

  /** By key of an invocation that is not known, lines that name it beside the one they were settled by. */
  readonly torn: RefRows<TornLine>;
  readonly tornNew: Map<string, TornLine[]>;

  /** By connection, the record of its `$connect` as this batch has written it last, until it is taken in. */
  readonly connectsWritten: Map<string, RequestRecord>;
  /** Undefined: nothing is known of it any more. */
  readonly connectionsChanged: Map<string, ConnectionDecision | undefined>;
  /** Connections whose decision is another than the one by which records of their lines may have gone out. */
  readonly connectionsRevised: Set<string>;
  /** By connection, lines whose records this batch has written. */
  readonly connectionLines: Map<string, ConnectionLine[]>;
  /** Connections whose waiting lines can be answered, or may be: the journal is asked. */
  readonly connectionRefs: Set<string>;
}

/** Lines that are told of an invocation or a connection, that are taken back for a gateway request id, that leave without a partner, and that are parked. */
export type Room = Record<'named' | 'gateway' | 'connections' | 'released' | 'parked', number>;

type JoinContext = Pick<JoinStep, 'store' | 'settings' | 'topology' | 'memory' | 'refusals' | 'logger'>;

export function newJoinStep(
  context: JoinContext,
  { parts, nowMs, forgetMs = nowMs, watermarkOf }: CorrelateBatch,
): JoinStep {
  // As much as it brings is no burden beside it.
  const room = context.settings.linesPerStep + parts.length;
  const step: JoinStep = {
    ...context,
    at: undefined,
    nowMs,
    forgetMs,
    watermarkOf,
    records: new Map(),
    touched: new Set(),
    reconsidered: new Set(),
    fresh: new Set(),
    revised: new Map(),
    waitingChanged: new Set(),
    waitingDone: new Set(),
    waitingNew: new Set(),
    rowsGivenUp: new Set(),
    rowsLeftAlone: new Set(),
    invocationsGivenUp: new Set(),
    room: { named: room, gateway: room, connections: room, released: room, parked: room },
    isCutShort: false,
    leftEarly: 0,
    gatewayArrivals: new Set(),
    gatewayRefs: new Set(),
    parked: new RefRows(STATE_KINDS.parked, context.logger),
    lonely: new RefRows(STATE_KINDS.lonely, context.logger),
    parkedTaken: new Set(),
    namedParked: new Map(),
    namedRows: new Map(),
    torn: new RefRows(STATE_KINDS.torn, context.logger),
    tornNew: new Map(),
    connectsWritten: new Map(),
    connectionsChanged: new Map(),
    connectionsRevised: new Set(),
    connectionLines: new Map(),
    connectionRefs: new Set(),
  };
  return Object.assign(step, { store: blamingNobody(context.store, step) });
}

/** A record written again in the same batch takes the place of the earlier one, at the end. */
export function writeRecord({ records }: JoinStep, record: JournalRecord): void {
  records.delete(record.recordId);
  records.set(record.recordId, record);
}

/** What the line's record says of the invocation is worked out again, when all of the batch stands. */
export function reviseLater({ revised }: JoinStep, claim: Claim, invocation: Invocation): void {
  revised.set(claim.recordId, { claim, invocation });
}

/** The invocation is free again: for another line, or to go out alone when its time comes. */
export function freeInvocation({ touched, memory }: JoinStep, invocation: Invocation): void {
  invocation.claim = undefined;
  touched.add(invocation);
  memory.schedule.addInvocation(invocation);
}
