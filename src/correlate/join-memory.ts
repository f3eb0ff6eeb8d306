import type { CorrelateSettings } from './correlate-settings.ts';
import type { CorrelationStore } from './correlation.ts';
import { decideByLine } from './decide.ts';
import { accessRecordId } from './ids.ts';
import { InvocationBook } from './invocation-book.ts';
import { ReleaseSchedule } from './release-schedule.ts';
import { routePart } from './route-part.ts';
import type { SilentUnits } from './silent-units.ts';
import {
  type ConnectionDecision,
  readConnection,
  readInvocation,
  readWaiting,
  STATE_KINDS,
  type WaitingBody,
} from './state-rows.ts';
import { newWaiting, WaitingRoom } from './waiting-room.ts';

/** What the join remembers from one batch to the next: all in the journal too, but for what functions were learnt to do. */
export interface JoinMemory {
  readonly waiting: WaitingRoom;
  readonly invocations: InvocationBook;
  /** What WebSocket connections live on, the oldest decision first. */
  readonly connections: Map<string, ConnectionDecision>;
  readonly schedule: ReleaseSchedule;
  readonly silent: SilentUnits;
  /** Whether the journal may hold any of what it keeps by gateway request id: nearly always it does not. */
  readonly mayBeStored: { parked: boolean; lonely: boolean };
}

export function emptyMemory(settings: CorrelateSettings, silent: SilentUnits): JoinMemory {
  return {
    waiting: new WaitingRoom(),
    invocations: new InvocationBook(),
    connections: new Map(),
    schedule: new ReleaseSchedule(settings),
    silent,
    mayBeStored: { parked: false, lonely: false },
  };
}

/** Fills an empty memory with what the journal kept. Settled invocations stay there until a line names them. */
export async function restoreMemory(memory: JoinMemory, store: CorrelationStore): Promise<void> {
  for await (const row of store.allState(STATE_KINDS.connection)) {
    memory.connections.set(row.key, readConnection(row.body));
  }
  for await (const row of store.allState(STATE_KINDS.openInvocation)) {
    const invocation = readInvocation(row.key, row.body);
    invocation.stored = STATE_KINDS.openInvocation;
    memory.invocations.add(invocation);
    memory.schedule.addInvocation(invocation);
  }
  for await (const row of store.allState(STATE_KINDS.waiting)) restoreWaiting(memory, readWaiting(row.body));
  if (await hasRows(store, STATE_KINDS.invocation)) memory.invocations.markForgetful();
  memory.mayBeStored.parked = await hasRows(store, STATE_KINDS.parked);
  memory.mayBeStored.lonely = await hasRows(store, STATE_KINDS.lonely);
}

function restoreWaiting({ waiting, schedule }: JoinMemory, body: WaitingBody): void {
  const { part, readMs } = body;
  const route = routePart(part, decideByLine(part));
  if (route.mode === 'done') return;
  const entry = newWaiting(part, accessRecordId(part), route, readMs);
  entry.left = body.left;
  entry.expiresMs = body.expiresMs;
  entry.closesMs = body.closesMs ?? body.expiresMs;
  waiting.add(entry);
  waiting.markStored(entry);
  if (entry.left) schedule.addExpiry(entry);
  else schedule.addLine(entry);
}

async function hasRows(store: CorrelationStore, kind: string): Promise<boolean> {
  for await (const _row of store.allState(kind)) return true;
  return false;
}
