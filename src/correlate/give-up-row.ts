import { isObject } from '../core/json.ts';
import type { SourceRef } from '../model/source-event.ts';
import { assembleUnparsed } from './assemble.ts';
import { type JoinStep, writeRecord } from './join-step.ts';
import { unreadable } from './refusals.ts';
import { reasonOf } from './state-rows.ts';
import type { KeyedBody } from './waiting-row.ts';

/**
 * A waiting row could not be read, which is logged. Its line stands in no record yet if it has not left: it goes out as
 * one that nobody could read, and a backfill of its time reads it again. False where the row does not even say where the
 * line is from: then it stays in the journal, for `gatewatch ledger` to count.
 */
export function giveUpRow(step: JoinStep, row: KeyedBody, hasLeft: boolean, error: unknown): boolean {
  const { key, body } = row;
  const fields = { key, reason: reasonOf(error) };
  const source = hasLeft ? undefined : sourceIn(row);
  if (source !== undefined) {
    const { logGroup, logStream, eventId, timestampMs } = source;
    step.logger.error(
      { ...fields, logGroup, logStream, eventId, timestampMs },
      `${WAITED}, ${KEPT}; ${CHECK}`,
    );
    const problem = 'the row in which it waited for its partner cannot be read';
    writeRecord(step, assembleUnparsed(unreadable('access', source, problem, body), step.nowMs));
    return true;
  }
  step.logger.error(fields, `${WAITED}, ${hasLeft ? STAYS : NOT_KEPT}; ${CHECK}`);
  return hasLeft;
}

const WAITED = 'the row of a line that waited for its partner cannot be read';
const KEPT = 'and the line is kept as unparsed: `gatewatch backfill` of its time reads it again';
const STAYS = 'and the record of the line stays as it was written';
const NOT_KEPT =
  'nor where its line is from: the line is in no record, and `gatewatch ledger` counts the row';
/** What to do about a row that cannot be read. */
export const CHECK = 'check the journal with `gatewatch audit verify`, and report it if that finds nothing';

const SOURCE = /"source":(\{[^{}]*\})/;

/** What is left of a row mostly still says it: damage is seldom larger than a few bytes. */
function sourceIn({ key, body }: KeyedBody): SourceRef | undefined {
  const source = parsed(SOURCE.exec(body)?.[1] ?? '');
  return isSource(source) && key.endsWith(`\n${source.eventId}`) ? source : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // It lies in what is damaged.
    return undefined;
  }
}

function isSource(value: unknown): value is SourceRef {
  if (!isObject(value)) return false;
  const { account, region, logGroup, logStream, eventId, timestampMs, ingestionMs } = value;
  const areTexts = [account, region, logGroup, logStream, eventId].every((text) => typeof text === 'string');
  return areTexts && [timestampMs, ingestionMs].every((time) => Number.isSafeInteger(time));
}
