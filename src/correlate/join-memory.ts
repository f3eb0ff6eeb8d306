import type { Logger } from '../core/logger.ts';
import type { StateRow } from '../model/journal.ts';
import { ConnectionBook } from './connection-book.ts';
import type { CorrelateSettings } from './correlate-settings.ts';
import type { CorrelationStore } from './correlation.ts';
import { InvocationBook } from './invocation-book.ts';
import { ReleaseSchedule } from './release-schedule.ts';
import { orUnreadable, restoreWaiting, type UnreadableRow } from './restore-waiting.ts';
import type { SilentUnits } from './silent-units.ts';
import { type Forgotten, readForgotten, readInvocation, STATE_KINDS } from './state-rows.ts';
import { Unfinished } from './unfinished.ts';
import { WaitingRoom } from './waiting-room.ts';

/** What the join remembers from one batch to the next: all in the journal too, but for what functions were learnt to do. */
export interface JoinMemory {
  readonly waiting: WaitingRoom;
  readonly invocations: InvocationBook;
  readonly connections: ConnectionBook;
  readonly schedule: ReleaseSchedule;
  /** Waiting lines that are still to be read from the journal: at the start there were more than memory takes. */
  unread: AsyncIterator<StateRow> | undefined;
  /** Waiting rows that cannot be read, until a batch tells of them. */
  readonly unreadable: UnreadableRow[];
  /** Rows of open invocations, likewise. */
  readonly unreadableInvocations: UnreadableRow[];
  /** Event time before which the journal alone may know of lines, however young they are. Infinite while anything may be. */
  forgottenThroughMs: number;
  /** As the journal has both. */
  forgottenStored: Forgotten;
  /** Invocations and connections of which not all lines have been told yet. */
  readonly unfinishedNamed: Unfinished;
  readonly unfinishedConnections: Unfinished;
  /** Gateway request ids of which not all parked lines are back yet. */
  readonly unfinishedGateway: Unfinished;
  /** True when the last batch let go of less than it might have. */
  isCutShort: boolean;
  readonly silent: SilentUnits;
  /** Whether the journal may hold any of what memory does not and few ask for: mostly it does not. */
  readonly mayBeStored: Record<'parked' | 'lonely' | 'parkedNamed' | 'torn' | 'connectionLines', boolean>;
  /** How many torn lines were kept since then. */
  readonly tornBudget: { sinceMs: number; kept: number };
}

export function emptyMemory(settings: CorrelateSettings, silent: SilentUnits): JoinMemory {
  return {
    waiting: new WaitingRoom(),
    invocations: new InvocationBook(),
    connections: new ConnectionBook(),
    schedule: new ReleaseSchedule(settings),
    unread: undefined,
    unreadable: [],
    unreadableInvocations: [],
    forgottenThroughMs: Number.NEGATIVE_INFINITY,
    forgottenStored: { throughMs: Number.NEGATIVE_INFINITY, hasUnread: false },
    unfinishedNamed: new Unfinished(STATE_KINDS.unfinishedNamed, settings.invocationsInMemory),
    unfinishedConnections: new Unfinished(STATE_KINDS.unfinishedConnection, settings.invocationsInMemory),
    unfinishedGateway: new Unfinished(STATE_KINDS.unfinishedGateway, settings.invocationsInMemory),
    isCutShort: false,
    silent,
    mayBeStored: { parked: false, lonely: false, parkedNamed: false, torn: false, connectionLines: false },
    tornBudget: { sinceMs: 0, kept: 0 },
  };
}

export function allUnfinished(memory: JoinMemory): readonly Unfinished[] {
  return [memory.unfinishedNamed, memory.unfinishedConnections, memory.unfinishedGateway];
}

/** Fills an empty memory with what the journal kept. Settled invocations and connections stay there until a line names them. */
export async function restoreMemory(
  memory: JoinMemory,
  store: CorrelationStore,
  settings: CorrelateSettings,
  logger: Logger,
): Promise<void> {
  for await (const row of store.allState(STATE_KINDS.openInvocation)) {
    const read = () => readInvocation(row.key, row.body);
    const invocation = orUnreadable(memory.unreadableInvocations, row, read);
    if (invocation === undefined) continue;
    invocation.stored = STATE_KINDS.openInvocation;
    memory.invocations.add(invocation);
    memory.schedule.addInvocation(invocation);
  }
  for await (const row of store.allState(STATE_KINDS.forgotten)) {
    memory.forgottenStored = readForgotten(row, logger);
    memory.forgottenThroughMs = memory.forgottenStored.throughMs;
  }
  for (const unfinished of allUnfinished(memory)) await unfinished.restore(store, logger);
  await restoreLines(memory, store, settings);
  if (await hasRows(store, STATE_KINDS.invocation)) memory.invocations.markForgetful();
  if (await hasRows(store, STATE_KINDS.connection)) memory.connections.markForgetful();
  memory.mayBeStored.parked = await hasRows(store, STATE_KINDS.parked);
  memory.mayBeStored.lonely = await hasRows(store, STATE_KINDS.lonely);
  memory.mayBeStored.parkedNamed = await hasRows(store, STATE_KINDS.parkedNamed);
  memory.mayBeStored.connectionLines = await hasRows(store, STATE_KINDS.connectionLines);
  memory.mayBeStored.torn = await hasRows(store, STATE_KINDS.torn);
}

/**
 * As many waiting lines as memory takes; the batches to come read the others. Where the worker before had not read them
 * all either, it is not known which had missed their partner: then all are read on.
 */
async function restoreLines(
  memory: JoinMemory,
  store: CorrelationStore,
  { linesInMemory, bodiesInMemory }: CorrelateSettings,
): Promise<void> {
  const rows = store.allState(STATE_KINDS.waiting)[Symbol.asyncIterator]();
  while (memory.waiting.size < linesInMemory && !memory.forgottenStored.hasUnread) {
    const next = await rows.next();
    if (next.done === true) return;
    restoreWaiting(memory, next.value);
    memory.waiting.trim(bodiesInMemory);
  }
  memory.unread = rows;
  memory.forgottenThroughMs = Number.POSITIVE_INFINITY;
}

async function hasRows(store: CorrelationStore, kind: string): Promise<boolean> {
  for await (const _row of store.allState(kind)) return true;
  return false;
}
