import type { AccessPart } from '../model/part.ts';
import type { RequestRecord } from '../model/request-record.ts';
import { accessSideOf, assembleRequest } from './assemble.ts';
import { openForMs } from './correlate-settings.ts';
import { decideByLine } from './decide.ts';
import { giveUpRow } from './give-up-row.ts';
import { type JoinStep, writeRecord } from './join-step.ts';
import { outcomeWithoutPartner } from './route-part.ts';
import { STATE_KINDS } from './state-rows.ts';
import type { Waiting } from './waiting-room.ts';
import { readWaitingRow } from './waiting-row.ts';

/**
 * Fetches the bodies that memory let go of. A row that the journal has forgotten leaves its entry without one, and so does
 * one that cannot be read: that line waits no longer.
 */
export async function loadBodies(step: JoinStep, entries: readonly Waiting[]): Promise<void> {
  const { store } = step;
  const spilled = entries.filter((entry) => entry.part === undefined);
  if (spilled.length === 0) return;
  const rows = await store.state(
    STATE_KINDS.waiting,
    spilled.map((entry) => entry.key),
  );
  for (const entry of spilled) {
    const body = rows.get(entry.key);
    if (body !== undefined) loadBody(step, entry, body);
  }
}

function loadBody(step: JoinStep, entry: Waiting, body: string): void {
  const row = { key: entry.key, body };
  try {
    step.memory.waiting.restore(entry, readWaitingRow(row).part);
  } catch (error) {
    if (!giveUpRow(step, row, entry.left, error)) step.rowsLeftAlone.add(entry.key);
    finishWaiting(step, entry);
  }
}

/** Goes out without its partner, and stays findable for as long as the partner may still come. */
export function leaveAlone(step: JoinStep, entry: Waiting, part: AccessPart): void {
  const verdict = decideByLine(part);
  const side = accessSideOf(part, entry.recordId, verdict, entry.readMs);
  const record = assembleRequest(side, { outcome: outcomeWithoutPartner(verdict), joinKey: 'none' });
  writeOnce(step, entry, record);
  const { nowMs, settings } = step;
  keepLeft(step, entry, nowMs + settings.latenessMs, nowMs + openForMs(settings));
}

/**
 * Its record is out; until `expiresMs` a partner that comes late revises it. From `closesMs` on the journal alone keeps
 * it, under what it waits for. Both count from when it left.
 */
export function keepLeft(step: JoinStep, entry: Waiting, expiresMs: number, closesMs: number): void {
  if (entry.left) return;
  entry.left = true;
  entry.expiresMs = expiresMs;
  entry.closesMs = closesMs;
  step.memory.schedule.addExpiry(entry);
  step.waitingChanged.add(entry);
}

/** Nothing can change its record any more, or only its invocation's own lines can. */
export function finishWaiting(step: JoinStep, entry: Waiting): void {
  step.memory.waiting.remove(entry);
  step.waitingChanged.add(entry);
  step.waitingDone.add(entry);
}

/** A group that is settled again mostly says of this line what it said before. */
export function writeOnce(step: JoinStep, entry: Waiting, record: RequestRecord): void {
  if (entry.writtenEventId === record.eventId) return;
  entry.writtenEventId = record.eventId;
  writeRecord(step, record);
}
