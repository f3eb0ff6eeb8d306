import type { AccessPart, LogPart } from '../../src/model/part.ts';
import { access, invocation, type Rig } from './scenario.ts';

/** Lines that name one invocation, and messages of one connection, any number of them. */

export const T = 1_699_999_000_000;
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export function use(id: string, of: string, startMs: number): AccessPart {
  return access({ id, startMs, authzRequestId: of });
}

export function uses(count: number, of: string): AccessPart[] {
  return Array.from({ length: count }, (_one, n) => use(`${of}-${n}`, of, T + 1_000 + n));
}

/** A request whose format shows nothing but its gateway request id, so much later than others under that id. */
export function byGatewayId(id: string, laterMs: number): AccessPart {
  const fields = { requestId: `G-${id}` };
  return access({ id: `${id}-${laterMs}`, startMs: T + laterMs, callVisible: false, fields });
}

export function connect(id: string, startMs = T): AccessPart {
  const fields = { route: '$connect', eventType: 'CONNECT', connectionId: `c-${id}` };
  return access({ id, startMs, protocol: 'WEBSOCKET', authzRequestId: id, fields });
}

export function message(id: string, connection: string, startMs: number): AccessPart {
  const fields = { route: 'send', eventType: 'MESSAGE', connectionId: `c-${connection}` };
  return access({ id, startMs, protocol: 'WEBSOCKET', fields });
}

export function messages(count: number, connection: string): AccessPart[] {
  return Array.from({ length: count }, (_one, n) =>
    message(`${connection}-${n}`, connection, T + MINUTE + n),
  );
}

export function made(id: string): LogPart[] {
  return invocation({ id, startMs: T + 5, customer: `C-${id}` });
}

/** The invocation that was made for the first request under that id, or so much later. */
export function madeUnder(id: string, laterMs = 0): LogPart[] {
  const told = { gatewayRequestId: `G-${id}`, customer: `C-${id}` };
  return invocation({ id: `L${id}`, startMs: T + 5 + laterMs, ...told });
}

export function rowsOf(rig: Rig, prefix: string): number {
  return [...rig.store.rows.values()].filter(({ kind }) => kind.startsWith(prefix)).length;
}

export function outcomes(rig: Rig): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const record of rig.store.records.values()) {
    if (record.kind !== 'request' || record.supersededBy !== undefined) continue;
    const what = `${record.outcome} ${record.customer}`;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}

export function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
