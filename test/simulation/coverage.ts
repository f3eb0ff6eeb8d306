import { AWS_FAULTS } from './cloudwatch.ts';
import { SINK_FAULTS } from './destinations.ts';
import { LISTING_FAULTS } from './listings.ts';
import { FAILPOINTS } from './process.ts';
import type { Tally } from './tally.ts';

/** I10: what must have happened at least once over a set of seeds, or the set proves less than it says. */
export const ALWAYS: readonly string[] = [
  ...AWS_FAULTS.map((kind) => `aws_${kind}`),
  'aws_empty_page',
  'aws_event_on_two_pages',
  ...LISTING_FAULTS.map((kind) => `listing_${kind}`),
  'started_on_ill_listing',
  'join_authz_request_id',
  'join_authorizer_request_id',
  'join_gateway_request_id',
  'join_connection_id',
  'connect_read_long_after_message',
  'ambiguous',
  'stood_apart',
  'backfill_done',
  'backfilled_rows',
  'replay_done',
  'replayed_rows',
  'metric_partial_data',
  'metric_restated',
  ...SINK_FAULTS.filter((kind) => kind !== 'partial_success').map((kind) => `splunk_${kind}`),
  ...SINK_FAULTS.map((kind) => `dynatrace_${kind}`),
  'splunk_413',
  'splunk_code_6',
  'splunk_code_24',
  'splunk_repeat',
  'dynatrace_400',
  'dynatrace_413',
  'dynatrace_repeat',
  'dynatrace_expired',
  'partial_success_counted',
  'same_millisecond_burst',
  'late_1_minute',
  'late_1_hour',
  'late_24_hours',
  'late_25_hours',
  'garbage_line',
  'big_record',
  'poison_record',
  'clock_leap_over_1_minute',
  'second_worker_refused',
  'frozen_worker_fenced',
  'crash',
];

const SINK_SPELLS = new Set(SINK_FAULTS.flatMap((kind) => [`splunk_${kind}`, `dynatrace_${kind}`]));

/** What some dozens of seeds are enough for. */
export const OFTEN: readonly string[] = ALWAYS.filter((what) => !SINK_SPELLS.has(what));

/** Only over some hundred seeds can each of these be expected. */
export const OVER_MANY: readonly string[] = FAILPOINTS.map((point) => `crash ${point}`);

export function missingCoverage(
  tally: Tally,
  wanted: readonly string[] = [...ALWAYS, ...OVER_MANY],
): string[] {
  return wanted.filter((what) => tally.of(what) === 0);
}
