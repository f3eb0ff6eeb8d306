import { describe, expect, it } from 'vitest';
import type { KnownKeys, SeenKey } from '../../src/model/journal.ts';
import type { LogPart } from '../../src/model/part.ts';
import { FreshParts, type StoredIn, seenKeyOf } from '../../src/pipeline/fresh-parts.ts';
import { line, neverAsked, oddLine, page } from './reading-rig.ts';

const AT = 1_795_341_600_000;
const MINUTE = 60_000;
const HOUR = { fromMs: AT, toMs: AT + 60 * MINUTE };

/** One window of an hour, and what the journal has of it. */
class Rig {
  readonly journal = new Set<string>();
  readonly asked: (readonly [number, number])[] = [];
  readonly fresh: FreshParts;

  constructor(...[known, onLag, unread]: Partial<ConstructorParameters<typeof FreshParts>>) {
    this.fresh = new FreshParts(known ?? new Set(), onLag, unread);
  }

  readonly storedIn: StoredIn = async (fromMs, toMs) => {
    this.asked.push([fromMs, toMs]);
    return new Set(this.journal);
  };

  take(...lines: readonly LogPart[]): Promise<void> | undefined {
    return this.fresh.take(page(lines), this.storedIn);
  }

  /** Commits what is no younger, and tells the ids. */
  commit(throughMs?: number): string[] {
    const { parts, seen } = this.fresh.flush(throughMs);
    this.#store(seen);
    return idsOf(parts);
  }

  /** Another read of the same span is first. */
  storedByAnother(...lines: readonly LogPart[]): void {
    this.#store(lines.map((part) => ({ atMs: part.source.timestampMs, key: seenKeyOf(part) })));
  }

  #store(seen: readonly SeenKey[]): void {
    for (const { key } of seen) this.journal.add(key);
    this.fresh.stored(seen, HOUR);
  }
}

const idsOf = (parts: readonly LogPart[]) => parts.map(({ source }) => source.eventId.replace('access-', ''));
const a = line('a', AT);
const b = line('b', AT + 1);
const late = line('late', AT + 10 * MINUTE);

describe('a window that goes back to a time that is on disk', () => {
  it('takes no event twice, and asks the journal for no more than that time', async () => {
    const rig = new Rig();
    await rig.take(a, late);
    expect(rig.commit()).toEqual(['a', 'late']);
    await rig.take(a, line('later', AT + 11 * MINUTE));
    expect(rig.commit()).toEqual(['later']);
    expect(rig.asked).toEqual([[AT, AT]]);
  });

  it('takes what is new of it, once', async () => {
    const rig = new Rig();
    await rig.take(a, late);
    rig.commit();
    await rig.take(b, a, b);
    await rig.take(b);
    expect(rig.commit()).toEqual(['b']);
    await rig.take(b);
    expect(rig.commit()).toEqual([]);
  });

  it('is not asked about what still lies in memory', async () => {
    const rig = new Rig();
    await rig.take(a, late);
    expect(rig.commit(AT - 1)).toEqual([]);
    await rig.fresh.take(page([a]), neverAsked);
    expect(rig.commit()).toEqual(['a', 'late']);
  });

  it('keeps the keys of events that are on their way, however old', async () => {
    const rig = new Rig();
    await rig.take(a, line('b', AT + 5 * MINUTE), late);
    expect(rig.commit(AT)).toEqual(['a']);
    await rig.fresh.take(page([line('b', AT + 5 * MINUTE), late]), neverAsked);
    expect(rig.commit()).toEqual(['b', 'late']);
  });

  it('drops what another read stores while the journal is being asked', async () => {
    const rig = new Rig();
    await rig.take(a, late);
    rig.commit();
    const before: KnownKeys = new Set(rig.journal);
    const taking = rig.fresh.take(page([b]), async () => before);
    rig.storedByAnother(b);
    await taking;
    expect(rig.commit()).toEqual([]);
  });

  it('drops what a commit stores while the journal is being asked', async () => {
    const rig = new Rig();
    await rig.take(a, late);
    rig.commit();
    const next = line('next', AT + 12 * MINUTE);
    await rig.take(next, line('newest', AT + 20 * MINUTE));
    const before: KnownKeys = new Set(rig.journal);
    const taking = rig.fresh.take(page([b, next]), async () => before);
    expect(rig.commit()).toEqual(['next', 'newest']);
    await taking;
    expect(rig.commit()).toEqual(['b']);
  });
});

it('a line that nobody could read is taken once, also when the window shows it again much later', async () => {
  const read: string[] = [];
  const unread = {
    keys: new Set([seenKeyOf(a)]),
    isTold: () => false,
    onRead: ({ eventId }: { readonly eventId: string }) => read.push(eventId),
  };
  const rig = new Rig(new Set([seenKeyOf(a)]), undefined, unread);
  await rig.take(oddLine('unparsed', 'a', AT), late);
  expect(rig.commit()).toEqual(['late']);
  await rig.take(a);
  expect(rig.commit()).toEqual(['a']);
  await rig.take(line('later', AT + 20 * MINUTE));
  rig.commit();
  await rig.take(a);
  expect(rig.commit()).toEqual([]);
  expect(read).toEqual(['access-a']);
});
