import type {
  DesiredResource,
  ObservedResource,
  Properties,
  ResourceType,
} from '../../src/model/managed-resource.ts';
import { resourceKeyText } from '../../src/model/managed-resource.ts';
import { applySteps } from '../../src/plan/apply-steps.ts';
import { type Change, type PlanInput, planChanges } from '../../src/plan/plan-changes.ts';

export const WORKSPACE = 'prod';
export const ACCOUNT = '111122223333';
export const REGION = 'eu-west-1';

/** `id` doubles as the name unless one is given. */
export function desired(
  id: string,
  more: Partial<Omit<DesiredResource, 'id' | 'key'>> & { name?: string; type?: ResourceType } = {},
): DesiredResource {
  const { name, type, ...rest } = more;
  return {
    id,
    key: { type: type ?? 'metric_alarm', account: ACCOUNT, region: REGION, name: name ?? id },
    properties: { MetricName: '5XXError', EvaluationPeriods: 5, Threshold: 0.05 },
    tags: {},
    origins: {},
    children: [],
    lifecycle: { preventDestroy: false, ignoreChanges: [], adopt: 'never' },
    ...rest,
  };
}

export function foreign(
  name: string,
  properties: Properties = {},
  tags: Record<string, string> = {},
): ObservedResource {
  return {
    key: { type: 'metric_alarm', account: ACCOUNT, region: REGION, name },
    properties,
    tags,
    children: [],
    state: 'OK',
  };
}

/** An account in memory: what a plan says is done to it, call by call, with AWS's own rules of order. */
export class World {
  readonly #resources = new Map<string, ObservedResource>();
  readonly calls: string[] = [];

  constructor(resources: readonly ObservedResource[] = []) {
    for (const resource of resources) this.#resources.set(resourceKeyText(resource.key), resource);
  }

  get resources(): readonly ObservedResource[] {
    return [...this.#resources.values()];
  }

  plan(wanted: readonly DesiredResource[], more: Partial<PlanInput> = {}): readonly Change[] {
    return planChanges({
      workspace: WORKSPACE,
      desired: wanted,
      observed: this.resources,
      partial: new Map(),
      ...more,
    });
  }

  apply(wanted: readonly DesiredResource[], more: Partial<PlanInput> = {}): readonly Change[] {
    const changes = this.plan(wanted, more);
    for (const step of applySteps(changes)) {
      if (step.kind === 'put') this.#put(step.change);
      else if (step.kind === 'neutralise') this.#neutralise(step.observed);
      else if (step.kind === 'restore') this.#restore(step.observed);
      else this.#delete(step.resources);
    }
    return changes;
  }

  #put(change: Extract<Change, { verb: 'create' | 'update' | 'adopt' | 'replace' }>): void {
    const { key, children } = change.desired;
    for (const child of children) this.#expectThere(child, key.name);
    this.calls.push(`put ${key.name}`);
    this.#resources.set(resourceKeyText(key), {
      key,
      properties: change.properties,
      tags: change.tags,
      children,
      state: 'OK',
    });
  }

  #neutralise(observed: ObservedResource): void {
    this.calls.push(`neutralise ${observed.key.name}`);
    this.#resources.set(resourceKeyText(observed.key), { ...observed, children: [] });
  }

  #restore(observed: ObservedResource): void {
    for (const child of observed.children) this.#expectThere(child, observed.key.name);
    this.calls.push(`restore ${observed.key.name}`);
    this.#resources.set(resourceKeyText(observed.key), observed);
  }

  #delete(resources: readonly ObservedResource[]): void {
    this.calls.push(`delete ${resources.map(({ key }) => key.name).join(' ')}`);
    const composites = resources.filter(({ key }) => key.type === 'composite_alarm');
    if (composites.length > 1) throw new Error('more than one composite in one call');
    for (const { key } of resources) {
      const parent = this.resources.find(({ children }) => children.includes(key.name));
      if (parent !== undefined) throw new Error(`${key.name} is still read by ${parent.key.name}`);
      this.#resources.delete(resourceKeyText(key));
    }
  }

  #expectThere(child: string, parent: string): void {
    if (this.resources.some(({ key }) => key.name === child)) return;
    throw new Error(`${parent} reads ${child}, which does not exist`);
  }
}
