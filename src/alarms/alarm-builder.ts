import { parseDuration } from '../core/duration.ts';
import { messageOf, UserError } from '../core/errors.ts';
import { didYouMean } from '../documents/did-you-mean.ts';
import type { Problem } from '../documents/problem.ts';
import { childrenOf, parseRule, printRule } from '../evaluate/composite-rule.ts';
import type { DesiredResource, JsonValue, Lifecycle, Origin, Properties } from '../model/managed-resource.ts';
import { filterNamePrefix } from '../plan/ownership.ts';
import type { AlarmInstance, AlarmModel, Refusal, Severity } from './alarm-instance.ts';
import type { AlarmEntry, AlarmSource } from './alarm-sources.ts';
import { describeAlarm, tagValue } from './describe-alarm.ts';
import { type Each, eachValues } from './each.ts';
import { expandMetricAlarm, type MetricAlarm } from './expand-metric-alarm.ts';
import { type ExpressionContext, evaluateIn } from './format/expressions.ts';
import type { FileOf } from './format/kinds.ts';
import { type FieldValues, isMap, mergeLayers } from './format/layers.ts';
import { localRule } from './local-rule.ts';
import { actionsOf, type Receiver, receiversFor } from './routing.ts';

/** An alarm of one stage with its fields merged and evaluated. */
interface Draft {
  readonly id: string;
  readonly source: AlarmSource;
  readonly entry: AlarmEntry;
  readonly each: Each;
  readonly fields: FieldValues;
  readonly origins: Readonly<Record<string, Origin>>;
  readonly name: string;
}

const MAX_NAME = 255;

/** Builds the alarms of all sets: metric alarms as they come, composites when every child is known. */
export class AlarmBuilder {
  readonly instances: AlarmInstance[] = [];
  readonly refusals: Refusal[] = [];
  readonly problems: Problem[] = [];
  readonly #routing: FileOf<'Routing'>['spec'] | undefined;
  readonly #composites: Draft[] = [];
  readonly #filters = new Map<
    string,
    { readonly draft: Draft; readonly filter: NonNullable<MetricAlarm['filter']> }
  >();
  /** `account/region/set/alarm[each]` → name in AWS. */
  readonly #names = new Map<string, string>();
  /** Ids of every set, whether or not they exist for a stage: a rule that names none of them has a typo. */
  readonly #known = new Map<string, Set<string>>();

  constructor(routing: FileOf<'Routing'>['spec'] | undefined) {
    this.#routing = routing;
  }

