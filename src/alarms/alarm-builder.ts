import { messageOf, UserError } from '../core/errors.ts';
import { didYouMean } from '../documents/did-you-mean.ts';
import type { Problem } from '../documents/problem.ts';
import { childrenOf, parseRule, printRule } from '../evaluate/composite-rule.ts';
import type { StageInventory } from '../model/inventory.ts';
import type { DesiredResource, Origin, Properties } from '../model/managed-resource.ts';
import { filterNamePrefix } from '../plan/ownership.ts';
import {
  checkedName,
  compositeProperties,
  durationMs,
  labelsOf,
  lifecycleOf,
  severityOf,
  tagsOf,
  textsOf,
  withActions,
} from './alarm-fields.ts';
import type { AlarmInstance, AlarmModel, Refusal } from './alarm-instance.ts';
import { nameWithin } from './alarm-reference.ts';
import type { AlarmEntry, AlarmSource } from './alarm-sources.ts';
import { asBoolean, faultIn, readRule } from './checked-fields.ts';
import { describeAlarm } from './describe-alarm.ts';
import { type Each, eachValues } from './each.ts';
import { expandMetricAlarm, type MetricAlarm, portableOf } from './expand-metric-alarm.ts';
import { type ExpressionContext, evaluateIn, PlacedError } from './format/expressions.ts';
import { type FieldValues, isMap, mergeLayers } from './format/layers.ts';
import type { Loaded } from './format/load-alarm-files.ts';
import { localRule } from './local-rule.ts';
import type { PortableMetric } from './portable-metrics.ts';
import { unmetNeed } from './preset-needs.ts';
import { type Receiver, receiversFor } from './routing.ts';

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

/** Builds the alarms of all sets: metric alarms as they come, composites when every child is known. */
export class AlarmBuilder {
  readonly instances: AlarmInstance[] = [];
  readonly refusals: Refusal[] = [];
  readonly problems: Problem[] = [];
  readonly #routing: Loaded<'Routing'> | undefined;
  readonly #published: ReadonlySet<PortableMetric>;
  readonly #refusedFilters: ReadonlyMap<string, string>;
  readonly #composites: Draft[] = [];
  readonly #filters = new Map<
    string,
    { readonly draft: Draft; readonly filter: NonNullable<MetricAlarm['filter']> }
  >();
  /** `account/region/set/alarm[each]` → name in AWS. */
  readonly #names = new Map<string, string>();
  /** Ids of every set, whether or not they exist for a stage: a rule that names none of them has a typo. */
  readonly #known = new Map<string, Set<string>>();

  /** `published`: signals that need no metric filter. `refusedFilters`: those that cannot be made, by id, and why. */
  constructor(
    routing: Loaded<'Routing'> | undefined,
    published: ReadonlySet<PortableMetric> = new Set(),
    refusedFilters: ReadonlyMap<string, string> = new Map(),
  ) {
    this.#routing = routing;
    this.#published = published;
    this.#refusedFilters = refusedFilters;
  }

