import { silentLogger } from '../../src/core/logger.ts';
import { byText } from '../../src/core/sort-few.ts';
import {
  type CorrelateSettings,
  Correlator,
  defaultCorrelateSettings,
  type Topology,
} from '../../src/correlate/correlator.ts';
import type { AuthorizerKind, Protocol } from '../../src/model/inventory.ts';
import type { JournalRecord, StateChange, StateRow } from '../../src/model/journal.ts';
import type { AccessPart, AuthorizerLinePart, LogPart } from '../../src/model/part.ts';
import type { AccessFields, RequestRecord } from '../../src/model/request-record.ts';
import type { SourceRef } from '../../src/model/source-event.ts';

export const ACCESS_UNIT = 'logs:111122223333:eu-west-1:/apigw/orders';
export const AUTHORIZER_UNIT = 'logs:111122223333:eu-west-1:/aws/lambda/authz';

let serial = 0;

function source(logGroup: string, atMs: number, id?: string): SourceRef {
  serial += 1;
  return {
    account: '111122223333',
    region: 'eu-west-1',
    logGroup,
    logStream: 'stream-1',
    eventId: id ?? String(serial).padStart(56, '0'),
    timestampMs: atMs,
    ingestionMs: atMs + 2_000,
  };
}

export interface AccessOptions {
  readonly id: string;
  readonly startMs: number;
  readonly latencyMs?: number;
  readonly kind?: AuthorizerKind | 'unknown';
  readonly protocol?: Protocol;
  readonly authzRequestId?: string;
  readonly authorizerRequestId?: string;
  readonly authzApigwRequestId?: string;
  readonly callVisible?: boolean;
  readonly principal?: string;
  readonly customer?: string;
  readonly resolutionMs?: number;
  readonly fields?: AccessFields;
}

export function access(options: AccessOptions): AccessPart {
  const { id, startMs, latencyMs = 100 } = options;
  return {
    role: 'access',
    source: source('/apigw/orders', startMs + latencyMs, `access-${id}`),
    stage: {
      account: '111122223333',
      region: 'eu-west-1',
      apiId: 'a1b2c3',
      apiName: 'orders',
      stage: 'prod',
      protocol: options.protocol ?? 'REST',
    },
    authorizerKind: options.kind ?? 'lambda_request',
    authorizerUnit: AUTHORIZER_UNIT,
    authorizerTtlMs: 300_000,
    startMs,
    startResolutionMs: options.resolutionMs ?? 1,
    fields: {
      extendedRequestId: `ext-${id}`,
      requestId: `req-${id}`,
      status: 200,
      integrationStatus: '200',
      responseLatencyMs: latencyMs,
      ...options.fields,
    },
    authorizerCallVisible: options.callVisible ?? true,
    responseTypeVisible: true,
    ...(options.authzRequestId !== undefined && { authzRequestId: options.authzRequestId }),
    ...(options.authorizerRequestId !== undefined && { authorizerRequestId: options.authorizerRequestId }),
    ...(options.authzApigwRequestId !== undefined && { authzApigwRequestId: options.authzApigwRequestId }),
    ...(options.principal !== undefined && { principal: options.principal }),
    ...(options.customer !== undefined && {
      customer: options.customer,
      customerSource: 'authorizer_context' as const,
    }),
  };
}

export interface InvocationOptions {
  readonly id: string;
  readonly startMs: number;
  readonly durationMs?: number;
  readonly decision?: 'allow' | 'deny' | 'error';
  readonly gatewayRequestId?: string;
  readonly customer?: string;
  readonly reason?: string;
}

/** START, one application line, END and REPORT of one invocation. */
export function invocation(options: InvocationOptions): AuthorizerLinePart[] {
  const { id, startMs, durationMs = 20 } = options;
  const line = (kind: AuthorizerLinePart['line'], atMs: number): AuthorizerLinePart => ({
    role: 'authorizer',
    source: source('/aws/lambda/authz', atMs, `auth-${id}-${kind}`),
    unit: AUTHORIZER_UNIT,
    lambdaRequestId: id,
    line: kind,
  });
  const endMs = startMs + durationMs;
  return [
    line('start', startMs),
    {
      ...line('application', startMs + 1),
      decision: options.decision ?? 'allow',
      text: `decision for ${id}`,
      principal: `p-${id}`,
      ...(options.reason !== undefined && { reason: options.reason }),
      ...(options.gatewayRequestId !== undefined && { gatewayRequestId: options.gatewayRequestId }),
      ...(options.customer !== undefined && {
        customer: options.customer,
        customerSource: 'authorizer_log' as const,
      }),
    },
    line('end', endMs),
    { ...line('report', endMs), durationMs },
  ];
}

/** State and records as a journal would keep them. */
export class MemoryStore {
  readonly rows = new Map<string, StateRow>();
  readonly records = new Map<string, JournalRecord>();
  /** Every record ever written, in order. */
  readonly written: JournalRecord[] = [];

