import type { JournalEntry } from '../model/journal.ts';
import type { Sink, Verdict } from '../model/sink.ts';

export interface Pace {
  /** Awaited before each batch goes out. Rejects when aborted. */
  readonly beforeSend: (batch: readonly JournalEntry[], signal: AbortSignal) => Promise<void>;
  readonly maxBatchEntries?: number;
}

/** A sink that waits for its turn before each batch. Closing it closes nothing: the sink behind it has other lanes. */
export function createPacedSink(sink: Sink, { beforeSend, maxBatchEntries }: Pace): Sink {
  return {
    name: sink.name,
    streams: sink.streams,
    endpointOf: (stream) => sink.endpointOf?.(stream) ?? '',
    maxBatchEntries: Math.min(sink.maxBatchEntries, maxBatchEntries ?? sink.maxBatchEntries),
    async send(batch, signal) {
      await beforeSend(batch, signal);
      return sink.send(batch, signal);
    },
    refreshSecrets: () => sink.refreshSecrets(),
    close: async () => {},
  };
}

/**
 * One row at a time, so that a destination that refuses some without naming them names this one: whoever tries a refused
 * row again wants to know what became of it.
 */
export function createSingleRowSink(sink: Sink): Sink {
  return {
    ...createPacedSink(sink, { beforeSend: async () => {}, maxBatchEntries: 1 }),
    send: async (batch, signal) => named(await sink.send(batch, signal)),
  };
}

function named(verdict: Verdict): Verdict {
  const { rejectedUnknown, accepted, ...rest } = verdict;
  if (rejectedUnknown === undefined || rejectedUnknown.count === 0) return verdict;
  const refused = accepted.map((seq) => ({ seq, reason: rejectedUnknown.message }));
  return { ...rest, accepted: [], rejected: [...verdict.rejected, ...refused] };
}
