import { silentLogger } from '../core/logger.ts';
import type { JournalReader } from '../model/journal.ts';
import type { SourceRef } from '../model/source-event.ts';
import type { Invocation } from './invocation.ts';
import { readableInvocation, readWaiting, STATE_KINDS } from './state-rows.ts';

/** Unit → lines that were read and whose record has not gone out yet. */
export type Settling = ReadonlyMap<string, number>;

/** What still waits for its partner, and how many rows of it nobody can read. */
export interface StoredSettling {
  readonly lines: Settling;
  readonly unreadable: number;
}

/** As the journal has it: beside a running worker too. */
export async function settlingLines(journal: Pick<JournalReader, 'allState'>): Promise<StoredSettling> {
  const lines = new Map<string, number>();
  let unreadable = 0;
  for await (const row of journal.allState(STATE_KINDS.waiting)) {
    const waiting = readableWaiting(row.body);
    if (waiting === undefined) unreadable += 1;
    else if (!waiting.left) addLines(lines, waiting.unit, 1);
  }
  for await (const row of journal.allState(STATE_KINDS.openInvocation)) {
    // Why it cannot be read, the worker says.
    const invocation = readableInvocation(row.key, row.body, silentLogger);
    if (invocation === undefined) unreadable += 1;
    else addUnwritten(lines, invocation);
  }
  return { lines, unreadable };
}

function readableWaiting(body: string): { readonly unit: string; readonly left: boolean } | undefined {
  try {
    const { part, left } = readWaiting(body);
    return { unit: unitOf(part.source), left };
  } catch {
    return undefined;
  }
}

function unitOf({ account, region, logGroup }: SourceRef): string {
  return `logs:${account}:${region}:${logGroup}`;
}

/** The lines of an invocation that stand in no record yet. */
export function addUnwritten(settling: Map<string, number>, invocation: Invocation): void {
  if (invocation.claim === undefined && invocation.ownRecordId === undefined) {
    addLines(settling, invocation.unit, invocation.sources.length);
  }
}

export function addLines(settling: Map<string, number>, unit: string, lines: number): void {
  settling.set(unit, (settling.get(unit) ?? 0) + lines);
}
