import { contentId, lineRecordId } from '../correlate/ids.ts';
import type { Journal, JournalRecord } from '../model/journal.ts';
import type { UnparsedRecord } from '../model/request-record.ts';
import type { SourceRef } from '../model/source-event.ts';
import type { UnreadLines } from './fresh-parts.ts';

/** Lines of one window that were stored unread, and which of them could be read now. */
export class RetriedLines implements UnreadLines {
  readonly keys: ReadonlySet<string>;
  readonly #known: ReadonlySet<string>;
  readonly #read = new Map<string, SourceRef>();

  /** `known`: events that other records tell of. */
  constructor(keys: ReadonlySet<string>, known: ReadonlySet<string>) {
    this.keys = keys;
    this.#known = known;
  }

  readonly isTold = (key: string): boolean => this.#known.has(key);

  readonly onRead = (source: SourceRef): void => {
    this.#read.set(lineRecordId(source), source);
  };

  /**
   * A revision of each record whose line can be read now: it no longer holds the event, which another record tells of
   * from here on. What was kept of the line stays, so that the trail shows what was known when. `isRefused`: read, and
   * turned away by the join once more.
   */
  async revisions(
    journal: Pick<Journal, 'bodies'>,
    isRefused: (recordId: string) => boolean = () => false,
  ): Promise<readonly JournalRecord[]> {
    const records = await journal.bodies([...this.#read.keys()].filter((id) => !isRefused(id)));
    return [...records.values()].flatMap((record) => (record.kind === 'unparsed' ? [readSince(record)] : []));
  }
}

const READ_SINCE = 'read since; before that: ';

function readSince(record: UnparsedRecord): UnparsedRecord {
  if (record.problem.startsWith(READ_SINCE)) return record;
  const eventId = contentId(record.recordId, [], 'read since');
  return { ...record, eventId, problem: `${READ_SINCE}${record.problem}`, parts: [] };
}
