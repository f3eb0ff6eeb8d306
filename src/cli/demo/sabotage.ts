import type { Journal, JournalRecord, WindowCommit } from '../../model/journal.ts';
import type { RequestRecord } from '../../model/request-record.ts';

/** What `--sabotage` breaks on purpose, to prove that the comparison with the truth notices. */
export const SABOTAGES = ['drop', 'double', 'swap-customer', 'shift-minute'] as const;
export type Sabotage = (typeof SABOTAGES)[number];

/** A journal that spoils one record on its way in; which one, it says through `onDone`. */
export function sabotageJournal(
  journal: Journal,
  sabotage: Sabotage,
  onDone: (recordId: string) => void,
): Journal {
  let victim: string | undefined;
  const spoil = (records: readonly JournalRecord[]): readonly JournalRecord[] =>
    records.flatMap((record) => {
      if (victim === undefined && isVictim(record, sabotage)) {
        victim = record.recordId;
        onDone(victim);
      }
      return record.recordId === victim ? spoiled(record, sabotage) : [record];
    });
  return new Proxy(journal, {
    get(target, property) {
      if (property === 'commitWindow') {
        return (commit: WindowCommit) => target.commitWindow({ ...commit, records: spoil(commit.records) });
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function isVictim(record: JournalRecord, sabotage: Sabotage): boolean {
  if (sabotage === 'shift-minute') return record.kind === 'metric';
  return record.kind === 'request' && record.outcome === 'matched' && record.customer !== 'unknown';
}

function spoiled(record: JournalRecord, sabotage: Sabotage): JournalRecord[] {
  switch (sabotage) {
    case 'drop':
      return [];
    case 'double':
      return [
        record,
        {
          ...record,
          recordId: `${record.recordId.slice(0, -1)}~`,
          eventId: `${record.eventId.slice(0, -1)}~`,
        },
      ];
    case 'swap-customer':
      return record.kind === 'request' ? [withOtherCustomer(record)] : [record];
    case 'shift-minute':
      return [{ ...record, eventMs: record.eventMs + 60_000 }];
  }
}

function withOtherCustomer(record: RequestRecord): RequestRecord {
  return { ...record, customer: `${record.customer.slice(0, -1)}~` };
}