  addMetricAlarms(source: AlarmSource, each: Each): void {
    const ids = this.#known.get(source.name) ?? new Set();
    this.#known.set(source.name, ids);
    for (const entry of source.entries) {
      ids.add(entry.id);
      this.#guarded(entry, () => {
        const draft = this.#draft(source, entry, each);
        if (draft === undefined) return;
        if (draft.fields.rule !== undefined) this.#composites.push(draft);
        else this.#addMetricAlarm(draft);
      });
    }
  }

  /** Children may be composites themselves: a rule is built once all of its children that exist are. */
  addComposites(): void {
    let waiting = this.#composites;
    while (waiting.length > 0) {
      const ids = new Set(waiting.map((draft) => scopedId(draft, draft.id)));
      const ready = waiting.filter((draft) => !this.#childIds(draft).some((id) => ids.has(id)));
      // What is left names itself in a circle; the plan refuses it with the way round.
      for (const draft of ready.length > 0 ? ready : waiting) {
        this.#guarded(draft.entry, () => this.#addComposite(draft));
      }
      if (ready.length === 0) return;
      waiting = waiting.filter((draft) => !ready.includes(draft));
    }
  }

  /** Metric filters that the alarms rest on, each once. */
  filters(workspace: string): readonly DesiredResource[] {
    return [...this.#filters.values()].map(({ draft, filter }) => {
      const { stage } = draft.each;
      const id = `${filter.signal}/${stage.apiId}/${stage.stage}`;
      return {
        id,
        key: {
          type: 'metric_filter',
          account: stage.accessLogGroup?.account ?? stage.account,
          region: stage.accessLogGroup?.region ?? stage.region,
          name: `${filterNamePrefix(workspace)}${id}`,
          logGroup: filter.logGroup,
        },
        properties: filter.properties,
        tags: {},
        origins: { metricTransformations: draft.entry.origin, filterPattern: draft.entry.origin },
        children: [],
        lifecycle: { preventDestroy: false, ignoreChanges: [], adopt: 'never' },
      };
    });
  }

  /** One alarm that cannot be expanded is one problem, at its place. */
  #guarded(entry: AlarmEntry, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#problem(entry, entry.origin, messageOf(error));
    }
  }

  #problem(entry: AlarmEntry, origin: Origin, words: string): void {
    // Words of our own errors say expected, got and remedy in one sentence.
    const [expected = words, got = ''] = words.replace(/^Expected /, '').split(/, got:? /);
    this.problems.push({
      severity: 'error',
      file: origin.file,
      line: origin.line,
      column: 1,
      path: entry.id,
      expected,
      got,
      remedy: 'correct it here, or in the defaults and presets it is made from',
    });
  }

  #draft(source: AlarmSource, entry: AlarmEntry, each: Each): Draft | undefined {
    const merged = mergeLayers(entry.layers(each));
    if (merged.fields.enabled === false) return undefined;
    const context: ExpressionContext = {
      vars: source.vars(each),
      each: eachValues(each),
      set: { name: source.name, labels: source.labels },
      alarm: { id: entry.id },
    };
    const { when, ...rest } = merged.fields;
    const originOf = (field: string) => merged.origins[field] ?? entry.origin;
    if (when !== undefined && evaluateIn(when, context, originOf('when')) !== true) return undefined;
    const fields = Object.fromEntries(
      Object.entries(rest).map(([name, value]) => [name, evaluateIn(value, context, originOf(name))]),
    );
    const name = evaluateIn(source.nameTemplate, context, entry.origin);
    return {
      id: `${source.name}/${entry.id}[${each.key}]`,
      source,
      entry,
      each,
      fields,
      origins: { ...merged.origins, id: entry.origin },
      name: checkedName(String(name)),
    };
  }

  #addMetricAlarm(draft: Draft): void {
    const result = expandMetricAlarm(draft.fields, draft.each);
    switch (result.kind) {
      case 'absent':
        return;
      case 'refused':
        this.refusals.push({ id: draft.id, reason: result.reason, ...draft.entry.origin });
        return;
      case 'incomplete':
        this.#problem(draft.entry, draft.entry.origin, `Expected ${result.expected}, got none`);
        return;
      case 'made': {
        const { properties, model, filter } = result.alarm;
        if (filter !== undefined) this.#filters.set(filter.metric.metricName, { draft, filter });
        this.#add(draft, 'metric_alarm', properties, model, []);
      }
    }
  }

  #childIds(draft: Draft): readonly string[] {
    const { references } = localRule(parseRule(String(draft.fields.rule)), draft.source.name);
    return references.flatMap(({ set, alarm }) =>
      set === undefined ? [] : [scopedId(draft, `${set}/${alarm}[${draft.each.key}]`)],
    );
  }

  #addComposite(draft: Draft): void {
    const parsed = parseRule(String(draft.fields.rule));
    const { references } = localRule(parsed, draft.source.name);
    for (const { set, alarm } of references) this.#expectKnown(set, alarm);
    const nameOf = (set: string, alarm: string) =>
      this.#names.get(scopedId(draft, `${set}/${alarm}[${draft.each.key}]`));
    const { rule } = localRule(parsed, draft.source.name, nameOf);
    // No child exists for this stage (no authorizer, no access log): a composite that can never fire helps nobody.
    if (rule.kind === 'constant') return;
    const suppressor = this.#suppressorOf(draft, nameOf);
    const names = childrenOf(rule);
    const properties = {
      ...pascalCase(draft.fields),
      AlarmRule: printRule(rule),
      ...(suppressor === undefined
        ? {}
        : {
            ActionsSuppressor: suppressor.alarm,
            ActionsSuppressorWaitPeriod: suppressor.waitMs / 1_000,
            ActionsSuppressorExtensionPeriod: suppressor.extensionMs / 1_000,
          }),
    };
    const model: AlarmModel = {
      kind: 'composite',
      rule,
      ...(suppressor === undefined ? {} : { suppressor }),
    };
    const children = suppressor === undefined ? names : [...names, suppressor.alarm];
    this.#add(draft, 'composite_alarm', properties, model, children);
  }

  #expectKnown(set: string | undefined, alarm: string): void {
    if (set === undefined) return;
    const ids = this.#known.get(set);
    if (ids?.has(alarm) === true) return;
    const near = didYouMean(alarm, [...(ids ?? [])]);
    throw new UserError(
      'alarm_rule',
      `Expected an alarm of the set ${set} (${[...(ids ?? [])].join(', ') || 'there is no such set'}), got ${alarm}` +
        (near === undefined ? '' : `; did you mean ${near}?`),
    );
  }

  #suppressorOf(draft: Draft, nameOf: (set: string, alarm: string) => string | undefined) {
    const { suppress } = draft.fields;
    if (!isMap(suppress)) return undefined;
    const by = String(suppress.by);
    const [set, alarm] = by.includes('/')
      ? [by.slice(0, by.indexOf('/')), by.slice(by.indexOf('/') + 1)]
      : [draft.source.name, by];
    return {
      // An id of ours, or the name of an alarm somebody else keeps.
      alarm: nameOf(set, alarm) ?? by,
      waitMs: durationMs(suppress.wait),
      extensionMs: durationMs(suppress.extension),
    };
  }

  #add(
    draft: Draft,
    type: 'metric_alarm' | 'composite_alarm',
    properties: Properties,
    model: AlarmModel,
    children: readonly string[],
  ): void {
    const { each, source, entry, fields } = draft;
    const severity = severityOf(fields.severity);
    const labels = labelsOf(draft, severity);
    const annotations = textsOf(fields.annotations);
    const receivers = receiversFor(this.#routing, labels).map((receiver) =>
      addressed(receiver, each, entry.origin),
    );
    const owner = source.owner ?? labels.team;
    const resource: DesiredResource = {
      id: draft.id,
      key: { type, account: each.stage.account, region: each.stage.region, name: draft.name },
      properties: withActions(properties, receivers, {
        AlarmDescription: describeAlarm({
          id: draft.id,
          summary: annotations.summary ?? `${each.key}: ${entry.id}`,
          ...(owner === undefined ? {} : { owner }),
          ...(annotations.runbook_url === undefined ? {} : { runbook: annotations.runbook_url }),
        }),
      }),
      tags: tagsOf(draft, labels, owner, annotations.runbook_url),
      origins: draft.origins,
      children,
      lifecycle: lifecycleOf(fields.lifecycle),
    };
    this.#names.set(scopedId(draft, draft.id), draft.name);
    this.instances.push({
      id: draft.id,
      set: source.name,
      alarm: entry.id,
      each,
      severity,
      labels,
      annotations,
      receivers,
      resource,
      model,
      ...(entry.preset === undefined ? {} : { preset: entry.preset }),
      disabledRules: Array.isArray(fields.disable) ? fields.disable.map(String) : [],
    });
  }
}

