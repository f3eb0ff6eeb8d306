import type { Checkpoint, SeenKey } from '../model/journal.ts';
import type { LogPart } from '../model/part.ts';
import type { Window } from '../model/source-event.ts';

/** What one unit brings to a commit. */
export interface IngestBatch {
  readonly unit: string;
  readonly window: Window;
  /** Events read, repeats included, of which `parts` are the first-time ones. */
  readonly read: number;
  readonly parts: readonly LogPart[];
  readonly seen: readonly SeenKey[];
  /** Present on the last batch of a window read whole: where the unit then stands. */
  readonly next?: Omit<Checkpoint, 'unit' | 'version'>;
}
