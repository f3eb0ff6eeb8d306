import type { CoverageOf } from '../../alarms/backtest/signal-history.ts';
import { mergeSpans, type Span, subtractSpans } from '../../alarms/backtest/spans.ts';
import { matchesGlob } from '../../inventory/glob.ts';
import type { Checkpoint, JournalReader } from '../../model/journal.ts';
import type { BackfillOrder } from '../../model/order.ts';
import { CATCH_UP_PASS } from '../../pipeline/log-plan.ts';
import { logUnitOf } from '../../pipeline/topology.ts';

/** Units of the gaps that a damaged journal (`journal`), or a segment given up for room (`journal rows …`), leaves. */
const WHOLE_JOURNAL = /^journal\b/;

/** How long after a line was written it may still be missing: it is late, or waits for its partner. Milliseconds. */
export interface Patience {
  readonly lagAllowanceMs: number;
  readonly maxHoldMs: number;
}

/**
 * Of which time the journal surely has every line of a log group: its windows were read whole, nothing in them is a gap,
 * still to be caught up or part of a backfill that has not ended, and no line of them may still be on its way.
 */
export async function journalCoverage(
  journal: Pick<JournalReader, 'ledger' | 'checkpoints' | 'gaps' | 'orders'>,
  span: Span,
  patience: Patience,
): Promise<CoverageOf> {
  const checkpoints = new Map((await journal.checkpoints()).map((one) => [one.unit, one]));
  const windows = Map.groupBy(await journal.ledger(span.fromMs, span.toMs), ({ unit }) => unit);
  const gaps = await journal.gaps();
  const backfills = (await journal.orders()).filter((order) => order.kind === 'backfill');
  return ({ accessLogGroup }) => {
    const unit = accessLogGroup && logUnitOf(accessLogGroup);
    const checkpoint = unit === undefined ? undefined : checkpoints.get(unit);
    if (unit === undefined || checkpoint === undefined) return [];
    const read = mergeSpans((windows.get(unit) ?? []).map(({ window }) => window));
    return subtractSpans(read, [
      ...gaps.filter((gap) => gap.unit === unit || WHOLE_JOURNAL.test(gap.unit)),
      ...holesOf(checkpoint),
      ...backfills.flatMap((order) => unfinished(order, unit)),
      {
        fromMs: checkpoint.readThroughMs - patience.lagAllowanceMs - patience.maxHoldMs,
        toMs: Number.POSITIVE_INFINITY,
      },
    ]);
  };
}

function holesOf({ rereads }: Checkpoint): readonly Span[] {
  return rereads.filter(({ pass }) => pass === CATCH_UP_PASS);
}

/** A backfill notes its windows as it goes; one that broke off in a window leaves half of it. */
function unfinished(order: BackfillOrder, unit: string): readonly Span[] {
  if (order.state === 'done' || (order.unit !== undefined && !matchesGlob(order.unit, unit))) return [];
  return [{ fromMs: order.progress[unit] ?? order.fromMs, toMs: order.toMs }];
}