function scopedId(draft: Draft, id: string): string {
  return `${draft.each.stage.account}/${draft.each.stage.region}/${id}`;
}

function checkedName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: CloudWatch refuses exactly these
  if (name.length > 0 && name.length <= MAX_NAME && !/[\u0000-\u001f\u007f]/.test(name)) return name;
  throw new UserError(
    'alarm_name',
    `Expected nameTemplate to give 1 to ${MAX_NAME} characters without control characters, got ${name.length}: ${name.slice(0, 80)}`,
  );
}

/** A topic's address may name the account and Region of the alarm: CloudWatch publishes within its own Region only. */
function addressed(receiver: Receiver, each: Each, origin: Origin): Receiver {
  const { sns } = receiver;
  if (sns === undefined || !sns.includes('${')) return receiver;
  return { ...receiver, sns: String(evaluateIn(sns, { each: eachValues(each) }, origin)) };
}

const DEFAULT_SUPPRESSION_MS = 60_000;

/** Milliseconds already, unless an override wrote it: overrides are not held to the schema of an alarm. */
function durationMs(value: JsonValue | undefined): number {
  if (typeof value === 'number') return value;
  return parseDuration(String(value)) ?? DEFAULT_SUPPRESSION_MS;
}

function severityOf(value: JsonValue | undefined): Severity {
  return value === 'page' || value === 'ticket' ? value : 'info';
}

