import type { AuthorizerKind } from '../model/inventory.ts';
import type { Journal, JournalRecord, StateChange } from '../model/journal.ts';
import type { LogPart, StageRef } from '../model/part.ts';

/** Which groups belong together, from the inventory. */
export interface Topology {
  /** Units of the access logs whose lines may name an invocation of this authorizer unit. */
  accessUnitsOf(authorizerUnit: string): readonly string[];
  /** The stage an invocation belongs to when nothing but its function is known. */
  stageOf(authorizerUnit: string): { readonly stage: StageRef; readonly kind: AuthorizerKind | 'unknown' };
}

/** Lines of one or more units that are committed together. */
export interface CorrelateBatch {
  readonly parts: readonly LogPart[];
  readonly nowMs: number;
  /**
   * What was to be kept until then may be forgotten. Behind `nowMs` while re-reads are overdue, because no worker ran or a
   * unit could not be read: what they bring is judged by what would have been known in time. Absent: `nowMs`.
   */
  readonly forgetMs?: number;
  /**
   * Event time through which a unit is read whole, less its lag allowance; undefined for a unit nobody reads. With
   * `atMs`: as it counts for a line of that time, which may lie in a span of the past that is read beside live reading.
   */
  readonly watermarkOf: (unit: string, atMs?: number) => number | undefined;
}

export interface Correlation {
  readonly records: readonly JournalRecord[];
  readonly state: readonly StateChange[];
  /** Parts that could not be joined: among the records as lines that nobody could read. Absent: none. */
  readonly refused?: ReadonlySet<LogPart>;
  /** Lines that left before their time, because more wait than memory takes. Absent: none. */
  readonly leftEarly?: number;
}

/** What the join asks of the journal; what it has to say goes there with the batch's commit. */
export type CorrelationStore = Pick<Journal, 'state' | 'allState' | 'bodies'>;