  addMetricAlarms(source: AlarmSource, each: Each): void {
    const ids = this.#known.get(source.name) ?? new Set();
    this.#known.set(source.name, ids);
    for (const entry of source.entries) {
      ids.add(entry.id);
      this.#guarded(entry, () => {
        const draft = this.#draft(source, entry, each);
        if (draft === undefined) return;
        if (draft.fields.rule !== undefined) {
          readRule(draft.fields.rule, draft.origins.rule ?? entry.origin);
          this.#composites.push(draft);
        } else this.#addMetricAlarm(draft);
      });
    }
  }

  /** Children may be composites themselves: a rule is built once all of its children that exist are. */
  addComposites(): void {
    let waiting = this.#composites;
    while (waiting.length > 0) {
      const ids = new Set(waiting.map((draft) => scopedId(draft, draft.id)));
      const ready = waiting.filter((draft) => !this.#childIds(draft).some((id) => ids.has(id)));
      if (ready.length === 0) {
        for (const draft of waiting) this.#guarded(draft.entry, () => this.#throwCircle(draft, waiting));
        return;
      }
      for (const draft of ready) this.#guarded(draft.entry, () => this.#addComposite(draft));
      waiting = waiting.filter((draft) => !ready.includes(draft));
    }
  }

  /** CloudWatch stops evaluating composites that read themselves, over however many others, and deletes none of them. */
  #throwCircle(draft: Draft, waiting: readonly Draft[]): never {
    const path: Draft[] = [];
    for (let at: Draft | undefined = draft; at !== undefined && !path.includes(at); ) {
      path.push(at);
      const children: readonly string[] = this.#childIds(at);
      at = waiting.find((other) => children.includes(scopedId(other, other.id)));
    }
    const steps = path.map(({ source, entry }) => `${source.name}/${entry.id}`);
    throw new PlacedError(draft.origins.rule ?? draft.entry.origin, {
      expected: 'a rule that reads no alarm which reads it in turn',
      got: `a circle: ${[...steps, steps[0]].join(' → ')}`,
      remedy: 'take one of them out',
    });
  }

  /** Metric filters that the alarms rest on, each once. */
  filters(workspace: string): readonly DesiredResource[] {
    return [...this.#filters.values()].map(({ draft, filter }) => {
      const { stage } = draft.each;
      const id = filterId(filter.signal, stage);
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
      if (error instanceof PlacedError) this.#placed(entry, error.origin, error.words);
      else this.#problem(entry, entry.origin, messageOf(error));
    }
  }

  #problem(entry: AlarmEntry, origin: Origin, words: string): void {
    // Words of our own errors say expected and got in one sentence.
    const [expected = words, got = ''] = words.replace(/^Expected /, '').split(/, got:? /);
    const remedy = 'correct it here, or in the defaults and presets it is made from';
    this.#placed(entry, origin, { expected, got, remedy });
  }

  #placed(entry: AlarmEntry, { file, line }: Origin, words: PlacedError['words']): void {
    this.problems.push({ severity: 'error', file, line, column: 1, path: entry.id, ...words });
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
    const { when, AlarmName = source.nameTemplate, ...rest } = merged.fields;
    const originOf = (field: string) => merged.origins[field] ?? entry.origin;
    if (when !== undefined && !asBoolean(evaluateIn(when, context, originOf('when')), originOf('when')))
      return undefined;
    const id = `${source.name}/${entry.id}[${each.key}]`;
    const unmet = unmetNeed(entry.preset, merged, each, source.vars(each));
    if (unmet !== undefined) {
      if (entry.packed !== true) this.refusals.push({ id, reason: unmet, ...entry.origin });
      return undefined;
    }
    const fields = Object.fromEntries(
      Object.entries(rest).map(([name, value]) => [name, evaluateIn(value, context, originOf(name))]),
    );
    const fault = faultIn(fields);
    if (fault !== undefined) {
      this.#problem(entry, originOf(fault.field), `Expected ${fault.expected}, got ${fault.got}`);
      return undefined;
    }
    const name = evaluateIn(AlarmName, context, originOf('AlarmName'));
    return {
      id,
      source,
      entry,
      each,
      fields,
      origins: { ...merged.origins, id: entry.origin },
      name: checkedName(String(name)),
    };
  }

  #addMetricAlarm(draft: Draft): void {
    const result = expandMetricAlarm(draft.fields, draft.each, this.#published);
    switch (result.kind) {
      case 'absent':
        return;
      case 'refused':
        this.#refuse(draft, result.reason);
        return;
      case 'incomplete':
        this.#problem(draft.entry, draft.entry.origin, `Expected ${result.expected}, got none`);
        return;
      case 'made': {
        const { properties, model, filter } = result.alarm;
        const why = filter && this.#refusedFilters.get(filterId(filter.signal, draft.each.stage));
        if (why !== undefined) {
          this.#refuse(draft, why);
          return;
        }
        if (filter !== undefined) this.#filters.set(filter.metric.metricName, { draft, filter });
        this.#add(draft, 'metric_alarm', properties, model, []);
      }
    }
  }

  /** What a stage lacks it lacks for each of its routes: that is said once. */
  #refuse({ source, entry, each, fields }: Draft, reason: string): void {
    const place = each.route === undefined ? each.key : each.key.slice(0, -each.route.length - 1);
    const id = `${source.name}/${entry.id}[${place}]`;
    if (this.refusals.some((known) => known.id === id && known.reason === reason)) return;
    const metric = each.route === undefined ? portableOf(fields.metric) : undefined;
    const { account, region, apiId, stage } = each.stage;
    const watched = metric === undefined ? {} : { watched: { account, region, apiId, stage, metric } };
    this.refusals.push({ id, reason, ...entry.origin, ...watched });
  }

  #childIds(draft: Draft): readonly string[] {
    const { references } = localRule(parseRule(String(draft.fields.rule)), draft.source.name);
    const { suppress } = draft.fields;
    const all = isMap(suppress) ? [...references, suppressorId(String(suppress.by), draft)] : references;
    return all.flatMap(({ set, alarm }) =>
      set === undefined ? [] : [scopedId(draft, `${set}/${alarm}[${draft.each.key}]`)],
    );
  }

  #addComposite(draft: Draft): void {
    const parsed = parseRule(String(draft.fields.rule));
    const { references } = localRule(parsed, draft.source.name);
    for (const { set, alarm } of references) this.#expectKnown(draft, set, alarm);
    const nameOf = (set: string, alarm: string) =>
      this.#names.get(scopedId(draft, `${set}/${alarm}[${draft.each.key}]`));
    const local = localRule(parsed, draft.source.name, nameOf);
    // As it is read back: alarms of the same account and Region by name.
    const rule = parseRule(printRule(local.rule, (reference) => nameWithin(draft.each.stage, reference)));
    // No child exists for this stage (no authorizer, no access log): a composite that can never fire helps nobody.
    if (rule.kind === 'constant') return;
    const suppressor = this.#suppressorOf(draft, nameOf);
    const names = childrenOf(rule);
    const properties = {
      ...compositeProperties(draft.fields),
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

  #expectKnown(draft: Draft, set: string | undefined, alarm: string): void {
    if (set === undefined) return;
    const ids = [...(this.#known.get(set) ?? [])];
    if (ids.includes(alarm)) return;
    const near = didYouMean(alarm, ids);
    throw new PlacedError(draft.origins.rule ?? draft.entry.origin, {
      expected: `an alarm of the set ${set} (${ids.join(', ') || 'there is no such set'})`,
      got: alarm,
      remedy:
        near === undefined ? 'correct the rule; an alarm of AWS stands in quotes' : `did you mean ${near}?`,
    });
  }

  #suppressorOf(draft: Draft, nameOf: (set: string, alarm: string) => string | undefined) {
    const { suppress } = draft.fields;
    if (!isMap(suppress)) return undefined;
    const by = String(suppress.by);
    const { set, alarm } = suppressorId(by, draft);
    const name = nameOf(set, alarm);
    const ids = this.#known.get(set);
    // It exists for other stages: here there is nothing to wait for.
    if (name === undefined && ids?.has(alarm) === true) return undefined;
    const near = name === undefined ? didYouMean(alarm, [...(ids ?? [])]) : undefined;
    if (near !== undefined) {
      throw new PlacedError(draft.origins.suppress ?? draft.entry.origin, {
        expected: 'suppress.by to be an id of this set, set/id, or the name of an alarm in AWS',
        got: by,
        remedy: `did you mean ${near}?`,
      });
    }
    return {
      // An id of ours, or the name of an alarm somebody else keeps.
      alarm: name ?? by,
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
    const receivers = receiversFor(this.#routing?.value.spec, labels).map((receiver) =>
      addressed(receiver, each, this.#routing),
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
      disabledRules: [
        ...entry.disabledRules,
        ...(Array.isArray(fields.disable) ? fields.disable.map(String) : []),
      ],
    });
  }
}

function filterId(signal: PortableMetric, { apiId, stage }: StageInventory): string {
  return `${signal}/${apiId}/${stage}`;
}

function suppressorId(by: string, { source }: Draft): { readonly set: string; readonly alarm: string } {
  const slash = by.indexOf('/');
  return slash < 0
    ? { set: source.name, alarm: by }
    : { set: by.slice(0, slash), alarm: by.slice(slash + 1) };
}

function scopedId(draft: Draft, id: string): string {
  return `${draft.each.stage.account}/${draft.each.stage.region}/${id}`;
}

/** A topic's address may name the account and Region of the alarm: CloudWatch publishes within its own Region only. */
function addressed(receiver: Receiver, each: Each, routing: Loaded<'Routing'> | undefined): Receiver {
  const { sns } = receiver;
  if (sns === undefined || !sns.includes('${') || routing === undefined) return receiver;
  const index = routing.value.spec.receivers.findIndex(({ name }) => name === receiver.name);
  const { line } = routing.document.positionOf(['spec', 'receivers', index, 'sns']);
  const origin = { file: routing.document.file, line };
  return { ...receiver, sns: String(evaluateIn(sns, { each: eachValues(each) }, origin)) };
}
