import { jsonReply, type Reply } from './http-exchange.ts';

/** Splunk's answer table: HTTP status and text by code. */
export const hecAnswers = {
  0: [200, 'Success'],
  1: [403, 'Token disabled'],
  2: [401, 'Token is required'],
  3: [401, 'Invalid authorization'],
  4: [403, 'Invalid token'],
  5: [400, 'No data'],
  6: [400, 'Invalid data format'],
  7: [400, 'Incorrect index'],
  8: [500, 'Internal server error'],
  9: [503, 'Server is busy'],
  10: [400, 'Data channel is missing'],
  11: [400, 'Invalid data channel'],
  12: [400, 'Event field is required'],
  13: [400, 'Event field cannot be blank'],
  14: [400, 'ACK is disabled'],
  15: [400, 'Error in handling indexed fields'],
  16: [400, 'Query string authorization is not enabled'],
  17: [200, 'HEC is healthy'],
  18: [503, 'HEC is unhealthy, queues are full'],
  21: [400, 'Invalid token'],
  22: [400, 'Token is disabled'],
  23: [503, 'Server is shutting down'],
  24: [200, 'Queue approaching capacity'],
  25: [200, 'Ack approaching capacity'],
  26: [429, 'Queue at capacity'],
  27: [429, 'Ack channel at capacity'],
} as const satisfies Readonly<Record<number, readonly [number, string]>>;

export type HecCode = keyof typeof hecAnswers;

export function hecReply(code: HecCode, extra: Readonly<Record<string, unknown>> = {}): Reply {
  const [status, text] = hecAnswers[code];
  return jsonReply(status, { text, code, ...extra });
}
