import type { Sink, Verdict } from '../model/sink.ts';

/** A sink that is handed fewer rows at a time. Closing it closes nothing: the sink behind it has other lanes. */
export function withSmallerBatches(sink: Sink, maxBatchEntries: number): Sink {
  return {
    name: sink.name,
    streams: sink.streams,
    endpointOf: (stream) => sink.endpointOf?.(stream) ?? '',
    repeatsCount: sink.repeatsCount === true,
    maxBatchEntries: Math.min(sink.maxBatchEntries, maxBatchEntries),
    send: (batch, signal) => sink.send(batch, signal),
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
    ...withSmallerBatches(sink, 1),
    send: async (batch, signal) => named(await sink.send(batch, signal)),
  };
}

function named(verdict: Verdict): Verdict {
  const { rejectedUnknown, accepted, ...rest } = verdict;
  if (rejectedUnknown === undefined || rejectedUnknown.count === 0) return verdict;
  const refused = accepted.map((seq) => ({ seq, reason: rejectedUnknown.message }));
  return { ...rest, accepted: [], rejected: [...verdict.rejected, ...refused] };
}
