import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import type { Tracer } from '../core/tracer.ts';
import type { Journal, LaneId } from '../model/journal.ts';
import type { Sink } from '../model/sink.ts';
import { Circuits } from './circuit.ts';
import { LaneDrain, type LaneSettings } from './drain-lane.ts';
import { LiveFirst } from './live-first.ts';
import { createPacedSink } from './paced-sink.ts';

export interface LaneDeps {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly tracer?: Tracer;
  readonly random: () => number;
  readonly settings: LaneSettings;
}

/** The lanes that stand as long as their sinks do. Replays come and go beside them. */
export interface LaneSet {
  readonly live: readonly LaneDrain[];
  readonly backfill: readonly LaneDrain[];
  readonly liveFirst: LiveFirst;
}

/** For each stream of each sink a live lane, and one for what backfills bring, which gives way to it. */
export function createLaneSet(sinks: readonly Sink[], deps: LaneDeps): LaneSet {
  // Only live lanes share what they know of an endpoint: the others wait behind them, and must not keep them waiting.
  const circuits = new Circuits(deps);
  const live = sinks.flatMap((sink) =>
    sink.streams.map(
      (stream) => new LaneDrain({ ...deps, circuits, id: standingLane(sink, stream, 'live'), sink }),
    ),
  );
  const liveFirst = new LiveFirst(live, deps.clock);
  const backfill = sinks.flatMap((sink) =>
    sink.streams.map((stream) => {
      const id = standingLane(sink, stream, 'backfill');
      const beforeSend = (_: unknown, signal: AbortSignal) => liveFirst.turn(id, signal);
      const settings = { ...deps.settings, batchesInFlight: 1 };
      return new LaneDrain({ ...deps, id, sink: createPacedSink(sink, { beforeSend }), settings });
    }),
  );
  return { live, backfill, liveFirst };
}

function standingLane(sink: Sink, stream: LaneId['stream'], type: 'live' | 'backfill'): LaneId {
  return { sink: sink.name, stream, class: type, name: `${sink.name}/${stream}/${type}` };
}
