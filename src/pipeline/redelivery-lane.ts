import type { Meter } from '../core/meter.ts';
import type { LaneId, LaneState } from '../model/journal.ts';
import type { Sink } from '../model/sink.ts';
import { LaneDrain, type LaneJournal, type LaneStatus } from './drain-lane.ts';
import type { Pace, RightOfWay } from './lane-gates.ts';
import type { LaneDeps } from './lane-set.ts';
import type { RedeliveryRows } from './redelivery-rows.ts';

export interface RedeliveryLaneOptions {
  readonly id: LaneId;
  /** Of the lane, from the journal. */
  readonly state: LaneState;
  readonly rows: RedeliveryRows;
  readonly sink: Sink;
  readonly deps: LaneDeps;
  readonly way: RightOfWay;
  /** Absent: as fast as the sink takes it. */
  readonly pace?: Pace;
}

/**
 * A lane for one order, with a cursor of its own: it is given the rows of the order and ends behind the last of them.
 * Other cursors stay where they are.
 */
export class RedeliveryLane {
  readonly id: LaneId;
  readonly #drain: LaneDrain;
  readonly #rows: RedeliveryRows;
  #readThrough: number;
  #sawEnd = false;

  constructor(options: RedeliveryLaneOptions) {
    const { id, state, rows, sink, deps, way, pace } = options;
    this.id = id;
    this.#rows = rows;
    this.#readThrough = state.cursor;
    const meter = underOneName(deps.meter, id);
    const journal = this.#journal(deps.journal);
    this.#drain = new LaneDrain({ ...deps, id, sink, meter, journal, way, ...(pace && { pace }) });
  }

  get status(): LaneStatus {
    return this.#drain.status;
  }

  /** Every row of the order has an end. */
  get isDone(): boolean {
    return this.#sawEnd && this.#drain.status.cursor >= this.#readThrough;
  }

  start(): Promise<void> {
    return this.#drain.start();
  }

  /** Delivers until aborted. Throws `FencedError` when another worker has taken over. */
  run(signal: AbortSignal): Promise<void> {
    return this.#drain.run(signal);
  }

  #journal(journal: LaneJournal): LaneJournal {
    return {
      epoch: journal.epoch,
      lane: (id) => journal.lane(id),
      rowsAt: (seqs) => journal.rowsAt(seqs),
      setLaneHeld: (lane, reason) => journal.setLaneHeld(lane, reason),
      readLane: async (_, afterSeq, limit) => {
        const rows = await this.#rows.read(afterSeq, limit);
        this.#readThrough = rows.at(-1)?.seq ?? this.#readThrough;
        this.#sawEnd = rows.length === 0;
        return rows;
      },
      ackLane: (ack) => this.#rows.acknowledge(ack),
    };
  }
}

/** An order's id would make a time series of its own for each order. */
function underOneName(meter: Meter, { sink, stream }: LaneId): Meter {
  const lane = `${sink}/${stream}/replay`;
  return {
    count: (name, value, labels) => meter.count(name, value, { ...labels, lane }),
    gauge: (name, value, labels) => meter.gauge(name, value, { ...labels, lane }),
    observe: (name, value, labels) => meter.observe(name, value, { ...labels, lane }),
  };
}
