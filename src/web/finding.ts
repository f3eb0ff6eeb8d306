export type FindingKind =
  | 'stopping'
  | 'fenced'
  | 'no_source'
  | 'never_read'
  | 'read_late'
  | 'delivered_late'
  | 'pending_unknown'
  | 'source_held'
  | 'lane_held'
  | 'lane_troubled'
  | 'intake_stopped'
  | 'trail_filling'
  | 'rows_damaged'
  | 'source_missing'
  | 'source_remark'
  | 'host_remark'
  | 'gap'
  | 'alarm_drift';

export interface Finding {
  readonly kind: FindingKind;
  /** The unit or lane it is about; `worker` for the process. */
  readonly subject: string;
  /** When it began, milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly behindMs?: number;
  readonly promiseMs?: number;
  /** What, since when, how far behind, the promise, and what to do, for people. */
  readonly sentence: string;
}
