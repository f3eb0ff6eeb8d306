import type { LiveResult } from './live-run.ts';

/** What a run lost or did twice, in words; nothing when all is well. Times are no part of it. */
export function untrueOf({ expected, stored, sinks }: LiveResult): readonly string[] {
  const found: string[] = [];
  const compare = (what: string, got: number, wanted: number) => {
    if (got !== wanted) found.push(`expected ${wanted} ${what}, got ${got}`);
  };
  compare('log events in the ledger', stored.seen, expected.lines);
  compare('stored log events', stored.stored, expected.lines);
  compare('unreadable log events', stored.unparsed, 0);
  compare('requests in the journal', stored.requests, expected.requests);
  for (const { sink, missing, repeated, unjoined } of sinks) {
    compare(`requests that never reached ${sink}`, missing, 0);
    compare(`requests that ${sink} has not as they were joined`, unjoined, 0);
    compare(`records that ${sink} got twice`, repeated, 0);
  }
  return found;
}
