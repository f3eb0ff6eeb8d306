import type { AuthorizerRef, LogGroupRef, StageInventory } from '../../model/inventory.ts';
import type { AccessPart, StageRef } from '../../model/part.ts';
import type { LogEvent } from '../../model/source-event.ts';
import type { Redactor } from '../../redact/redactor.ts';
import { type ClearParty, nameParty, type Party } from '../customer-map.ts';
import { sourceRef } from '../unparsed-part.ts';
import { type CollectedLine, createFieldCollector, type FieldCollector } from './collect-fields.ts';
import type { CompiledFormat } from './compile-format.ts';
import type { MatchedLine } from './dispatch-lines.ts';
import type { ParsedAccessLine } from './parsed-line.ts';
import { authorizerOfRoute, logUnit, type RouteAuthorizer } from './route-authorizer.ts';

/**
 * Which values of the authorizer context carry customer and principal; the first one present wins. Names stand as after
 * `$context.authorizer.` (`orgCustomerId`, `claims.sub`), or begin with `identity.`.
 */
export interface ContextAliases {
  readonly customer: readonly string[];
  readonly principal: readonly string[];
}

export const DEFAULT_CONTEXT_ALIASES: ContextAliases = {
  customer: ['orgCustomerId', 'x_org_customer_id', 'customerId', 'claims.org_customer_id'],
  principal: ['principalId', 'claims.sub', 'claims.client_id', 'identity.userArn', 'identity.caller'],
};

export interface AccessPartSettings {
  readonly group: LogGroupRef;
  readonly redactor: Redactor;
  /** Principal → customer, in clear; asked where the context names no customer. */
  readonly customerOf: ReadonlyMap<string, string>;
  /** Aliases for an authorizer; `undefined` = the line's authorizer is not known. */
  readonly aliasesOf: (authorizer: AuthorizerRef | undefined) => ContextAliases;
}

export type AccessPartBuilder = (event: LogEvent, match: MatchedLine) => AccessPart;

/** Resolution where the line holds no request time: the event is stamped at some moment of the request's life. */
const EVENT_TIME_RESOLUTION_MS = 60_000;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Turns matched lines into redacted parts. Plans are made once per format and stage, for they run once per line. */
export function createAccessPartBuilder(settings: AccessPartSettings): AccessPartBuilder {
  const formats = new Map<CompiledFormat, FormatPlan>();
  const stages = new Map<StageInventory, StageRef>();
  const naming = { ...settings, ownSource: 'authorizer_context' } as const;
  return (event, match) => {
    const plan = remembered(formats, match.format, planFormat);
    const { stage } = match;
    const { fields, joins, time } = plan.collect(match.parsed, settings.redactor);
    const authorizer = stage === undefined ? UNKNOWN_AUTHORIZER : authorizerOfRoute(stage, fields);
    const part: Writable<AccessPart> = {
      role: 'access',
      source: sourceRef(settings.group, event),
      stage: stage === undefined ? unlistedStage(match, settings) : remembered(stages, stage, stageRef),
      authorizerKind: authorizer.kind,
      authorizerTtlMs: authorizer.ref?.ttlMs ?? 0,
      startMs: time?.ms ?? event.timestampMs,
      startResolutionMs: time?.resolutionMs ?? EVENT_TIME_RESOLUTION_MS,
      fields,
      authorizerCallVisible: plan.showsCalls && stage?.protocol !== 'HTTP',
      responseTypeVisible: plan.slotOf.has('error.responseType'),
    };
    if (authorizer.ref !== undefined) nameAuthorizer(part, authorizer.ref);
    nameInvocation(part, joins);
    const clear = clearParty(plan, match.parsed, settings.aliasesOf(authorizer.ref));
    return withParty(part, nameParty(clear, naming));
  };
}

const UNKNOWN_AUTHORIZER: RouteAuthorizer = { kind: 'unknown' };

function remembered<K, V>(known: Map<K, V>, key: K, make: (key: K) => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make(key);
  known.set(key, made);
  return made;
}

function nameAuthorizer(part: Writable<AccessPart>, ref: AuthorizerRef): void {
  part.authorizerId = ref.authorizerId;
  if (ref.logGroup !== undefined) part.authorizerUnit = logUnit(ref.logGroup);
}

function nameInvocation(part: Writable<AccessPart>, joins: CollectedLine['joins']): void {
  if (joins.authzRequestId !== undefined) part.authzRequestId = joins.authzRequestId;
  if (joins.authzApigwRequestId !== undefined) part.authzApigwRequestId = joins.authzApigwRequestId;
  if (joins.authorizerRequestId !== undefined) part.authorizerRequestId = joins.authorizerRequestId;
}

function withParty(part: Writable<AccessPart>, party: Party): AccessPart {
  if (party.principal !== undefined) part.principal = party.principal;
  if (party.customer !== undefined) part.customer = party.customer;
  if (party.customerSource !== undefined) part.customerSource = party.customerSource;
  return part;
}

interface FormatPlan {
  readonly collect: FieldCollector;
  /** HTTP APIs print `-` for these variables whether or not the function ran, so there they show nothing. */
  readonly showsCalls: boolean;
  readonly slotOf: ReadonlyMap<string, number>;
  readonly partySlots: Map<ContextAliases, PartySlots>;
}

interface PartySlots {
  readonly customer: readonly number[];
  readonly principal: readonly number[];
}

function planFormat(format: CompiledFormat): FormatPlan {
  return {
    collect: createFieldCollector(format),
    showsCalls: format.template.slots.some((slot) => slot.variable.provesAuthorizerCall === true),
    slotOf: new Map(format.variables.map((name, slot) => [name, slot])),
    partySlots: new Map(),
  };
}

function clearParty(plan: FormatPlan, line: ParsedAccessLine, aliases: ContextAliases): ClearParty {
  const slots = plan.partySlots.get(aliases) ?? planParty(plan, aliases);
  const principal = firstPresent(line, slots.principal);
  const customer = firstPresent(line, slots.customer);
  return {
    ...(principal !== undefined && { principal }),
    ...(customer !== undefined && { customer }),
  };
}

function planParty(plan: FormatPlan, aliases: ContextAliases): PartySlots {
  const slotsOf = (names: readonly string[]) =>
    names.flatMap((name) => {
      const slot = plan.slotOf.get(name.startsWith('identity.') ? name : `authorizer.${name}`);
      return slot === undefined ? [] : [slot];
    });
  const slots = { customer: slotsOf(aliases.customer), principal: slotsOf(aliases.principal) };
  plan.partySlots.set(aliases, slots);
  return slots;
}

function firstPresent(line: ParsedAccessLine, slots: readonly number[]): string | undefined {
  for (const slot of slots) {
    const value = line.values[slot];
    if (value !== undefined) return value;
  }
  return undefined;
}

function stageRef(stage: StageInventory): StageRef {
  const { account, region, apiId, apiName, protocol } = stage;
  return { account, region, apiId, apiName, stage: stage.stage, protocol };
}

/** A stage that the inventory does not hold, as the line names it. */
function unlistedStage(match: MatchedLine, { group, redactor }: AccessPartSettings): StageRef {
  const apiId = redactor.text(match.apiId ?? 'unknown');
  return {
    account: group.account,
    region: group.region,
    apiId,
    apiName: apiId,
    stage: redactor.text(match.stageName ?? 'unknown'),
    protocol: 'UNKNOWN',
  };
}
