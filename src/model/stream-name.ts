/** What a row tells of: requests and lines that could not be read, metric points, or alarms. */
export type StreamName = 'records' | 'metrics' | 'alarms';
