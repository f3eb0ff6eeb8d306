import { GatewatchError } from '../core/errors.ts';
import type { StateRow } from '../model/journal.ts';
import { accessRecordId } from './ids.ts';
import { readWaiting, type WaitingBody } from './state-rows.ts';
import { waitingKey } from './waiting-room.ts';

/** A row as the journal gives it when it is asked by key. */
export type KeyedBody = Pick<StateRow, 'key' | 'body'>;

/** The line of a waiting row. Throws where it cannot be read, and where it is not the line that its key names. */
export function readWaitingRow({ key, body }: KeyedBody): WaitingBody {
  const waiting = readWaiting(body);
  const { part } = waiting;
  if (waitingKey(accessRecordId(part), part.source.eventId) === key) return waiting;
  throw new GatewatchError('state_unreadable', 'Expected a waiting row to hold the line that its key names');
}
