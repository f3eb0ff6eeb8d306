import { sortFew } from '../core/sort-few.ts';
import type { AccessPart } from '../model/part.ts';
import type { RecordPart, RequestRecord } from '../model/request-record.ts';
import { byPosition } from './assemble.ts';
import type { CorrelationStore } from './correlation.ts';
import {
  canHaveCaused,
  type Invocation,
  type InvocationText,
  isClaimedByName,
  spanOf,
} from './invocation.ts';

/**
 * True when its claiming record says all there is of its lines, so that they need not be kept a second time. Such an
 * invocation is told apart from later ones by what is left of it; only a late line or a better claim wants its lines back.
 */
export function mayBeThin(invocation: Invocation): boolean {
  const { begun, complete, decision, ownRecordId, ambiguous } = invocation;
  if (!begun || !complete || decision === undefined || ownRecordId !== undefined || ambiguous) return false;
  return isClaimedByName(invocation);
}

/** Which of its lines, in the order in which a record has them, have a text. */
export function textPlaces({ sources, texts, linesInRecord }: Invocation): readonly number[] {
  if (linesInRecord !== undefined) return linesInRecord;
  if (texts.length === 0) return [];
  const inOrder = sortFew([...sources], byPosition);
  return inOrder.flatMap(({ timestampMs, eventId }, place) =>
    texts.some((text) => text.atMs === timestampMs && text.eventId === eventId) ? [place] : [],
  );
}

/** Lets go of the lines. Call only once the claiming record is committed. */
export function makeThin(invocation: Invocation): void {
  invocation.linesInRecord = textPlaces(invocation);
  invocation.sources = [];
  invocation.texts = [];
}

/** True when the line may take the invocation over, or give up a claim on it. */
export function mayWantLines(part: AccessPart, invocation: Invocation, skewMs: number): boolean {
  return invocation.linesInRecord !== undefined && canHaveCaused(spanOf(part), true, invocation, skewMs);
}

/** Reads the lines of thin invocations back from the records that have them. A record that is gone keeps them. */
export async function readLinesBack(
  store: CorrelationStore,
  invocations: Iterable<Invocation>,
): Promise<void> {
  const thin = [...invocations].filter(({ linesInRecord }) => linesInRecord !== undefined);
  if (thin.length === 0) return;
  const ids = new Set(thin.flatMap(({ claim }) => (claim === undefined ? [] : [claim.recordId])));
  const records = await store.bodies([...ids]);
  for (const invocation of thin) {
    const record = records.get(invocation.claim?.recordId ?? '');
    if (record?.kind === 'request') takeLinesOf(record, invocation);
    invocation.linesInRecord = undefined;
  }
}

function takeLinesOf(record: RequestRecord, invocation: Invocation): void {
  const parts = record.parts.filter(({ role }) => role === 'authorizer');
  invocation.sources = parts.map(({ role: _role, ...source }) => source);
  const texts: InvocationText[] = [];
  for (const [index, place] of (invocation.linesInRecord ?? []).entries()) {
    const text = textOf(parts[place], record.authorizerLog?.[index]);
    if (text !== undefined) texts.push(text);
  }
  invocation.texts = texts;
}

function textOf(part: RecordPart | undefined, text: string | undefined): InvocationText | undefined {
  if (part === undefined || text === undefined) return undefined;
  return { atMs: part.timestampMs, eventId: part.eventId, text };
}
