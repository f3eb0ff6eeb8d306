import { describe, expect, it } from 'vitest';
import type { TruthEvent, TruthRequest } from '../../src/sandbox/world.ts';
import { eventKey, eventsByKey, HISTORY_END_MS, requestsOf, settledTruth, worldOf } from './traffic-world.ts';

const world = worldOf({ seed: 11, minutes: 30, ratePerSecond: 16 });
const rows = settledTruth(world);
const requests = requestsOf(rows);
const events = eventsByKey(world);

function eventsOf(row: TruthRequest): readonly TruthEvent[] {
  return row.access === undefined ? row.authorizer : [row.access, ...row.authorizer];
}

function messageOf(event: TruthEvent | undefined): string {
  return (event === undefined ? undefined : events.get(eventKey(event))?.message) ?? '';
}

function accessText(row: TruthRequest): string {
  return messageOf(row.access);
}

describe('the ground truth', () => {
  it('has every log event in exactly one row', () => {
    const seen = new Map<string, number>();
    const told = rows.flatMap((row) =>
      row.type === 'request' ? eventsOf(row) : row.type === 'metric' ? [] : [row.event],
    );
    for (const event of told) seen.set(eventKey(event), (seen.get(eventKey(event)) ?? 0) + 1);
    expect([...seen.values()].filter((count) => count !== 1)).toEqual([]);
    expect(seen.size).toBe(events.size);
  });

  it('shows a request only once its access line is readable', () => {
    const nowMs = HISTORY_END_MS - 60_000;
    for (const row of requestsOf([...world.truth(nowMs)])) {
      expect(Math.min(...eventsOf(row).map((event) => event.ingestionMs))).toBeLessThanOrEqual(nowMs);
      if (row.access !== undefined) expect(row.access.ingestionMs).toBeLessThanOrEqual(nowMs);
    }
  });

  it('keeps an invocation strictly within the request that caused it', () => {
    const misses = requests.filter((row) => row.access !== undefined && row.authorizer.length > 0);
    expect(misses.length).toBeGreaterThan(1_000);
    for (const row of misses) {
      const times = row.authorizer.map((event) => events.get(eventKey(event))?.timestampMs ?? Number.NaN);
      const endMs =
        events.get(eventKey(row.access ?? row.authorizer[0] ?? never()))?.timestampMs ?? Number.NaN;
      expect(Math.min(...times)).toBeGreaterThan(row.eventMs);
      expect(Math.max(...times)).toBeLessThan(endMs);
    }
  });

  it('never lets a cache hit seem to hold the invocation that decided, not even at a resolution of one second', () => {
    const invocationEnd = new Map<string, number>();
    for (const row of requests) {
      if (row.decisionRequestId === undefined || row.authorizer.length === 0) continue;
      const times = row.authorizer.map((event) => events.get(eventKey(event))?.timestampMs ?? Number.NaN);
      invocationEnd.set(row.decisionRequestId, Math.max(...times));
    }
    const hits = requests.filter((row) => row.outcome === 'cached_decision');
    expect(hits.length).toBeGreaterThan(1_000);
    for (const hit of hits) {
      const endMs = invocationEnd.get(hit.decisionRequestId ?? '');
      if (endMs !== undefined) expect(hit.eventMs).toBeGreaterThan(endMs);
    }
  });

  it('claims a key only where the access line or the authorizer line carries it', () => {
    for (const row of requests) {
      const text = accessText(row);
      const logged = row.authorizer.map(messageOf).join('\n');
      if (row.joinKey === 'authz_request_id' || row.joinKey === 'authorizer_request_id') {
        expect(text).toContain(row.decisionRequestId);
      }
      if (row.joinKey === 'gateway_request_id') {
        expect(text).toContain(row.requestId);
        expect(logged).toContain(row.requestId);
        expect(text).not.toContain(row.decisionRequestId);
      }
    }
  });

  it('claims a customer only where a line names it or the principal that maps to it', () => {
    const lines = new Map<string, string>();
    for (const row of requests) {
      const id = row.decisionRequestId;
      if (id !== undefined && row.authorizer.length > 0)
        lines.set(id, row.authorizer.map(messageOf).join('\n'));
    }
    const named = requests.filter(
      (row) => row.customer !== 'unknown' && row.outcome !== 'connection_decision',
    );
    expect(named.length).toBeGreaterThan(10_000);
    for (const row of named) {
      const evidence = accessText(row) + (lines.get(row.decisionRequestId ?? '') ?? '');
      expect(evidence.includes(row.customer) || /svc-[a-z]+/.test(evidence)).toBe(true);
    }
  });

  it('names neither decision nor key for a hit on the API whose lines say nothing of the authorizer', () => {
    const ledger = requests.filter((row) => row.apiName === 'ledger-api' && row.access !== undefined);
    const keys = new Set(ledger.map((row) => row.joinKey));
    expect([...keys].sort()).toEqual(['gateway_request_id', 'none']);
    for (const row of ledger.filter((one) => one.outcome === 'access_only')) {
      expect(row).toMatchObject({ joinKey: 'none', customer: 'unknown', authorizer: [] });
    }
  });

  it('calls only overlapping twins ambiguous, and only where nothing better than the client-chosen id is there', () => {
    const twins = requests.filter(
      (row) => row.scenario === 'overlapping_request_id' && row.access !== undefined,
    );
    expect(new Set(twins.map((row) => row.apiName))).toEqual(
      new Set(['orders-api', 'billing-api', 'ledger-api']),
    );
    for (const row of twins) expect(row.outcome === 'ambiguous').toBe(row.apiName === 'ledger-api');
    const byId = Map.groupBy(twins, (row) => row.requestId);
    for (const pair of byId.values()) expect(pair).toHaveLength(2);
  });

  it('tells a WebSocket message what its connection was told', () => {
    const messages = requests.filter((row) => row.outcome === 'connection_decision');
    expect(messages.length).toBeGreaterThan(100);
    for (const row of messages) expect(row).toMatchObject({ decision: 'allow', joinKey: 'connection_id' });
  });

  it('holds to the table of decisions and outcomes', () => {
    const allowed: Readonly<Record<string, readonly string[]>> = {
      allow: [
        'matched',
        'cached_decision',
        'access_only',
        'gateway_decision',
        'connection_decision',
        'authorizer_only',
        'ambiguous',
      ],
      deny: ['matched', 'cached_decision', 'access_only', 'gateway_decision', 'ambiguous'],
      refused_before: ['no_authorizer_call', 'no_authorizer'],
      error: ['authorizer_error', 'authorizer_only'],
      unknown: ['no_authorizer'],
    };
    for (const row of requests) expect(allowed[row.decision]).toContain(row.outcome);
  });
});

function never(): never {
  throw new Error('Expected a row with an event, got none');
}