/** Routing matches on these: the alarm's own labels win over the set's. */
function labelsOf(draft: Draft, severity: Severity): Readonly<Record<string, string>> {
  const { stage } = draft.each;
  return {
    api: stage.apiName,
    stage: stage.stage,
    protocol: stage.protocol,
    account: stage.account,
    region: stage.region,
    set: draft.source.name,
    alarm: draft.entry.id,
    severity,
    ...draft.source.labels,
    ...textsOf(draft.fields.labels),
  };
}

function textsOf(value: JsonValue | undefined): Readonly<Record<string, string>> {
  if (!isMap(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, String(item)]));
}

function tagsOf(
  draft: Draft,
  labels: Readonly<Record<string, string>>,
  owner: string | undefined,
  runbook: string | undefined,
): Readonly<Record<string, string>> {
  const made: Record<string, string> = {
    ...draft.source.tags,
    ...textsOf(draft.fields.tags),
    severity: labels.severity ?? 'info',
    api: labels.api ?? '',
    stage: labels.stage ?? '',
    ...(labels.team === undefined ? {} : { team: labels.team }),
    ...(owner === undefined ? {} : { owner }),
    ...(runbook === undefined ? {} : { runbook }),
  };
  return Object.fromEntries(Object.entries(made).map(([name, value]) => [name, tagValue(value)]));
}

/** Actions written by hand stay; receivers are added to them. */
function withActions(properties: Properties, receivers: readonly Receiver[], own: Properties): Properties {
  const made: Record<string, JsonValue> = { ...own, ...properties };
  for (const [list, actions] of Object.entries(actionsOf(receivers))) {
    const written = made[list];
    made[list] = [...new Set([...(Array.isArray(written) ? written.map(String) : []), ...actions])];
  }
  return made;
}

function lifecycleOf(value: JsonValue | undefined): Lifecycle {
  const fields = isMap(value) ? value : {};
  return {
    preventDestroy: fields.prevent_destroy === true,
    ignoreChanges: Array.isArray(fields.ignore_changes) ? fields.ignore_changes.map(String) : [],
    adopt: fields.adopt === 'always' || fields.adopt === 'if-identical' ? fields.adopt : 'never',
  };
}

/** What a composite may carry under CloudFormation's names: the rest of the defaults is for metric alarms. */
const COMPOSITE_FIELDS = new Set([
  'ActionsEnabled',
  'AlarmActions',
  'OKActions',
  'InsufficientDataActions',
  'ActionConfiguration',
]);

function pascalCase(fields: FieldValues): Properties {
  const own = Object.entries(fields).filter(([name]) => COMPOSITE_FIELDS.has(name));
  return { ...Object.fromEntries(own), ...(isMap(fields.raw) ? fields.raw : {}) };
}
