import { decideByLine } from './decide.ts';
import { accessRecordId } from './ids.ts';
import type { ReleaseSchedule } from './release-schedule.ts';
import { routePart } from './route-part.ts';
import type { WaitingBody } from './state-rows.ts';
import { newWaiting, type Waiting, type WaitingRoom } from './waiting-room.ts';

interface Memory {
  readonly waiting: WaitingRoom;
  readonly schedule: ReleaseSchedule;
}

/** Waits on as it did when its row was written. Undefined where it does already, or no longer has to. */
export function restoreWaiting({ waiting, schedule }: Memory, body: WaitingBody): Waiting | undefined {
  const { part, readMs } = body;
  const route = routePart(part, decideByLine(part));
  if (route.mode === 'done') return undefined;
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
