import type { JournalEntry, JournalRecord, StreamName } from '../model/journal.ts';

/** Patterns where `*` stands for any run of characters and `?` for one. A list matches when any of its patterns does. */
export interface FilterRule {
  readonly api?: readonly string[] | undefined;
  readonly stage?: readonly string[] | undefined;
  readonly decision?: readonly string[] | undefined;
  readonly outcome?: readonly string[] | undefined;
}

/** Empty: everything passes. */
export interface SinkFilterSettings {
  readonly streams?: readonly StreamName[] | undefined;
  readonly include?: readonly FilterRule[] | undefined;
  readonly exclude?: readonly FilterRule[] | undefined;
}

const ALL_STREAMS: readonly StreamName[] = ['records', 'metrics', 'alarms'];

/** Streams a sink with this filter is given. */
export function streamsOf(filter: SinkFilterSettings): readonly StreamName[] {
  return ALL_STREAMS.filter((stream) => filter.streams?.includes(stream) ?? true);
}

/**
 * True = send. An entry passes when any `include` rule matches (or there is none) and no `exclude` rule does.
 * What a record cannot have (a metric has no decision, an unread line no API) never keeps it out of an `include`, and
 * never puts it into an `exclude`: a filter for denies must not hide that lines could not be read.
 */
export function createSinkFilter(filter: SinkFilterSettings): (entry: JournalEntry) => boolean {
  const include = (filter.include ?? []).map(compileRule);
  const exclude = (filter.exclude ?? []).map(compileRule);
  // Without rules nothing is looked at: a row read back from the journal is not even parsed for it.
  if (include.length + exclude.length === 0) return () => true;
  return ({ record }) =>
    (include.length === 0 || include.some((rule) => rule(record, true))) &&
    !exclude.some((rule) => rule(record, false));
}

type CompiledRule = (record: JournalRecord, whenAbsent: boolean) => boolean;

function compileRule(rule: FilterRule): CompiledRule {
  const api = compilePatterns(rule.api);
  const stage = compilePatterns(rule.stage);
  const decision = compilePatterns(rule.decision);
  const outcome = compilePatterns(rule.outcome);
  return (record, whenAbsent) => {
    const facts = factsOf(record);
    return (
      api(facts.api, whenAbsent) &&
      stage(facts.stage, whenAbsent) &&
      decision(facts.decision, whenAbsent) &&
      outcome(facts.outcome, whenAbsent)
    );
  };
}

type Matcher = (value: string | undefined, whenAbsent: boolean) => boolean;

function compilePatterns(patterns: readonly string[] | undefined): Matcher {
  if (patterns === undefined) return () => true;
  const compiled = patterns.map(globToRegExp);
  return (value, whenAbsent) =>
    value === undefined ? whenAbsent : compiled.some((pattern) => pattern.test(value));
}

interface Facts {
  readonly api: string | undefined;
  readonly stage: string | undefined;
  readonly decision: string | undefined;
  readonly outcome: string | undefined;
}

function factsOf(record: JournalRecord): Facts {
  const nothing: Facts = { api: undefined, stage: undefined, decision: undefined, outcome: undefined };
  if (record.kind === 'unparsed') return nothing;
  if (record.kind !== 'request') return { ...nothing, api: record.apiName, stage: record.stage };
  return { api: record.apiName, stage: record.stage, decision: record.decision, outcome: record.outcome };
}

/** Runs of `*` are merged, so that no pattern a user writes can make matching slow. */
function globToRegExp(glob: string): RegExp {
  const escaped = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${escaped}$`, 's');
}
