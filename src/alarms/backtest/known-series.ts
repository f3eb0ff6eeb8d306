import type { SeriesReader } from '../../evaluate/windows.ts';
import type { Span } from './spans.ts';

/** A series, and the time of which it is known that nothing of it is missing. */
export interface KnownSeries {
  readonly reader: SeriesReader;
  readonly known: readonly Span[];
}
