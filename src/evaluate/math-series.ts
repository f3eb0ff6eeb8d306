import { compileMath } from './metric-math.ts';
import type { SeriesReader, Slot } from './windows.ts';

/**
 * A series made of others by metric math (`compileMath`): ids are looked up in `inputs`. Its sample count is the smallest
 * of its inputs', so that a percentile inside an expression is not trusted more than its thinnest part.
 *
 * @throws {UserError} `metric_math` for an expression that cannot be judged, RangeError for an id nobody gave.
 */
export function mathSeries(expression: string, inputs: ReadonlyMap<string, SeriesReader>): SeriesReader {
  const compiled = compileMath(expression);
  const readers = compiled.ids.map((id) => [id, inputOf(id, inputs, expression)] as const);
  return {
    slot(startMs, periodMs) {
      const slots = new Map(readers.map(([id, reader]) => [id, reader.slot(startMs, periodMs)]));
      const value = compiled.evaluate({
        valueOf: (id) => slots.get(id)?.value,
        periodS: periodMs / 1_000,
      });
      if (value === undefined) return { startMs };
      return { startMs, value, ...thinnest(slots.values()) };
    },
  };
}

function inputOf(id: string, inputs: ReadonlyMap<string, SeriesReader>, expression: string): SeriesReader {
  const reader = inputs.get(id);
  if (reader !== undefined) return reader;
  throw new RangeError(
    `Expected a series for each id of "${expression}", got none for ${id}; known: ${[...inputs.keys()].join(', ')}`,
  );
}

function thinnest(slots: Iterable<Slot>): Pick<Slot, 'sampleCount'> {
  let least: number | undefined;
  for (const { sampleCount } of slots) {
    if (sampleCount !== undefined && (least === undefined || sampleCount < least)) {
      least = sampleCount;
    }
  }
  return least === undefined ? {} : { sampleCount: least };
}
