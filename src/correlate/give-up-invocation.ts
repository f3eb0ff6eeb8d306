import type { SourceRef } from '../model/source-event.ts';
import { assembleUnparsed } from './assemble.ts';
import { CHECK } from './give-up-row.ts';
import { type JoinStep, writeRecord } from './join-step.ts';
import { unreadable } from './refusals.ts';
import { reasonOf } from './state-rows.ts';
import type { KeyedBody } from './waiting-row.ts';

/**
 * The row of an open invocation could not be read, which is logged. Lines that stand in no record yet go out as lines that
 * nobody could read, with what is left of the row as their text, and a backfill of their time reads them again. False where
 * a record has them, or where the row does not say where they are from: then it stays until it expires, for
 * `gatewatch ledger` to count.
 */
export function giveUpInvocation(step: JoinStep, row: KeyedBody, error: unknown): boolean {
  const { key, body } = row;
  const isInRecord = IN_A_RECORD.test(body);
  const sources = isInRecord ? [] : sourcesIn(row);
  const lines = sources.map(({ eventId }) => eventId);
  const fields = { key, reason: reasonOf(error), ...(lines.length > 0 && { lines }) };
  const rest = isInRecord ? STAYS : NOT_KEPT;
  step.logger.error(fields, `${UNREAD}, ${lines.length > 0 ? KEPT : rest}; ${CHECK}`);
  for (const source of sources) {
    const problem = 'the row in which its invocation was kept cannot be read';
    writeRecord(step, assembleUnparsed(unreadable('authorizer', source, problem, body), step.nowMs));
  }
  return sources.length > 0;
}

const UNREAD = 'the row of an invocation cannot be read';
const KEPT = 'and its lines are kept as unparsed: `gatewatch backfill` of their time reads them again';
const STAYS = 'and the record that has its lines stays as it was written';
const NOT_KEPT =
  'nor where its lines are from: they are in no record, and `gatewatch ledger` counts the row until it expires';

/** Members of a row whose lines a record has. In the text of a line their quotes would be escaped. */
const IN_A_RECORD = /"(?:claim|ownRecordId)":/;

const TEXT = String.raw`("(?:[^"\\]|\\.)*")`;
const PLACE = String.raw`\[${TEXT},${TEXT},${TEXT},${TEXT}\]`;
const SOURCE = String.raw`\[(\d+),${TEXT},(\d+),(-?\d+)\]`;

/** What is left of a row mostly still says it: damage is seldom larger than a few bytes. All of them, or none. */
function sourcesIn({ key, body }: KeyedBody): readonly SourceRef[] {
  try {
    const places = listIn(body, 'places', PLACE).map((texts) => texts.map(unquoted));
    return listIn(body, 'sources', SOURCE).map(([index, eventId = '', atMs, lagMs]) => {
      const [account, region, logGroup, logStream] = places[Number(index)] ?? [];
      if (logStream === undefined || !key.startsWith(`logs:${account}:${region}:${logGroup}\n`))
        throw new Error('Expected a place of the group that the key names');
      const timestampMs = Number(atMs);
      const ingestionMs = timestampMs + Number(lagMs);
      const place = { account: account ?? '', region: region ?? '', logGroup: logGroup ?? '', logStream };
      return { ...place, eventId: unquoted(eventId), timestampMs, ingestionMs };
    });
  } catch {
    // It lies in what is damaged.
    return [];
  }
}

/** What the items of a list hold, as text. None where any of them is not as `item` says. */
function listIn(body: string, name: string, item: string): readonly (readonly string[])[] {
  const list = new RegExp(`"${name}":\\[(${item}(?:,${item})*)\\]`).exec(body)?.[1] ?? '';
  return [...list.matchAll(new RegExp(item, 'g'))].map(([, ...held]) => held);
}

function unquoted(text: string): string {
  return String(JSON.parse(text));
}
