import type { JournalRecord } from '../model/journal.ts';
import type { CorrelateSettings } from './correlate-settings.ts';
import type { CorrelateBatch, CorrelationStore, Topology } from './correlation.ts';
import { blamingNobody, type Workplace } from './culprit.ts';
import type { Claim, Invocation } from './invocation.ts';
import type { JoinMemory } from './join-memory.ts';
import { RefRows } from './ref-rows.ts';
import type { Refusals } from './refusals.ts';
import { type ConnectionDecision, type ParkedLine, STATE_KINDS } from './state-rows.ts';
import type { Waiting } from './waiting-room.ts';

/** One batch on its way through the join: what it may ask, what is remembered, and what it has changed so far. */
export interface JoinStep extends Workplace {
  readonly store: CorrelationStore;
  readonly settings: CorrelateSettings;
  readonly topology: Topology;
  readonly memory: JoinMemory;
  readonly nowMs: number;
  readonly watermarkOf: CorrelateBatch['watermarkOf'];
  /** What cannot be joined and is left out. */
  readonly refusals: Refusals;

  /** Records to write, by id, in the order of their last change. */
  readonly records: Map<string, JournalRecord>;

  /** Invocations whose row and records have to follow. */
  readonly touched: Set<Invocation>;
  /** Claims that lost their invocation to a better one. */
  readonly demoted: { readonly claim: Claim; readonly invocation: Invocation }[];

  readonly waitingChanged: Set<Waiting>;
  readonly waitingDone: Set<Waiting>;
  /** Lines that began to wait in this batch: the journal has no row of theirs. */
  readonly waitingNew: Set<Waiting>;

  /** Gateway request ids under which a line arrived, and those whose group has to be settled (again). */
  readonly gatewayArrivals: Set<string>;
  readonly gatewayRefs: Set<string>;

  /** By gateway request id, what memory has forgotten and a late partner asks for. */
  readonly parked: RefRows<ParkedLine>;
  readonly lonely: RefRows<string>;

  readonly connectionsChanged: Map<string, ConnectionDecision>;
  /** Connections whose waiting lines can be answered. */
  readonly connectionRefs: Set<string>;
}

type JoinContext = Pick<JoinStep, 'store' | 'settings' | 'topology' | 'memory' | 'refusals'>;

export function newJoinStep(context: JoinContext, { nowMs, watermarkOf }: CorrelateBatch): JoinStep {
  const step: JoinStep = {
    ...context,
    at: undefined,
    nowMs,
    watermarkOf,
    records: new Map(),
    touched: new Set(),
    demoted: [],
    waitingChanged: new Set(),
    waitingDone: new Set(),
    waitingNew: new Set(),
    gatewayArrivals: new Set(),
    gatewayRefs: new Set(),
    parked: new RefRows(STATE_KINDS.parked),
    lonely: new RefRows(STATE_KINDS.lonely),
    connectionsChanged: new Map(),
    connectionRefs: new Set(),
  };
  return Object.assign(step, { store: blamingNobody(context.store, step) });
}

/** A record written again in the same batch takes the place of the earlier one, at the end. */
export function writeRecord({ records }: JoinStep, record: JournalRecord): void {
  records.delete(record.recordId);
  records.set(record.recordId, record);
}

/** The invocation is free again: for another line, or to go out alone when its time comes. */
export function freeInvocation({ touched, memory }: JoinStep, invocation: Invocation): void {
  invocation.claim = undefined;
  touched.add(invocation);
  memory.schedule.addInvocation(invocation);
}
