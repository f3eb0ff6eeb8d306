import { GatewatchError } from '../core/errors.ts';
import type { LedgerEntry, SeenKey } from '../model/journal.ts';
import type { LogPart } from '../model/part.ts';
import type { Window } from '../model/source-event.ts';

/** What was read of a window, with the keys that are remembered of it. */
interface Taken {
  readonly unit: string;
  readonly window: Window;
  readonly read: number;
  readonly parts: readonly LogPart[];
  readonly seen: readonly SeenKey[];
}

const NONE: ReadonlySet<LogPart> = new Set();

/**
 * What a batch adds to the books: `seen` by the keys that are remembered, the rest by what became of each line. `refused`
 * could not be joined: stored as lines that nobody could read.
 */
export function ledgerOf(
  { unit, window, read, parts, seen }: Taken,
  refused: ReadonlySet<LogPart> = NONE,
): LedgerEntry {
  let [stored, filtered, unparsed] = [0, 0, 0];
  for (const part of parts) {
    if (part.role === 'filtered') filtered += 1;
    else stored += 1;
    if (part.role === 'unparsed' || refused.has(part)) unparsed += 1;
  }
  return { unit, window, read, seen: seen.length, stored, quarantined: 0, filtered, unparsed };
}

/**
 * Nothing is committed that does not add up: an event that is neither stored nor quarantined nor filtered would be lost
 * without a trace, and one too many would be doubled.
 */
export function requireBalanced(entry: LedgerEntry): void {
  const { unit, window, seen, stored, quarantined, filtered, read } = entry;
  const kept = stored + quarantined + filtered;
  if (seen === kept && read >= 0) return;
  throw new GatewatchError(
    'ledger_unbalanced',
    `Expected every event of ${unit}, ${new Date(window.fromMs).toISOString()} to ${new Date(window.toMs).toISOString()}, to be stored, quarantined or filtered, got ${seen} seen and ${kept} accounted for (${stored} stored, ${quarantined} quarantined, ${filtered} filtered): nothing of it was committed; this is a defect of Gatewatch, so report it`,
  );
}
