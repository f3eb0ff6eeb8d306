import type { JsonValue, Origin } from '../model/managed-resource.ts';
import type { FieldChange } from '../plan/compare.ts';
import { defaultOf } from '../plan/normalise.ts';
import type { Change } from '../plan/plan-changes.ts';
import type { AlarmPlan } from './plan-alarms.ts';
import { type AlarmPrices, monthlyPrice, priceOfChange } from './prices.ts';

export interface PlanTextSettings {
  readonly prices: AlarmPrices;
  /** What a replay says of a change, one line each, by id. */
  readonly replay?: ReadonlyMap<string, string>;
}

/** A plan for people: each change with its alarm, its fields before and after with file and line, state, price. */
export function planText(plan: AlarmPlan, settings: PlanTextSettings): string {
  const lines = plan.changes.flatMap((change) => [
    headline(change, settings.prices),
    ...detail(change, settings),
  ]);
  for (const { id, reason, file, line } of plan.expansion.refusals) {
    lines.push(`${pad(id)} x refused   ${reason} (${file}:${line})`);
  }
  for (const [scope, reason] of plan.partial) lines.push(`nothing is deleted in ${scope}: ${reason}`);
  return `${[...lines, '', summary(plan, settings)].join('\n').trimStart()}\n`;
}

const ID_WIDTH = 46;
const SIGNS: Readonly<Record<Change['verb'], string>> = {
  create: '+ create',
  update: '~ update',
  adopt: '~ adopt',
  replace: '± replace',
  delete: '- delete',
  conflict: '! conflict',
  withheld: '! withheld',
};

function headline(change: Change, prices: AlarmPrices): string {
  const id = 'desired' in change ? change.desired.id : change.id;
  const start = `${pad(id)} ${SIGNS[change.verb].padEnd(11)}`;
  switch (change.verb) {
    case 'create':
      return `${start}${typeWords(change.desired.key.type)}  ${dollars(priceOfChange(change, prices))} a month`;
    case 'update':
      return `${start}in place  (state kept: ${change.observed.state ?? 'none'})${priceWords(change, prices)}`;
    case 'adopt':
      return `${start}exists already and becomes ours  (state kept: ${change.observed.state ?? 'none'})`;
    case 'replace':
      return `${start}${change.why === 'renamed' ? `renamed from ${change.observed.key.name}` : 'changes its type'}  (state and history are lost)`;
    case 'delete':
      return `${start}${typeWords(change.observed.key.type)} ${change.observed.key.name}${stateWords(change)}  ${dollars(priceOfChange(change, prices))} a month`;
    case 'conflict':
      return `${start}${change.observed.key.name} exists and is not ours (${change.why})`;
    case 'withheld':
      return `${start}would be deleted: ${change.why}`;
  }
}

function detail(change: Change, settings: PlanTextSettings): readonly string[] {
  if (change.verb === 'conflict') {
    const { id } = change.desired;
    return [
      `    adopt it (gatewatch alarms adopt '${id}'), rename ours (nameTemplate), or exclude this API (for_each.exclude)`,
    ];
  }
  if (change.verb !== 'update' && change.verb !== 'adopt') return replayLines(change, settings);
  const fields = change.fields.map((field) => fieldLine(field, change));
  const tags = [
    ...Object.entries(change.tagChanges.set).map(([name, value]) => `    tag ${name} = ${value}`),
    ...change.tagChanges.removed.map((name) => `    tag ${name} removed`),
  ];
  return [
    ...fields,
    ...(fields.length === 0 ? tags : tags.filter((line) => !line.includes('gatewatch:spec'))),
    ...replayLines(change, settings),
  ];
}

function replayLines(change: Change, { replay }: PlanTextSettings): readonly string[] {
  const words = 'desired' in change ? replay?.get(change.desired.id) : undefined;
  return words === undefined ? [] : [`    replay: ${words}`];
}

function fieldLine(field: FieldChange, change: Extract<Change, { verb: 'update' | 'adopt' }>): string {
  const { type } = change.desired.key;
  const unset = defaultOf(type, field.property);
  // Normalising fills defaults in on both sides; what AWS holds may still not have been set.
  const wasSet = change.observed.properties[field.property] !== undefined;
  const before = wasSet || unset === undefined ? valueText(field.before) : `(unset = ${valueText(unset)})`;
  const origin = originOf(change.desired.origins, field.property);
  return `    ${field.property.padEnd(20)} ${before} -> ${valueText(field.after)}${origin === undefined ? '' : `   ${originText(origin)}`}`;
}

/** Metric math and actions are made from other fields: those say where to look. */
const MADE_FROM: Readonly<Record<string, readonly string[]>> = {
  Metrics: ['min_samples', 'per_request', 'metric', 'Period'],
  AlarmRule: ['rule'],
  AlarmDescription: ['annotations', 'id'],
  AlarmActions: ['severity', 'id'],
  OKActions: ['severity', 'id'],
  Dimensions: ['metric', 'id'],
  MetricName: ['metric', 'id'],
  Namespace: ['metric', 'id'],
};

function originOf(origins: Readonly<Record<string, Origin>>, property: string): Origin | undefined {
  const names = [property, ...(MADE_FROM[property] ?? [])];
  return names.map((name) => origins[name]).find((origin) => origin !== undefined);
}

function originText(origin: Origin): string {
  return origin.line === 0 ? origin.file : `${origin.file}:${origin.line}`;
}

function valueText(value: JsonValue | undefined): string {
  if (value === undefined) return '(none)';
  const text = typeof value === 'string' ? value.replaceAll('\n', '⏎') : JSON.stringify(value);
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}

function summary(plan: AlarmPlan, { prices }: PlanTextSettings): string {
  const count = (...verbs: readonly Change['verb'][]) =>
    plan.changes.filter((change) => verbs.includes(change.verb)).length;
  const before = plan.owned.reduce((sum, resource) => sum + monthlyPrice(resource, prices), 0);
  const after = before + plan.changes.reduce((sum, change) => sum + priceOfChange(change, prices), 0);
  const parts = [
    `${count('create')} to add`,
    `${count('update', 'adopt')} to change`,
    `${count('replace')} to replace`,
    `${count('delete')} to delete`,
    ...optional(count('conflict'), 'in conflict'),
    ...optional(count('withheld'), 'withheld'),
    ...optional(plan.expansion.refusals.length, 'refused'),
  ];
  if (plan.changes.length === 0)
    return `Nothing to change. ${dollars(before)} a month (list prices, unverified).`;
  return `${parts.join(', ')}. ${dollars(before)} -> ${dollars(after)} a month (list prices, unverified).`;
}

function optional(count: number, words: string): readonly string[] {
  return count === 0 ? [] : [`${count} ${words}`];
}

function priceWords(change: Change, prices: AlarmPrices): string {
  const difference = priceOfChange(change, prices);
  return Math.abs(difference) < 0.005 ? '' : `  ${difference > 0 ? '+' : ''}${dollars(difference)} a month`;
}

function stateWords(change: Extract<Change, { verb: 'delete' }>): string {
  return change.observed.state === 'ALARM' ? '  IS IN ALARM' : '';
}

function typeWords(type: Extract<Change, { verb: 'delete' }>['observed']['key']['type']): string {
  return { metric_alarm: 'alarm', composite_alarm: 'composite', metric_filter: 'metric filter' }[type];
}

function dollars(amount: number): string {
  return `${amount < 0 ? '-' : ''}$${Math.abs(amount).toFixed(2)}`;
}

function pad(id: string): string {
  return id.length >= ID_WIDTH ? id : id.padEnd(ID_WIDTH);
}
