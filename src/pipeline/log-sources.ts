import { matchesGlob } from '../inventory/glob.ts';
import type { AuthorizerRef, Inventory, LogGroupRef, StageInventory } from '../model/inventory.ts';
import type { LogPart } from '../model/part.ts';
import type { LogEvent, Source } from '../model/source-event.ts';
import type { Redactor } from '../redact/redactor.ts';
import { createAccessLogReader } from '../sources/access-logs/access-log-reader.ts';
import { compileAccessLogFormat } from '../sources/access-logs/compile-format.ts';
import type { AccessLineCandidate } from '../sources/access-logs/dispatch-lines.ts';
import { type ContextAliases, DEFAULT_CONTEXT_ALIASES } from '../sources/access-logs/to-access-part.ts';
import { createAuthorizerLogReader } from '../sources/authorizer-logs/authorizer-log-reader.ts';
import { AUTO_FORM, type AuthorizerFormSettings } from '../sources/authorizer-logs/settings.ts';
import { createLogSource, type LogEventsClient } from '../sources/log-window-source.ts';
import { logUnitOf } from './topology.ts';

/** How authorizers that match log and name people; first match wins. */
export interface AuthorizerRule {
  readonly match: { readonly name?: string | undefined; readonly function?: string | undefined };
  readonly form: AuthorizerFormSettings;
  readonly aliases: ContextAliases;
}

export interface LogSourceDeps {
  readonly client: LogEventsClient;
  readonly redactor: Redactor;
  /** Principal → customer, in clear. */
  readonly customerOf: ReadonlyMap<string, string>;
  readonly rules: readonly AuthorizerRule[];
}

/** One source per log group that the inventory names, by unit. A group that is both kinds is read as an access log. */
export function createLogSources(inventory: Inventory, deps: LogSourceDeps): Map<string, Source<LogPart>> {
  const sources = new Map<string, Source<LogPart>>();
  for (const [unit, { group, authorizer }] of authorizerGroups(inventory)) {
    const form = ruleFor(authorizer, deps.rules)?.form ?? AUTO_FORM;
    const { redactor, customerOf } = deps;
    const toParts = createAuthorizerLogReader({ group, unit, form, redactor, customerOf });
    sources.set(unit, sourceOf(unit, group, toParts, deps));
  }
  for (const [unit, { group, stages }] of accessGroups(inventory)) {
    const toParts = createAccessLogReader({
      group,
      candidates: candidatesOf(stages),
      redactor: deps.redactor,
      customerOf: deps.customerOf,
      aliasesOf: (authorizer) => aliasesOf(authorizer, deps.rules),
    });
    sources.set(unit, sourceOf(unit, group, toParts, deps));
  }
  return sources;
}

function sourceOf(
  unit: string,
  group: LogGroupRef,
  toParts: (events: readonly LogEvent[]) => readonly LogPart[],
  deps: LogSourceDeps,
): Source<LogPart> {
  return createLogSource({ unit, group, client: deps.client, toParts });
}

function accessGroups(inventory: Inventory): Map<string, { group: LogGroupRef; stages: StageInventory[] }> {
  const groups = new Map<string, { group: LogGroupRef; stages: StageInventory[] }>();
  for (const stage of inventory.stages) {
    const group = stage.accessLogGroup;
    if (group === undefined) continue;
    const unit = logUnitOf(group);
    const known = groups.get(unit);
    if (known === undefined) groups.set(unit, { group, stages: [stage] });
    else known.stages.push(stage);
  }
  return groups;
}

function authorizerGroups(
  inventory: Inventory,
): Map<string, { group: LogGroupRef; authorizer: AuthorizerRef }> {
  const groups = new Map<string, { group: LogGroupRef; authorizer: AuthorizerRef }>();
  for (const stage of inventory.stages) {
    for (const authorizer of Object.values(stage.authorizers)) {
      if (authorizer.logGroup === undefined) continue;
      groups.set(logUnitOf(authorizer.logGroup), { group: authorizer.logGroup, authorizer });
    }
  }
  return groups;
}

/** Every stage with the format it has and those it had; two stages of one format compile it once. */
function candidatesOf(stages: readonly StageInventory[]): AccessLineCandidate[] {
  const compiled = new Map<string, AccessLineCandidate['format']>();
  const candidates: AccessLineCandidate[] = [];
  for (const stage of stages) {
    const formats = [stage.accessLogFormat, ...stage.earlierFormats];
    for (const text of formats) {
      if (text === undefined) continue;
      const format = compiled.get(text) ?? compileAccessLogFormat(text);
      compiled.set(text, format);
      candidates.push({ stage, format });
    }
  }
  return candidates;
}

function aliasesOf(authorizer: AuthorizerRef | undefined, rules: readonly AuthorizerRule[]): ContextAliases {
  if (authorizer === undefined) return DEFAULT_CONTEXT_ALIASES;
  return ruleFor(authorizer, rules)?.aliases ?? DEFAULT_CONTEXT_ALIASES;
}

function ruleFor(authorizer: AuthorizerRef, rules: readonly AuthorizerRule[]): AuthorizerRule | undefined {
  return rules.find(({ match }) => {
    const nameFits = match.name === undefined || matchesGlob(match.name, authorizer.name);
    const { functionName } = authorizer;
    const functionFits =
      match.function === undefined ||
      (functionName !== undefined && matchesGlob(match.function, functionName));
    return nameFits && functionFits;
  });
}
