import type { LaneId, RowOrigin, StreamName } from '../model/journal.ts';

/**
 * How far the lanes that stand have come: a row behind all cursors of its stream and origin is read by none of them again,
 * so memory need not hold it.
 */
export class StandingCursors {
  readonly #cursors = new Map<string, Map<string, number>>();
  readonly #placeOf = new Map<string, string>();

  /** A lane was opened. A replay's cursor is its own progress and says nothing of the others. */
  open({ name, stream, class: origin }: LaneId, cursor: number): void {
    if (origin === 'replay') return;
    const place = placeOf(stream, origin);
    this.#placeOf.set(name, place);
    const lanes = this.#cursors.get(place) ?? new Map<string, number>();
    this.#cursors.set(place, lanes.set(name, cursor));
  }

  moved(lane: string, cursor: number): void {
    const lanes = this.#cursors.get(this.#placeOf.get(lane) ?? '');
    lanes?.set(lane, Math.max(cursor, lanes.get(lane) ?? 0));
  }

  /** True as well where no lane stands that would deliver the row. Rows of any origin: each of both has to be done. */
  isDelivered(stream: StreamName, origin: RowOrigin | undefined, seq: number): boolean {
    if (origin === undefined)
      return this.isDelivered(stream, 'live', seq) && this.isDelivered(stream, 'backfill', seq);
    for (const cursor of this.#cursors.get(placeOf(stream, origin))?.values() ?? [])
      if (cursor < seq) return false;
    return true;
  }
}

function placeOf(stream: StreamName, origin: RowOrigin): string {
  return `${stream} ${origin}`;
}
