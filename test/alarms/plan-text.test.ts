import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AlarmPlan } from '../../src/alarms/plan-alarms.ts';
import { readPlan, remainingChanges, writePlan } from '../../src/alarms/plan-file.ts';
import { planText } from '../../src/alarms/plan-text.ts';
import { UNVERIFIED_ALARM_PRICES } from '../../src/alarms/prices.ts';
import type { ObservedResource } from '../../src/model/managed-resource.ts';
import { ownershipOf } from '../../src/plan/ownership.ts';
import { planChanges } from '../../src/plan/plan-changes.ts';
import { World } from '../plan/world.ts';
import { ERRORS, expand, setWith, stage } from './files.ts';

const RULE = `{ id: impact, rule: "ALARM(errors)", severity: page }\n    - ${ERRORS}`;
const plain = stage('orders', { accessLogFormat: 'not json' });

function planOf(
  files: Readonly<Record<string, string>>,
  observed: readonly ObservedResource[],
  partial = new Map<string, string>(),
): AlarmPlan {
  const expansion = expand(files, plain);
  const { workspace, resources } = expansion;
  return {
    expansion,
    changes: planChanges({ workspace, desired: resources, observed, partial }),
    owned: observed.filter((resource) => ownershipOf(resource, workspace).kind === 'ours'),
    observed,
    partial,
  };
}

/** An account after the files were applied. */
function appliedTo(files: Readonly<Record<string, string>>): readonly ObservedResource[] {
  const world = new World();
  world.apply(expand(files, plain).resources, { workspace: 'default' });
  return world.resources;
}

describe('planText', () => {
  it('prints what the golden file says, for everything that a plan can say of an alarm', () => {
    const named = (id: string, more = '') =>
      ERRORS.replace('id: errors', `id: ${id}`).replace(' }', `${more} }`);
    const before = appliedTo(
      setWith(
        `${RULE}\n    - ${[
          named('old'),
          named('kept', ', lifecycle: { prevent_destroy: true }'),
          named('moved'),
          '{ id: slow, use: apigw/latency-p99 }',
          '{ id: math, use: apigw/4xx-ratio }',
          '{ id: turned, rule: "ALARM(errors)" }',
        ].join('\n    - ')}`,
      ),
    );
    const [errors] = before;
    if (errors === undefined) throw new Error('nothing was applied');
    const theirs = (name: string) => ({
      ...errors,
      key: { ...errors.key, name: `core/orders/prod/${name}` },
      tags: { 'aws:cloudformation:stack-name': 'legacy' },
    });
    const files = setWith(
      [
        '{ id: impact, rule: "ALARM(errors)", severity: page, annotations: { runbook_url: "https://r.example" } }',
        ERRORS.replace('0.05', '0.02').replace(' }', ', min_samples: 20 }'),
        named('taken'),
        named('theirs', ', lifecycle: { adopt: always }'),
        named('fresh'),
        named('moved', ', AlarmName: orders-errors, TreatMissingData: missing'),
        '{ id: denials, use: apigw/denials-ratio }',
        '{ id: slow, use: apigw/latency-p99, EvaluateLowSampleCountPercentile: ignore }',
        '{ id: math, use: apigw/4xx-ratio, min_samples: 50 }',
        named('turned', ', AlarmActions: ["arn:aws:sns:eu-west-1:111122223333:oncall"]'),
      ].join('\n    - '),
    );
    const plan = planOf(files, [...before, theirs('taken'), theirs('theirs')]);
    const text = planText(plan, {
      prices: UNVERIFIED_ALARM_PRICES,
      replay: new Map([['core/errors[orders/prod]', '1 -> 3 firings, 0 -> 1 page, longest 6m']]),
    });
    expect(text).toBe(readFileSync(new URL('plan.golden.txt', import.meta.url), 'utf8'));
    const verbs = plan.changes.map(({ verb }) => verb);
    expect([...new Set(verbs)].sort()).toEqual([
      'adopt',
      'conflict',
      'create',
      'delete',
      'replace',
      'update',
      'withheld',
    ]);
  });

  it('says why nothing is deleted where a listing was not whole', () => {
    const observed = appliedTo(setWith(`${RULE}\n    - ${ERRORS.replace('id: errors', 'id: old')}`));
    const partial = new Map([['111122223333/eu-west-1', 'REST APIs: GetRestApis was denied']]);
    const text = planText(planOf(setWith(RULE), observed, partial), { prices: UNVERIFIED_ALARM_PRICES });
    expect(
      text,
    ).toBe(`core/old[orders/prod]                          ! withheld would be deleted: discovery there was partial: REST APIs: GetRestApis was denied
nothing is deleted in 111122223333/eu-west-1: REST APIs: GetRestApis was denied

0 to add, 0 to change, 0 to replace, 0 to delete, 1 withheld. $0.70 -> $0.70 a month (list prices, unverified).
`);
  });

  it('says that there is nothing to do, and what it costs', () => {
    const files = setWith(RULE);
    const text = planText(planOf(files, appliedTo(files)), { prices: UNVERIFIED_ALARM_PRICES });
    expect(text).toBe('Nothing to change. $0.60 a month (list prices, unverified).\n');
  });
});

describe('a saved plan', () => {
  const files = setWith(RULE);
  const changed = setWith(RULE.replace('0.05', '0.02'));

  function saved(observed: readonly ObservedResource[]) {
    const { changes } = planOf(changed, observed);
    return readPlan('plan.json', writePlan({ workspace: 'default', createdMs: 0, changes, observed }));
  }

  it('comes back as it was written and applies where nothing has changed', () => {
    const observed = appliedTo(files);
    const plan = saved(observed);
    expect(plan.changes).toEqual(planOf(changed, observed).changes);
    expect(remainingChanges(plan, observed, planOf(changed, observed).changes)).toEqual(plan.changes);
  });

  it('is refused when what it saw has changed', () => {
    const observed = appliedTo(files);
    const plan = saved(observed);
    const touched = observed.map((resource) =>
      resource.key.type === 'metric_alarm'
        ? { ...resource, properties: { ...resource.properties, Threshold: 9 } }
        : resource,
    );
    expect(() => remainingChanges(plan, touched, planOf(changed, touched).changes)).toThrow(
      /nothing was applied; plan again/,
    );
  });

  it('goes on where an interrupted apply stopped', () => {
    const plan = saved(appliedTo(files));
    const done = appliedTo(changed);
    expect(remainingChanges(plan, done, planOf(changed, done).changes)).toEqual([]);
  });

  it.each(['{', '{"version":2}', '[]'])('is refused when it is %s', (text) => {
    expect(() => readPlan('x.json', text)).toThrow(/Expected x\.json to be a plan saved by/);
  });
});
