import type { AlarmClients } from '../aws/alarm-clients.ts';
import { HeldError, IncompleteReadError, messageOf } from '../core/errors.ts';
import {
  type ObservedResource,
  type ResourceKey,
  type ResourceType,
  resourceKeyText,
} from '../model/managed-resource.ts';
import type { Step } from '../plan/apply-steps.ts';
import { changedFields } from '../plan/compare.ts';
import { normaliseProperties } from '../plan/normalise.ts';
import { observedAlarm } from './observe-alarms.ts';

/** DescribeAlarms tells of this many names in one call: a look costs one call in a hundred. */
const LOOKED_AT_ONCE = 100;

/** What a step is about to overwrite or delete, and what the plan saw there. */
interface Expectation {
  readonly key: ResourceKey;
  readonly planned: ObservedResource | undefined;
}

/**
 * Looks at each resource again shortly before it is written, since minutes may lie between a plan and the end of its
 * apply. CloudWatch has no conditional put: what changes between the look and the write is still overwritten.
 */
export class FreshLook {
  readonly #clients: AlarmClients;
  readonly #signal: AbortSignal;
  readonly #batchOf = new Map<Step, readonly Expectation[]>();
  readonly #seen = new Map<readonly Expectation[], Promise<ReadonlyMap<string, ObservedResource>>>();
  /** Written by this very run: what stands there now is ours. */
  readonly #written = new Set<string>();

  constructor(input: {
    readonly clients: AlarmClients;
    readonly steps: readonly Step[];
    readonly signal: AbortSignal;
  }) {
    this.#clients = input.clients;
    this.#signal = input.signal;
    let batch: Expectation[] = [];
    for (const step of input.steps) {
      const expected = expectationsOf(step);
      if (batch.length + expected.length > LOOKED_AT_ONCE) batch = [];
      batch.push(...expected);
      this.#batchOf.set(step, batch);
    }
  }

  /** Resources of the step that no longer are what the plan saw, each with the reason in words. */
  async conflictsOf(step: Step): Promise<ReadonlyMap<string, string>> {
    const conflicts = new Map<string, string>();
    const batch = this.#batchOf.get(step) ?? [];
    const unwritten = expectationsOf(step).filter(({ key }) => !this.#written.has(resourceKeyText(key)));
    if (unwritten.length === 0) return conflicts;
    const seen = this.#seen.get(batch) ?? this.#look(batch);
    this.#seen.set(batch, seen);
    const now = await seen;
    for (const { key, planned } of unwritten) {
      const why = whyStale(planned, now.get(resourceKeyText(key)), step.kind === 'delete');
      if (why !== undefined) conflicts.set(resourceKeyText(key), why);
    }
    return conflicts;
  }

  wrote(step: Step): void {
    for (const key of keysOf(step)) this.#written.add(resourceKeyText(key));
  }

  async #look(batch: readonly Expectation[]): Promise<ReadonlyMap<string, ObservedResource>> {
    const seen = new Map<string, ObservedResource>();
    const scopes = Map.groupBy(batch, ({ key }) => `${key.account}/${key.region}`);
    for (const expectations of scopes.values()) {
      for await (const resource of this.#observe(expectations.map(({ key }) => key))) {
        seen.set(resourceKeyText(resource.key), resource);
      }
    }
    return seen;
  }

  /** All keys lie in one account and Region. */
  async *#observe(keys: readonly ResourceKey[]): AsyncIterable<ObservedResource> {
    const [first] = keys;
    if (first === undefined) return;
    const { account, region } = first;
    const call = { account, region, signal: this.#signal };
    const namesOf = (...types: readonly ResourceType[]) =>
      keys.flatMap(({ type, name }) => (types.includes(type) ? [name] : []));
    const alarms = namesOf('metric_alarm', 'composite_alarm');
    if (alarms.length > 0) {
      for await (const page of this.#clients.describeAlarms({ ...call, names: alarms })) {
        for (const alarm of page) yield observedAlarm({ account, region }, alarm, {});
      }
    }
    if (namesOf('metric_filter').length > 0) {
      for await (const page of this.#clients.listFilters(call)) {
        for (const { name, logGroup, properties } of page) {
          yield { key: { type: 'metric_filter', account, region, name, logGroup }, properties, children: [] };
        }
      }
    }
    for (const name of namesOf('mute_rule')) {
      const mute = await this.#clients.getMute({ ...call, name });
      if (mute === undefined) continue;
      const { properties } = mute;
      yield { key: { type: 'mute_rule', account, region, name }, properties, children: [] };
    }
  }
}

/** A look that fails is a reason not to write, like a look that finds a stranger. */
export function isLookFailure(error: unknown): boolean {
  return error instanceof IncompleteReadError || error instanceof HeldError;
}

export function lookFailureWords(error: unknown): string {
  return `it could not be looked at again before the write, so nothing was written: ${messageOf(error)}`;
}

function expectationsOf(step: Step): readonly Expectation[] {
  switch (step.kind) {
    case 'put': {
      const { change } = step;
      const isOver = change.verb === 'update' || change.verb === 'adopt';
      return [{ key: change.desired.key, planned: isOver ? change.observed : undefined }];
    }
    case 'delete':
      return step.resources.map((planned) => ({ key: planned.key, planned }));
    case 'neutralise':
    case 'restore':
      return [{ key: step.observed.key, planned: step.observed }];
  }
}

function keysOf(step: Step): readonly ResourceKey[] {
  return expectationsOf(step).map(({ key }) => key);
}

function whyStale(
  planned: ObservedResource | undefined,
  now: ObservedResource | undefined,
  isDelete: boolean,
): string | undefined {
  const remedy = 'nothing was written: plan again';
  if (planned === undefined) {
    return now === undefined ? undefined : `it has been made by somebody else since the plan; ${remedy}`;
  }
  if (now === undefined) return isDelete ? undefined : `it was deleted since the plan; ${remedy}`;
  if (now.key.type !== planned.key.type) return `it is of another type since the plan; ${remedy}`;
  const { type } = now.key;
  const fields = changedFields(
    normaliseProperties(type, planned.properties),
    normaliseProperties(type, now.properties),
  );
  if (fields.length === 0) return undefined;
  const words = fields.map(
    ({ property, before, after }) =>
      `${property} ${JSON.stringify(before ?? null)}, got ${JSON.stringify(after ?? null)}`,
  );
  return `it was changed since the plan (expected ${words.join('; ')}); ${remedy}`;
}
