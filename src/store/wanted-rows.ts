import type { RowOrigin, StreamName } from '../model/journal.ts';

/** Rows of a stream after a place. */
export interface WantedRows {
  readonly stream: StreamName;
  /** Absent: of any. */
  readonly origin?: RowOrigin | undefined;
  /** Itself left out. */
  readonly afterSeq: number;
  readonly limit: number;
  /** Length of all bodies together, in UTF-16 units: the last row is that which reaches it. */
  readonly maxBytes?: number | undefined;
}
