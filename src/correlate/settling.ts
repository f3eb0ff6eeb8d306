import { silentLogger } from '../core/logger.ts';
import type { JournalReader } from '../model/journal.ts';
import type { Invocation } from './invocation.ts';
import { readableInvocation, readWaiting, STATE_KINDS } from './state-rows.ts';

/** Unit → lines that were read and whose record has not gone out yet. */
export type Settling = ReadonlyMap<string, number>;

/** What still waits for its partner, as the journal has it: beside a running worker too. */
export async function settlingLines(journal: Pick<JournalReader, 'allState'>): Promise<Settling> {
  const settling = new Map<string, number>();
  for await (const row of journal.allState(STATE_KINDS.waiting)) {
    const { part, left } = readWaiting(row.body);
    const { account, region, logGroup } = part.source;
    if (!left) addLines(settling, `logs:${account}:${region}:${logGroup}`, 1);
  }
  for await (const row of journal.allState(STATE_KINDS.openInvocation)) {
    // The worker says of a row that cannot be read that it lost it.
    const invocation = readableInvocation(row.key, row.body, silentLogger);
    if (invocation !== undefined) addUnwritten(settling, invocation);
  }
  return settling;
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
