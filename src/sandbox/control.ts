import { isObject } from '../core/json.ts';
import type { AlarmStore } from './aws/alarm-store.ts';
import type { SnsLog } from './aws/sns.ts';
import type { EventsServer } from './dynatrace-events.ts';
import type { OtlpServer } from './dynatrace-otlp.ts';
import { type Counters, type FaultInjector, parseFaults } from './faults.ts';
import { type AnyReply, type Call, jsonReply, ndjsonReply } from './http-exchange.ts';
import { readIncident } from './incident-control.ts';
import type { HecServer } from './splunk-hec.ts';
import { readTokens, type TokenStore } from './tokens.ts';
import type { World } from './world.ts';

/** How the sandbox's time is read and set over HTTP. */
export interface ClockControl {
  now(): number;
  /** Absent: the clock cannot be set. */
  readonly steer?: (nowMs: number) => void;
  readonly freeze?: (frozen: boolean) => void;
  readonly isFrozen: () => boolean;
}

export interface ControlDeps {
  readonly world: World;
  readonly clock: ClockControl;
  readonly faults: FaultInjector;
  readonly counters: Counters;
  readonly faultCounters: Counters;
  readonly tokens: TokenStore;
  readonly hec: HecServer;
  readonly otlp: OtlpServer;
  readonly events: EventsServer;
  readonly sns: SnsLog;
  readonly alarms: AlarmStore;
}

/** `/_sandbox/…`: what a rehearsal needs to steer the stand-ins and to compare with the truth. */
export function answerControl(deps: ControlDeps, call: Call): AnyReply {
  switch (`${call.method} ${call.path.slice('/_sandbox'.length)}`) {
    case 'GET /truth':
      return ndjsonReply(jsonLines(deps.world.truth(deps.clock.now())));
    case 'GET /accepted/splunk':
      return ndjsonReply(jsonLines(deps.hec.acceptedEvents()));
    case 'GET /accepted/splunk/brief':
      return ndjsonReply(deps.hec.accepted.briefLines());
    case 'GET /accepted/dynatrace':
      return ndjsonReply(jsonLines(deps.otlp.acceptedItems()));
    case 'GET /accepted/dynatrace/brief':
      return ndjsonReply(deps.otlp.accepted.briefLines());
    case 'GET /problems':
      return ndjsonReply(jsonLines(deps.events.problems));
    case 'GET /sns':
      return ndjsonReply(jsonLines(deps.sns.deliveries));
    case 'GET /sns/text':
      return ndjsonReply(deps.sns.lines());
    case 'GET /alarms/history':
      return ndjsonReply(jsonLines(deps.alarms.everything()));
    case 'GET /incident':
      return jsonReply(200, { incidents: deps.world.incidents?.list ?? [] });
    case 'POST /incident':
      return setIncident(deps, call);
    case 'GET /stats':
      return jsonReply(200, statsOf(deps));
    case 'GET /clock':
      return jsonReply(200, clockOf(deps));
    case 'POST /clock':
      return setClock(deps, call);
    case 'GET /faults':
      return jsonReply(200, { names: deps.faults.settings.names });
    case 'POST /faults':
      return setFaults(deps, call);
    case 'POST /tokens':
      return setTokens(deps, call);
    case 'POST /channels/forget':
      deps.hec.forgetChannels();
      return jsonReply(200, {});
    default:
      return jsonReply(404, { error: `The sandbox has no ${call.method} ${call.path}.` });
  }
}

function* jsonLines(rows: Iterable<unknown>): Generator<string> {
  for (const row of rows) yield JSON.stringify(row);
}

function statsOf(deps: ControlDeps): Record<string, unknown> {
  return {
    accepted: { splunk: deps.hec.accepted.count, dynatrace: deps.otlp.accepted.count },
    counts: deps.counters,
    faults: { ...deps.faultCounters.toJSON(), late: lateEvents(deps.world, deps.clock.now()) },
  };
}

/** An event that became readable later than this counts as a late one. */
const LATE_MS = 30_000;

/** The `late` fault is made by the world itself: events readable by now that came late. */
function lateEvents(world: World, nowMs: number): number {
  let count = 0;
  for (const group of world.logGroups) {
    for (const event of group.events) {
      if (event.ingestionMs <= nowMs && event.ingestionMs - event.timestampMs > LATE_MS) count += 1;
    }
  }
  return count;
}

function clockOf(deps: ControlDeps): Record<string, unknown> {
  return {
    nowMs: deps.clock.now(),
    frozen: deps.clock.isFrozen(),
    historyFromMs: deps.world.historyFromMs,
    historyToMs: deps.world.historyToMs,
    longestLagMs: deps.world.longestLagMs,
  };
}

function bodyOf(call: Call): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(call.body.toString());
  } catch {
    return undefined;
  }
  return isObject(value) ? value : undefined;
}

function refused(why: string): AnyReply {
  return jsonReply(400, { error: why });
}

function setClock(deps: ControlDeps, call: Call): AnyReply {
  const body = bodyOf(call);
  const { nowMs, frozen } = body ?? {};
  const isValid =
    (nowMs === undefined || typeof nowMs === 'number') &&
    (frozen === undefined || typeof frozen === 'boolean');
  if (body === undefined || !isValid)
    return refused('Expected {"nowMs": number, "frozen": boolean}, both optional.');
  const { steer, freeze } = deps.clock;
  if ((nowMs !== undefined && steer === undefined) || (frozen !== undefined && freeze === undefined)) {
    return refused('This sandbox was started with a clock that cannot be set.');
  }
  if (typeof frozen === 'boolean') freeze?.(frozen);
  if (typeof nowMs === 'number') steer?.(nowMs);
  return jsonReply(200, clockOf(deps));
}

/** Takes `{"names": [...]}` or `{"names": "late,throttle"}`. */
function setFaults(deps: ControlDeps, call: Call): AnyReply {
  const names = bodyOf(call)?.names;
  const text = Array.isArray(names) ? names.join(',') : names;
  if (typeof text !== 'string') return refused('Expected {"names": ["throttle", …]}.');
  try {
    deps.faults.replace(parseFaults(text));
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
  return jsonReply(200, { names: deps.faults.settings.names });
}

/** Takes `{"minutes": 10}`: the backend of one stage is slow from now on; 0 ends it. */
function setIncident({ world, clock }: ControlDeps, call: Call): AnyReply {
  const { incidents } = world;
  if (incidents === undefined)
    return refused('This sandbox was started with a world that knows no incidents.');
  const incident = readIncident(bodyOf(call), world, clock.now());
  if (typeof incident === 'string') return refused(incident);
  if (incident.toMs > incident.fromMs) incidents.add(incident);
  else incidents.endAll(incident.fromMs);
  return jsonReply(200, { incidents: incidents.list });
}

function setTokens(deps: ControlDeps, call: Call): AnyReply {
  const tokens = readTokens(bodyOf(call));
  if (typeof tokens === 'string') return refused(tokens);
  deps.tokens.replace(tokens);
  return jsonReply(200, {});
}
