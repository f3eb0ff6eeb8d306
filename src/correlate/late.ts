import { openForMs } from './correlate-settings.ts';
import type { JoinStep } from './join-step.ts';

/** How much older than its partner something can be: the longest request, two hosts' clocks, milliseconds. */
export const LATE_SLACK_MS = 120_000;

/** True when memory may have forgotten the partner of something of this event time. */
export function isLate(
  { nowMs, settings, memory }: Pick<JoinStep, 'nowMs' | 'settings' | 'memory'>,
  atMs: number,
): boolean {
  return atMs < Math.max(nowMs - openForMs(settings) + LATE_SLACK_MS, memory.forgottenThroughMs);
}

/** True when lines of the group are that old. */
export function hasLate(step: Pick<JoinStep, 'nowMs' | 'settings' | 'memory'>, ref: string): boolean {
  return step.memory.waiting.waitingFor('gateway', ref).some(({ endMs }) => isLate(step, endMs));
}
