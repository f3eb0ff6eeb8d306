import { formatDuration } from '../../core/duration.ts';
import type { Reaction } from '../deliver-bodies.ts';
import type { DatedPiece } from './otlp-reaction.ts';

/** How old what the service takes may be, by the time of the event. */
export interface AgeWindow {
  readonly maxAgeMs: number;
  /** What is taken, in words. */
  readonly items: string;
}

export function isTooOld({ maxAgeMs }: AgeWindow, eventMs: number, nowMs: number): boolean {
  return eventMs < nowMs - maxAgeMs;
}

export function whyTooOld({ maxAgeMs, items }: AgeWindow): string {
  return `older than the ${formatDuration(maxAgeMs)} that Dynatrace takes ${items} for`;
}

/**
 * What a body that is about to go out has to leave behind; undefined when that is nothing. Between the encoding of a batch
 * and one of its requests there may be all the answers before it, and a host that slept.
 */
export function leaveOutTooOld<P extends DatedPiece>(
  window: AgeWindow,
  pieces: readonly P[],
  nowMs: number,
): Reaction<P> | undefined {
  const old = pieces.filter(({ eventMs }) => isTooOld(window, eventMs, nowMs));
  if (old.length === 0) return undefined;
  const rest = pieces.filter(({ eventMs }) => !isTooOld(window, eventMs, nowMs));
  const expired = old.map((piece) => ({ piece, reason: whyTooOld(window) }));
  return { kind: 'regroup', bodies: [rest], delivered: [], rejected: [], expired };
}
