/** What each of our own metrics says, for the HELP line of `/metrics`. A name that is not here is described by its words. */
const HELP: Readonly<Record<string, string>> = {
  gatewatch_aws_requests_total: 'Requests sent to AWS, retries included.',
  gatewatch_aws_throttles_total: 'Requests that AWS throttled.',
  gatewatch_events_read_total: 'Source events read, repeats included.',
  gatewatch_events_seen_total: 'Source events read for the first time.',
  gatewatch_events_stored_total: 'Source events that became part of a record.',
  gatewatch_events_filtered_total:
    'Source events left out on purpose, such as platform lines outside any invocation.',
  gatewatch_events_unparsed_total: 'Lines that no format explains; stored redacted and forwarded flagged.',
  gatewatch_events_late_total: 'Lines that only a re-read found, by the age it is for.',
  gatewatch_records_joined_total: 'Requests by how they were joined when their record first went out.',
  gatewatch_records_revised_total:
    'Records written again because more became known, by how they are joined now.',
  gatewatch_lines_settling: 'Lines that were read and wait for their partner.',
  gatewatch_lines_left_early_total:
    'Lines that went out before logs.maxHold, because more wait for their partner than memory takes.',
  gatewatch_alarm_drift: 'Alarms that are not as they were applied.',
  gatewatch_gaps_total: 'Spans recorded as never read.',
  gatewatch_lag_p99_ms: 'Time within which 99 of 100 lines of a log group became readable.',
  gatewatch_lag_outgrown: '1 while lines of a log group come later than its settings allow for, else 0.',
  gatewatch_unit_held: '1 while a source is held by a refusal that a person must mend, else 0.',
  gatewatch_unit_missing: '1 while a log group does not exist, else 0.',
  gatewatch_clock_ahead_ms: "How far the host's clock is ahead of AWS's; 0 while they agree.",
  gatewatch_schedule_skipped_total: 'Runs left out because the last one was still busy.',
  gatewatch_events_quarantined_total: 'Source events set aside because they could not be processed.',
  gatewatch_intake_stopped: '1 while nothing new is read for this reason, else 0.',
  gatewatch_journal_bytes: 'Bytes of the trail on the disk of the journal.',
  gatewatch_journal_queue_bytes: 'Bytes of rows that wait for delivery.',
  gatewatch_journal_queue_budget_bytes: 'Bytes of waiting rows at which reading pauses.',
  gatewatch_journal_trail_budget_bytes: 'Bytes that the trail may take.',
  gatewatch_journal_disk_free_bytes: 'Bytes that the disk of the journal has left.',
  gatewatch_journal_days_left: 'Days until the trail or its disk is full, at the growth of the last day.',
  gatewatch_journal_reserve_kept: '1 while room is kept free for acknowledgements on a full disk, else 0.',
  gatewatch_journal_damaged_rows: 'Rows of the trail that are known not to match their hashes.',
  gatewatch_journal_segments_total: 'Segments of the trail that were sealed, archived or dropped.',
  gatewatch_journal_commit_ms: 'Time one journal commit took until it was on disk.',
  gatewatch_lane_accepted_total: 'Records the destination accepted.',
  gatewatch_lane_rejected_total: 'Records the destination refused for good; each is a dead letter.',
  gatewatch_lane_rejected_unknown_total: 'Records the destination refused without naming them.',
  gatewatch_lane_expired_total: 'Records older than the age window the destination publishes.',
  gatewatch_lane_filtered_total: 'Records the filter of the sink left out.',
  gatewatch_lane_retries_total: 'Deliveries that had to be tried again.',
  gatewatch_lane_held: '1 while the lane is held by a configuration fault, else 0.',
  gatewatch_metric_points_not_finite_total: 'CloudWatch values that are no finite number.',
  gatewatch_sink_requests_total: 'Requests sent to a sink, by its answer.',
  gatewatch_sink_body_bytes_total: 'Bytes of request bodies sent to a sink, as on the wire.',
  gatewatch_sink_request_ms: 'Time one request to a sink took.',
};

export function metricHelp(name: string): string {
  return HELP[name] ?? `Gatewatch: ${name.replace(/^gatewatch_/, '').replaceAll('_', ' ')}.`;
}
