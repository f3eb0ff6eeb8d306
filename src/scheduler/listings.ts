import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { withoutGone } from '../inventory/merge-inventory.ts';
import type { Inventory } from '../model/inventory.ts';

/** A listing that was not whole is asked for again this soon, then ever more slowly; milliseconds. */
const FIRST_MS = 60_000;
const MOST_MS = 600_000;

/** What a listing did not tell is not read until one does: that is not left to the schedule. Ends at the signal. */
export async function listAgain(
  listing: { readonly clock: Clock; readonly isWhole: () => boolean; readonly list: () => Promise<void> },
  signal: AbortSignal,
): Promise<void> {
  const { clock, isWhole, list } = listing;
  let pauseMs = FIRST_MS;
  while (!signal.aborted) {
    await clock.sleep(pauseMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    pauseMs = isWhole() ? FIRST_MS : Math.min(MOST_MS, pauseMs * 2);
    if (!isWhole()) await list();
  }
}

/** How many stages there are, whether the listing was whole, and what was odd about it. */
export function tellListing(
  inventory: Inventory,
  { meter, logger }: { readonly meter: Meter; readonly logger: Logger },
): void {
  meter.gauge('gatewatch_inventory_stages', withoutGone(inventory).stages.length);
  meter.gauge('gatewatch_inventory_complete', inventory.complete ? 1 : 0);
  for (const problem of inventory.problems) logger.warn({ ...problem }, 'inventory');
}
