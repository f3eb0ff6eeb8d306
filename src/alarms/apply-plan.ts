import type { AlarmClients } from '../aws/alarm-clients.ts';
import { IncompleteReadError, messageOf } from '../core/errors.ts';
import { runLimited } from '../core/run-limited.ts';
import { type ObservedResource, type ResourceKey, resourceKeyText } from '../model/managed-resource.ts';
import { applySteps, type Step } from '../plan/apply-steps.ts';
import type { Change } from '../plan/plan-changes.ts';
import { FreshLook, isLookFailure, lookFailureWords } from './fresh-look.ts';

export interface ApplyFailure {
  readonly id: string;
  readonly reason: string;
}

export interface ApplyResult {
  readonly done: number;
  readonly failures: readonly ApplyFailure[];
  /** Steps not tried, because something they build on failed or a stop was asked for. */
  readonly skipped: number;
}

export interface ApplyInput {
  readonly clients: AlarmClients;
  readonly changes: readonly Change[];
  readonly signal: AbortSignal;
  /** Told after each step, with how many there are. */
  readonly onProgress?: (done: number, total: number, what: string) => void;
}

/** Enough to keep the limiter busy while answers are under way. */
const WRITES_AT_ONCE = 4;

/**
 * Carries a plan out, step by step in CloudWatch's order. One alarm that fails fails alone: the rest goes on, but for
 * what reads it, and nothing is deleted after a failure. So does one that was changed by somebody else since the plan: it
 * is looked at again just before it is written, and left as it is. Running it again takes up what is left.
 */
export async function applyPlan(input: ApplyInput): Promise<ApplyResult> {
  const steps = applySteps(input.changes);
  const run = new ApplyRun(input, steps);
  for (const phase of phasesOf(steps)) await run.phase(phase);
  return run.result();
}

/** Steps that may run side by side: neighbours of one kind, but composites one after the other. */
function phasesOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const phases: Step[][] = [];
  let last = '';
  for (const step of steps) {
    const kind = phaseKindOf(step);
    if (kind === last && kind !== '') phases.at(-1)?.push(step);
    else phases.push([step]);
    last = kind;
  }
  return phases;
}

function phaseKindOf(step: Step): string {
  if (step.kind === 'put' && step.change.desired.key.type !== 'composite_alarm') {
    return `put ${step.change.desired.key.type}`;
  }
  return step.kind === 'delete' && step.type !== 'composite_alarm' ? `delete ${step.type}` : '';
}

class ApplyRun {
  readonly #input: ApplyInput;
  readonly #total: number;
  readonly #look: FreshLook;
  readonly #failures: ApplyFailure[] = [];
  readonly #failedNames = new Set<string>();
  #done = 0;
  #skipped = 0;

  constructor(input: ApplyInput, steps: readonly Step[]) {
    this.#input = input;
    this.#total = steps.length;
    this.#look = new FreshLook({ clients: input.clients, steps, signal: input.signal });
  }

  async phase(steps: readonly Step[]): Promise<void> {
    await runLimited(steps, WRITES_AT_ONCE, async (step) => this.#step(step));
  }

  result(): ApplyResult {
    return { done: this.#done, failures: this.#failures, skipped: this.#skipped };
  }

  async #step(step: Step): Promise<void> {
    if (this.#input.signal.aborted || this.#isBlocked(step)) {
      this.#skipped += 1;
      return;
    }
    try {
      const fresh = await this.#withoutConflicts(step);
      if (fresh !== undefined) {
        await carryOut(this.#input.clients, fresh, this.#input.signal);
        this.#look.wrote(fresh);
        this.#done += 1;
      }
    } catch (error) {
      if (this.#input.signal.aborted) {
        this.#skipped += 1;
        return;
      }
      this.#fail(step, stepName(step), messageOf(error));
    }
    this.#input.onProgress?.(this.#done + this.#failures.length, this.#total, stepName(step));
  }

  #fail(step: Step, id: string, reason: string): void {
    this.#failures.push({ id, reason });
    if (step.kind === 'put') this.#failedNames.add(scopedName(step.change.desired.key));
  }

  /** What is left of a step: `undefined` when somebody else has changed all that it is about. */
  async #withoutConflicts(step: Step): Promise<Step | undefined> {
    const conflicts = await this.#look.conflictsOf(step).catch((error: unknown) => {
      if (!isLookFailure(error)) throw error;
      throw new IncompleteReadError(lookFailureWords(error), { cause: error });
    });
    if (conflicts.size === 0) return step;
    if (step.kind !== 'delete') {
      for (const reason of conflicts.values()) this.#fail(step, stepName(step), reason);
      return undefined;
    }
    for (const { key } of step.resources) {
      const reason = conflicts.get(resourceKeyText(key));
      if (reason !== undefined) this.#fail(step, `delete ${key.name}`, reason);
    }
    const resources = step.resources.filter(({ key }) => !conflicts.has(resourceKeyText(key)));
    return resources.length === 0 ? undefined : { ...step, resources };
  }

  #isBlocked(step: Step): boolean {
    if (step.kind === 'delete') return this.#failures.length > 0;
    if (step.kind !== 'put') return false;
    const { key, children } = step.change.desired;
    return children.some((child) => this.#failedNames.has(scopedName({ ...key, name: child })));
  }
}