  apply(records: readonly JournalRecord[], changes: readonly StateChange[]): void {
    for (const record of records) {
      if (this.records.get(record.recordId)?.eventId === record.eventId) continue;
      this.records.set(record.recordId, record);
      this.written.push(record);
    }
    for (const { kind, key, body, expiresMs } of changes) {
      if (body === null) this.rows.delete(`${kind}|${key}`);
      else this.rows.set(`${kind}|${key}`, { kind, key, body, expiresMs });
    }
  }

  /** Goes on with what another worker wrote. */
  take(other: MemoryStore): void {
    for (const [key, row] of other.rows) this.rows.set(key, row);
    for (const [id, record] of other.records) this.records.set(id, record);
  }

  /** As the journal forgets, only more often. */
  prune(forgetMs: number): void {
    for (const [key, { expiresMs }] of this.rows) {
      if (expiresMs > 0 && expiresMs <= forgetMs) this.rows.delete(key);
    }
  }

  async state(kind: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (const key of keys) {
      const row = this.rows.get(`${kind}|${key}`);
      if (row !== undefined) found.set(key, row.body);
    }
    return found;
  }

  async *allState(kind: string, prefix = '', from = prefix): AsyncIterable<StateRow> {
    const rows = [...this.rows.values()].filter((row) => row.kind === kind && row.key.startsWith(prefix));
    for (const row of rows.sort((a, b) => byText(a.key, b.key))) if (row.key >= from) yield row;
  }

  async bodies(ids: readonly string[]): Promise<ReadonlyMap<string, JournalRecord>> {
    const found = new Map<string, JournalRecord>();
    for (const id of ids) {
      if (typeof id !== 'string') throw new TypeError('Expected the id of a record');
      const record = this.records.get(id);
      // As from disk: nothing of the object that was written is shared.
      if (record !== undefined) found.set(id, JSON.parse(JSON.stringify(record)));
    }
    return found;
  }
}

export const TOPOLOGY: Topology = {
  accessUnitsOf: (unit) => (unit === AUTHORIZER_UNIT ? [ACCESS_UNIT] : []),
  stageOf: () => ({
    stage: {
      account: '111122223333',
      region: 'eu-west-1',
      apiId: 'a1b2c3',
      apiName: 'orders',
      stage: 'prod',
      protocol: 'REST',
    },
    kind: 'lambda_request',
  }),
};

/** A correlator with its store, driven batch by batch as the pipeline drives it. */
export class Rig {
  readonly store = new MemoryStore();
  readonly watermarks = new Map<string, number>();
  readonly #settings: CorrelateSettings;
  correlator: Correlator;
  nowMs = 1_700_000_000_000;
  /** Where it is behind `nowMs`: re-reads are overdue. */
  forgetMs: number | undefined;
  /** Errors that were logged. */
  readonly told: string[] = [];

  constructor(settings: Partial<CorrelateSettings> = {}) {
    this.#settings = { ...defaultCorrelateSettings, ...settings };
    this.correlator = this.#create();
  }

  #create(): Correlator {
    const logger = { ...silentLogger, error: (_fields: unknown, message: string) => this.told.push(message) };
    return new Correlator({ store: this.store, settings: this.#settings, topology: () => TOPOLOGY, logger });
  }

  /** What a crash leaves: the store. */
  async restart(): Promise<void> {
    this.correlator = this.#create();
    await this.correlator.reset();
  }

  /** Returns how many records the commit has. */
  async feed(parts: readonly LogPart[]): Promise<number> {
    const forgetMs = Math.min(this.forgetMs ?? this.nowMs, this.correlator.heldSinceMs);
    const result = await this.correlator.process({
      parts,
      nowMs: this.nowMs,
      watermarkOf: (name) => this.watermarks.get(name),
      forgetMs,
    });
    this.store.apply(result.records, result.state);
    this.store.prune(forgetMs);
    this.correlator.committed(this.nowMs);
    return result.records.length;
  }

  /** Carries on with what one commit had no room for. Returns how many records each commit had. */
  async finish(beforeEach: () => Promise<void> = async () => undefined): Promise<number[]> {
    const commits: number[] = [];
    while (this.correlator.isBehind) {
      if (commits.length > 10_000) throw new Error('Expected what is carried on to end');
      await beforeEach();
      commits.push(await this.feed([]));
    }
    return commits;
  }

  async readThrough(atMs: number): Promise<void> {
    this.watermarks.set(ACCESS_UNIT, atMs);
    this.watermarks.set(AUTHORIZER_UNIT, atMs);
    await this.feed([]);
  }

  request(id: string): RequestRecord | undefined {
    for (const record of this.store.records.values()) {
      if (record.kind === 'request' && record.extendedRequestId === `ext-${id}`) return record;
    }
    return undefined;
  }

  alone(lambdaRequestId: string): RequestRecord | undefined {
    for (const record of this.store.records.values()) {
      if (record.kind !== 'request' || record.extendedRequestId !== undefined) continue;
      if (record.decisionRequestId === lambdaRequestId) return record;
    }
    return undefined;
  }
}

export const FAR_FUTURE = 4_000_000_000_000;

/** Reads everything through, lets the time go by, and has some other turn come round. */
export async function pass(rig: Rig, ms: number): Promise<void> {
  await rig.readThrough(FAR_FUTURE);
  rig.nowMs += ms;
  await rig.feed([]);
}
