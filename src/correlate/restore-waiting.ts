import { GatewatchError } from '../core/errors.ts';
import type { StateRow } from '../model/journal.ts';
import { decideByLine } from './decide.ts';
import { accessRecordId } from './ids.ts';
import type { ReleaseSchedule } from './release-schedule.ts';
import { routePart } from './route-part.ts';
import { newWaiting, type Waiting, type WaitingRoom } from './waiting-room.ts';
import { readWaitingRow } from './waiting-row.ts';

interface Memory {
  readonly waiting: WaitingRoom;
  readonly schedule: ReleaseSchedule;
  readonly unreadable: UnreadableRow[];
}

/** A waiting row that cannot be read, and what reading it threw. */
export interface UnreadableRow {
  readonly row: StateRow;
  readonly error: unknown;
}

/** Rows are spoilt one by one; so many at once are a defect of ours, which stops the start before it costs them all. */
const MOST_UNREADABLE = 100;

/**
 * Waits on as it did when its row was written. Undefined where it does already, or no longer has to. A row that cannot be
 * read is kept for the next batch to tell of.
 */
export function restoreWaiting(memory: Memory, row: StateRow): Waiting | undefined {
  return orUnreadable(memory.unreadable, row, () => restore(memory, row));
}

/** Undefined where reading throws: then the row is kept for the next batch to tell of. */
export function orUnreadable<T>(unreadable: UnreadableRow[], row: StateRow, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (unreadable.length >= MOST_UNREADABLE) throw tooMany();
    unreadable.push({ row, error });
    return undefined;
  }
}

function tooMany(): GatewatchError {
  return new GatewatchError(
    'state_unreadable',
    `Expected to read what waits in the journal, got more than ${MOST_UNREADABLE} rows that cannot be read: nothing of them was changed; go back to the version that wrote them, check the journal with \`gatewatch audit verify\`, and report it if that finds nothing`,
  );
}

function restore({ waiting, schedule }: Memory, row: StateRow): Waiting | undefined {
  const body = readWaitingRow(row);
  const { part, readMs } = body;
  const route = routePart(part, decideByLine(part));
  if (route.mode === 'done') {
    if (body.left) return undefined;
    throw new GatewatchError('state_unreadable', 'Expected a waiting row to hold a line that waits');
  }
  const entry = newWaiting(part, accessRecordId(part), route, readMs);
  if (waiting.get(entry.key) !== undefined) return undefined;
  entry.left = body.left;
  entry.expiresMs = body.expiresMs;
  entry.closesMs = body.closesMs ?? body.expiresMs;
  entry.told = body.told;
  waiting.add(entry);
  waiting.markStored(entry);
  if (entry.left) schedule.addExpiry(entry);
  else schedule.addLine(entry);
  return entry;
}