function scopedName(key: ResourceKey): string {
  return `${key.account}/${key.region}/${key.name}`;
}

function stepName(step: Step): string {
  switch (step.kind) {
    case 'put':
      return step.change.desired.id;
    case 'delete':
      return `delete ${step.resources.map(({ key }) => key.name).join(', ')}`;
    case 'neutralise':
    case 'restore':
      return `${step.kind} ${step.observed.key.name}`;
  }
}

async function carryOut(clients: AlarmClients, step: Step, signal: AbortSignal): Promise<void> {
  switch (step.kind) {
    case 'put':
      return put(clients, step, signal);
    case 'delete':
      return remove(clients, step, signal);
    case 'neutralise':
      return rewrite(clients, step.observed, { ...step.observed.properties, AlarmRule: 'FALSE' }, signal);
    case 'restore':
      return rewrite(clients, step.observed, step.observed.properties, signal);
  }
}

/** Tags are taken on creation only; on an update, and on taking over, they need calls of their own. */
async function put(
  clients: AlarmClients,
  { change }: Extract<Step, { kind: 'put' }>,
  signal: AbortSignal,
): Promise<void> {
  const { desired, properties, tags } = change;
  const { type, name, account, region, logGroup } = desired.key;
  const scope = { account, region, signal };
  if (type === 'metric_filter') {
    await clients.putFilter({ ...scope, name, logGroup: logGroup ?? '', properties });
    return;
  }
  if (type === 'mute_rule') {
    await clients.putMute({ ...scope, name, properties });
    return;
  }
  const isNew = change.verb === 'create' || change.verb === 'replace';
  if (isNew || change.fields.length > 0) {
    await clients.putAlarm({ ...scope, kind: type, name, properties, tags: isNew ? tags : {} });
  }
  if (isNew) return;
  const { set, removed } = change.tagChanges;
  if (removed.length > 0) await clients.untagAlarm({ ...scope, name, tags: removed });
  // After the alarm itself: the tag that says what was applied must not be ahead of it.
  if (Object.keys(set).length > 0) await clients.tagAlarm({ ...scope, name, tags: set });
}

async function remove(
  clients: AlarmClients,
  step: Extract<Step, { kind: 'delete' }>,
  signal: AbortSignal,
): Promise<void> {
  const [first] = step.resources;
  if (first === undefined) return;
  const { account, region, name, logGroup } = first.key;
  const scope = { account, region, signal };
  if (step.type === 'metric_filter') {
    await clients.deleteFilter({ ...scope, name, logGroup: logGroup ?? '' });
    return;
  }
  if (step.type === 'mute_rule') {
    await clients.deleteMute({ ...scope, name });
    return;
  }
  await clients.deleteAlarms({ ...scope, names: step.resources.map(({ key }) => key.name) });
}

async function rewrite(
  clients: AlarmClients,
  { key }: ObservedResource,
  properties: ObservedResource['properties'],
  signal: AbortSignal,
): Promise<void> {
  const { account, region, name } = key;
  await clients.putAlarm({ account, region, signal, kind: 'composite_alarm', name, properties, tags: {} });
}
