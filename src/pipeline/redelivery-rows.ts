import type { Journal, JournalEntry, LaneAck, RetriedLetter } from '../model/journal.ts';
import type { ReplayOrder, RetryOrder } from '../model/order.ts';

/** The rows of one order, and how their ends are written down. */
export interface RedeliveryRows {
  /** How many there are in all. */
  readonly total: number;
  /** The next rows after `afterSeq`, which never goes back; none: there are no more. */
  read(afterSeq: number, limit: number): Promise<readonly JournalEntry[]>;
  acknowledge(ack: LaneAck): Promise<'acknowledged' | 'fenced'>;
}

/** What was stored of the span when the order was placed; what came later is not its business. */
export function replayRows(journal: Journal, order: ReplayOrder): RedeliveryRows {
  const { stream, fromMs, toMs, throughSeq } = order;
  return {
    total: order.rows,
    read: (afterSeq, limit) => journal.readSpan({ stream, fromMs, toMs, afterSeq, throughSeq }, limit),
    acknowledge: (ack) => journal.ackLane(ack),
  };
}

const LEFT_OUT = 'left out by the filter of the sink';
const GONE = 'its row is no longer in the journal';

/**
 * Dead letters of the order's lane that were refused before it was placed, behind the cursor of its own lane. What
 * becomes of a letter is written down when the cursor passes it, so that a crash tries it again rather than forgets it.
 */
export async function retryRows(
  journal: Journal,
  { id, lane, seq: only, createdMs }: RetryOrder,
  cursor: number,
): Promise<RedeliveryRows> {
  const letters = (await journal.deadLetters(lane)).filter(
    ({ seq, status, atMs }) =>
      status === 'refused' && atMs <= createdMs && seq > cursor && (only === undefined || seq === only),
  );
  const seqs = letters.map(({ seq }) => seq);
  const refused = new Map<number, string>();
  let read = 0;
  let ended = 0;
  return {
    total: seqs.length,
    read: async (afterSeq, limit) => {
      for (read = indexBehind(seqs, afterSeq, read); read < seqs.length; read += limit) {
        const wanted = seqs.slice(read, read + limit);
        const rows = await journal.rowsAt(wanted);
        const found = new Set(rows.map(({ seq }) => seq));
        for (const seq of wanted) if (!found.has(seq)) refused.set(seq, GONE);
        if (rows.length > 0) return rows;
      }
      return [];
    },
    acknowledge: async (ack) => {
      for (const { seq, reason } of [...ack.deadLetters, ...ack.expired]) refused.set(seq, reason);
      for (const seq of ack.filtered ?? []) refused.set(seq, LEFT_OUT);
      const passed = indexBehind(seqs, ack.cursor, ended);
      const tried = seqs.slice(ended, passed).map((seq) => retried(lane, seq, refused.get(seq)));
      const own = {
        ...ack,
        deadLetters: [],
        expired: [],
        filtered: [],
        retried: { order: id, letters: tried },
      };
      const result = await journal.ackLane(own);
      ended = passed;
      return result;
    },
  };
}

/** Index of the first number above `seq`, searched from `start` on. */
function indexBehind(seqs: readonly number[], seq: number, start: number): number {
  let index = start;
  for (let next = seqs[index]; next !== undefined && next <= seq; next = seqs[index]) index += 1;
  return index;
}

function retried(lane: string, seq: number, refused: string | undefined): RetriedLetter {
  return { lane, seq, ...(refused !== undefined && { refused }) };
}
