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
  gatewatch_events_quarantined_total: 'Source events set aside because they could not be processed.',
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
