import type { Origin } from '../model/managed-resource.ts';
import { changedFields, type FieldChange } from '../plan/compare.ts';
import { defaultOf, normaliseProperties } from '../plan/normalise.ts';
import type { Change } from '../plan/plan-changes.ts';
import type { AlarmPlan } from './plan-alarms.ts';
import { changeText, valueText } from './plan-values.ts';
import { type AlarmPrices, monthlyTotals, priceOfChange } from './prices.ts';

export interface PlanTextSettings {
  readonly prices: AlarmPrices;
  /** What a replay says of a change, one line each, by id; of alarms that only read a changed one, too. */
  readonly replay?: ReadonlyMap<string, string>;
  /** Pages a week, replayed. */
  readonly pages?: { readonly before: number; readonly after: number; readonly budget?: number };
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
  lines.push(...readerLines(plan, settings));
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
  const start = `${pad(idOf(change))} ${SIGNS[change.verb].padEnd(11)}`;
  switch (change.verb) {
    case 'create':
      return `${start}${typeWords(change.desired.key.type)}  ${dollars(priceOfChange(change, prices))} a month${placeWords(change)}`;
    case 'update':
      return `${start}in place  (state kept: ${change.observed.state ?? 'none'})${priceWords(change, prices)}`;
    case 'adopt':
      return `${start}exists already and becomes ours  (state kept: ${change.observed.state ?? 'none'})${priceWords(change, prices)}`;
    case 'replace':
      return `${start}${replaceWords(change)}  (state and history are lost)${priceWords(change, prices)}${placeWords(change)}`;
    case 'delete':
      return `${start}${typeWords(change.observed.key.type)} ${change.observed.key.name}${stateWords(change)}${change.first ? '  (first: its log group is full)' : ''}  ${dollars(priceOfChange(change, prices))} a month`;
    case 'conflict':
      return `${start}${change.observed.key.name} exists and is not ours (${change.why})${placeWords(change)}`;
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
  if (change.verb === 'replace') return [...replacedFields(change), ...replayLines(change, settings)];
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

/** Alarms that stay as they are, and yet fire otherwise because they read one that changes. */
function readerLines(plan: AlarmPlan, { replay }: PlanTextSettings): readonly string[] {
  const changed = new Set(plan.changes.map(idOf));
  return [...(replay ?? [])].flatMap(([id, words]) =>
    changed.has(id) ? [] : [`${pad(id)} = stays      reads what changes`, `    replay: ${words}`],
  );
}

function idOf(change: Change): string {
  return 'desired' in change ? change.desired.id : change.id;
}

function replayLines(change: Change, { replay }: PlanTextSettings): readonly string[] {
  const words = replay?.get(idOf(change));
  return words === undefined ? [] : [`    replay: ${words}`];
}

type FieldsOf = Extract<Change, { verb: 'update' | 'adopt' | 'replace' }>;

function fieldLine(field: FieldChange, { desired, observed }: FieldsOf): string {
  const { type } = desired.key;
  const { property, before, after } = field;
  const unset = defaultOf(type, property);
  // Normalising fills defaults in on both sides; what AWS holds may still not have been set.
  const wasSet = observed.properties[property] !== undefined;
  const words =
    wasSet || unset === undefined
      ? changeText(property, before, after)
      : `(unset = ${valueText(property, unset)}) -> ${valueText(property, after)}`;
  const origin = originOf(desired.origins, property);
  return `    ${property.padEnd(20)} ${words}${origin === undefined ? '' : `   ${originText(origin)}`}`;
}

/** A renamed alarm may have changed besides; one of another type shares nothing with what it was. */
function replacedFields(change: Extract<Change, { verb: 'replace' }>): readonly string[] {
  if (change.why === 'type') return [];
  const { type } = change.desired.key;
  const before = normaliseProperties(type, change.observed.properties);
  return changedFields(before, normaliseProperties(type, change.properties)).map((field) =>
    fieldLine(field, change),
  );
}

function replaceWords({ why, observed, desired }: Extract<Change, { verb: 'replace' }>): string {
  return why === 'renamed' ? `renamed from ${observed.key.name} to ${desired.key.name}` : 'changes its type';
}

/** Where the alarm is written. */
function placeWords({ desired }: Extract<Change, { readonly desired: unknown }>): string {
  const origin = desired.origins.id ?? Object.values(desired.origins)[0];
  return origin === undefined ? '' : `   ${originText(origin)}`;
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

function summary(plan: AlarmPlan, { prices, pages }: PlanTextSettings): string {
  const count = (...verbs: readonly Change['verb'][]) =>
    plan.changes.filter((change) => verbs.includes(change.verb)).length;
  const { before, after } = monthlyTotals(plan, prices);
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
    return `Nothing to change${plan.partial.size === 0 ? '' : ' in what could be read'}. ${dollars(before)} a month (list prices, unverified).${pageWords(pages)}`;
  return `${parts.join(', ')}. ${dollars(before)} -> ${dollars(after)} a month (list prices, unverified).${pageWords(pages)}`;
}

function pageWords(pages: PlanTextSettings['pages']): string {
  if (pages === undefined) return '';
  const budget = pages.budget === undefined ? '' : ` (budget ${pages.budget})`;
  return ` Pages a week ${pages.before.toFixed(1)} -> ${pages.after.toFixed(1)}${budget}.`;
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
  return {
    metric_alarm: 'alarm',
    composite_alarm: 'composite',
    metric_filter: 'metric filter',
    mute_rule: 'mute rule',
  }[type];
}

function dollars(amount: number): string {
  return `${amount < 0 ? '-' : ''}$${Math.abs(amount).toFixed(2)}`;
}

function pad(id: string): string {
  return id.length >= ID_WIDTH ? id : id.padEnd(ID_WIDTH);
}
