import { describe, expect, it } from 'vitest';
import type { TruthRow } from '../../src/sandbox/world.ts';
import { eventKey, eventsByKey, requestsOf, settledTruth, worldOf } from './traffic-world.ts';

const SCENARIOS = [
  'allow_miss',
  'cache_hit',
  'explicit_deny_miss',
  'explicit_deny_hit',
  'implicit_deny_miss',
  'implicit_deny_hit',
  'missing_identity',
  'unauthorized_thrown',
  'authorizer_crash',
  'authorizer_timeout',
  'authorizer_bad_shape',
  'authorizer_unreachable',
  'throttled',
  'waf_block',
  'no_such_route',
  'request_too_large',
  'forged_request_id',
  'reused_request_id',
  'overlapping_request_id',
  'replaced_request_id',
  'gateway_allow',
  'gateway_refused',
  'no_authorizer',
  'console_test',
  'websocket_message',
  'websocket_disconnect',
];

const LINES = ['unparsed/access', 'unparsed/authorizer', 'filtered/authorizer'];

const OUTCOMES = [
  'access_only',
  'ambiguous',
  'authorizer_error',
  'authorizer_only',
  'cached_decision',
  'connection_decision',
  'gateway_decision',
  'matched',
  'no_authorizer',
  'no_authorizer_call',
];

function kindsOf(rows: readonly TruthRow[]): ReadonlySet<string> {
  return new Set(
    rows.flatMap((row) => {
      if (row.type === 'request') return [row.scenario];
      return row.type === 'metric' ? [] : [`${row.type}/${row.of}`];
    }),
  );
}

describe('the traffic', () => {
  it('shows every scenario and outcome in a hundred thousand requests, generated within seconds', () => {
    const startedMs = process.cpuUsage().user / 1_000;
    const world = worldOf({ seed: 5, minutes: 120, ratePerSecond: 15 });
    const spentMs = process.cpuUsage().user / 1_000 - startedMs;
    const rows = settledTruth(world);
    expect([...SCENARIOS, ...LINES].filter((kind) => !kindsOf(rows).has(kind))).toEqual([]);
    expect([...new Set(requestsOf(rows).map((row) => row.outcome))].sort()).toEqual(OUTCOMES);
    expect(requestsOf(rows).length).toBeGreaterThan(100_000);
    expect(spentMs).toBeLessThan(15_000);
  });

  it('shows every scenario in a few minutes of history, too', () => {
    const rows = settledTruth(worldOf({ seed: 5, minutes: 10, ratePerSecond: 15 }));
    expect([...SCENARIOS, ...LINES].filter((kind) => !kindsOf(rows).has(kind))).toEqual([]);
  });

  const world = worldOf({ seed: 8, minutes: 20, ratePerSecond: 16 });
  const events = eventsByKey(world);
  const everything = world.logGroups
    .flatMap((group) => group.events.map((event) => event.message))
    .join('\n');

  it('plants secrets that really stand in lines', () => {
    const missing = world.plantedSecrets.filter((secret) => !everything.includes(secret));
    expect(missing.length).toBeLessThan(world.plantedSecrets.length / 4);
    expect(world.plantedSecrets.some((secret) => secret.startsWith('eyJ'))).toBe(true);
    expect(world.plantedSecrets.some((secret) => secret.startsWith('AKIA'))).toBe(true);
    expect(world.plantedSecrets.some((secret) => secret.startsWith('DE'))).toBe(true);
    expect(world.plantedSecrets.some((secret) => secret.includes('@'))).toBe(true);
  });

  it('escapes what clients send, so that an event is always one line of access log', () => {
    const access = world.logGroups.filter((group) => group.name.startsWith('/apigw/'));
    const messages = access.flatMap((group) => group.events.map((event) => event.message));
    expect(messages.filter((message) => /\p{Cc}/u.test(message))).toEqual([]);
    expect(everything).toContain(String.raw`\u001b[2J`);
    expect(everything).toContain(String.raw`Mozilla/5.0 \"quoted\" agent`);
  });

  it('keeps quoted JSON formats valid, and breaks the one with bare numbers on a hyphen', () => {
    const linesOf = (name: string) =>
      requestsOf(settledTruth(world))
        .filter((row) => row.apiName === name && row.access !== undefined)
        .map((row) => (row.access === undefined ? '' : (events.get(eventKey(row.access))?.message ?? '')));
    for (const line of [...linesOf('orders-api'), ...linesOf('payments-http')])
      expect(isJson(line)).toBe(true);
    const bare = linesOf('billing-api');
    expect(bare.some((line) => isJson(line))).toBe(true);
    expect(bare.some((line) => !isJson(line) && line.includes('"integrationLatency":-'))).toBe(true);
  });

  it('changes the format of one stage within the history', () => {
    const orders = world.logGroups.find((group) => group.name === '/apigw/orders');
    const lines = orders?.events.filter((event) => isJson(event.message)).map((event) => event.message) ?? [];
    expect(lines[0]).toContain('"decidedBy":');
    expect(lines.at(-1)).toContain('"authzRequestId":');
  });

  it('gives every event an id of 56 digits and a lag within the longest one', () => {
    const ids = new Set<string>();
    for (const event of events.values()) {
      ids.add(event.eventId);
      expect(event.eventId).toMatch(/^\d{56}$/);
      expect(event.ingestionMs).toBeGreaterThan(event.timestampMs);
      expect(event.ingestionMs).toBeLessThanOrEqual(event.timestampMs + world.longestLagMs);
    }
    expect(ids.size).toBe(events.size);
  });

  it('orders events by timestamp, then ingestion, then id', () => {
    for (const { events: list } of world.logGroups) {
      for (let i = 1; i < list.length; i++) {
        const [a, b] = [list[i - 1], list[i]];
        if (a === undefined || b === undefined) continue;
        const order =
          a.timestampMs - b.timestampMs || a.ingestionMs - b.ingestionMs || (a.eventId < b.eventId ? -1 : 1);
        expect(order).toBeLessThan(0);
      }
    }
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
