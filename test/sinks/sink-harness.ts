import { createSteeredClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { Verdict } from '../../src/model/sink.ts';
import { NOW_MS } from './entries.ts';

export const NEVER = new AbortController().signal;

/** What every sink is handed in tests: a standing clock, no randomness. */
export const PARTS = {
  clock: createSteeredClock(() => NOW_MS),
  logger: silentLogger,
  meter: silentMeter,
  random: () => 0.5,
};

/** Every `seq` of a verdict with the list it stands in. Fails when an entry stands in none or in two. */
export function placesOf(verdict: Verdict, batch: readonly JournalEntry[]): ReadonlyMap<number, string> {
  const places = new Map<number, string>();
  const put = (seq: number, place: string) => {
    if (places.has(seq)) throw new Error(`${seq} is both ${places.get(seq)} and ${place}`);
    places.set(seq, place);
  };
  for (const seq of verdict.accepted) put(seq, 'accepted');
  for (const { seq } of verdict.rejected) put(seq, 'rejected');
  for (const { seq } of verdict.expired) put(seq, 'expired');
  for (const seq of verdict.filtered) put(seq, 'filtered');
  for (const seq of verdict.retry) put(seq, 'retry');
  const missing = batch.filter(({ seq }) => !places.has(seq));
  if (missing.length > 0 || places.size !== batch.length) {
    throw new Error(
      `Expected ${batch.length} entries once each, ${missing.length} are missing of ${places.size}`,
    );
  }
  return places;
}
