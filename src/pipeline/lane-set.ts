import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import type { Tracer } from '../core/tracer.ts';
import type { Journal, LaneId } from '../model/journal.ts';
import type { Sink } from '../model/sink.ts';
import type { Circuits } from './circuit.ts';
import { LaneDrain, type LaneSettings } from './drain-lane.ts';
import { LiveFirst } from './live-first.ts';

export interface LaneDeps {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly tracer?: Tracer;
  readonly random: () => number;
  readonly settings: LaneSettings;
  /** What is known of the endpoints, shared by the lanes that send there. */
  readonly circuits: Circuits;
}

/** The lanes that stand as long as their sinks do. Replays come and go beside them. */
export interface LaneSet {
  readonly live: readonly LaneDrain[];
  readonly backfill: readonly LaneDrain[];
  readonly liveFirst: LiveFirst;
}

/** For each stream of each sink a live lane, and one for what backfills bring, which gives way to it. */
export function createLaneSet(sinks: readonly Sink[], deps: LaneDeps): LaneSet {
  const live = sinks.flatMap((sink) =>
    sink.streams.map((stream) => new LaneDrain({ ...deps, id: standingLane(sink, stream, 'live'), sink })),
  );
  const liveFirst = new LiveFirst(live, deps.clock);
  const backfill = sinks.flatMap((sink) =>
    sink.streams.map((stream) => {
      const id = standingLane(sink, stream, 'backfill');
      const settings = { ...deps.settings, batchesInFlight: 1 };
      return new LaneDrain({ ...deps, id, sink, settings, way: liveFirst.wayOf(id) });
    }),
  );
  return { live, backfill, liveFirst };
}

function standingLane(sink: Sink, stream: LaneId['stream'], type: 'live' | 'backfill'): LaneId {
  return { sink: sink.name, stream, class: type, name: `${sink.name}/${stream}/${type}` };
}
