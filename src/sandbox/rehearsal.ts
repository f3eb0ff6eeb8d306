import { createSystemClock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { FaultSettings } from './faults.ts';
import { createGeneratedWorld } from './generated-world.ts';
import { INCIDENT_API, INCIDENT_FACTOR, INCIDENT_STAGE, type Incident } from './incidents.ts';
import { type HistoryMaking, makeHistory } from './make-history.ts';
import { rehearsalDynatraceTokens, rehearsalExternalIds, rehearsalHecTokens } from './rehearsal-secrets.ts';
import { createSandboxClock, type SandboxClock } from './sandbox-clock.ts';
import { type Sandbox, type SandboxSettings, startSandbox } from './server.ts';
import type { World } from './world.ts';

export interface RehearsalSettings {
  readonly seed: number;
  /** Length of the history. */
  readonly historyMs: number;
  /** Where the history ends, rounded down to the minute. Absent: now. */
  readonly historyToMs?: number;
  readonly ratePerSecond: number;
  readonly faults: FaultSettings;
  readonly port: number;
  readonly host?: string;
  /** Time stands at the end of the history plus the longest lag: everything is readable, nothing new is made. */
  readonly frozen: boolean;
  /** The host's clock. */
  readonly hostClock: { now(): number };
  readonly logger: Logger;
  /** Starts while the last seconds of the history are still being made; who asks for it waits. Default false. */
  readonly early?: boolean;
  /** One stage's backend is slow, from so long before the end of the history on. Absent: never. */
  readonly incident?: { readonly beforeEndMs: number; readonly lengthMs: number };
  /** Anything else of the server, over the rehearsal's own settings. */
  readonly server?: Partial<SandboxSettings>;
}

export interface Rehearsal {
  readonly sandbox: Sandbox;
  readonly world: World;
  readonly clock: SandboxClock;
  /** Settles when the whole history is there; rejects with what went wrong. */
  readonly history: Promise<void>;
}

const MINUTE_MS = 60_000;

/** The generated fleet with its history; `early` leaves that to be made. */
export function createRehearsalWorld(
  settings: Pick<
    RehearsalSettings,
    'seed' | 'historyMs' | 'historyToMs' | 'ratePerSecond' | 'hostClock' | 'early' | 'incident'
  >,
): World {
  const endMs = settings.historyToMs ?? settings.hostClock.now();
  const historyToMs = Math.floor(endMs / MINUTE_MS) * MINUTE_MS;
  return createGeneratedWorld({
    seed: settings.seed,
    historyFromMs: historyToMs - settings.historyMs,
    historyToMs,
    ratePerSecond: settings.ratePerSecond,
    withoutHistory: settings.early ?? false,
    incidents: incidentsOf(settings, historyToMs),
  });
}

function incidentsOf({ incident }: Pick<RehearsalSettings, 'incident'>, endMs: number): readonly Incident[] {
  if (incident === undefined) return [];
  const fromMs = endMs - incident.beforeEndMs;
  const place = { api: INCIDENT_API, stage: INCIDENT_STAGE, factor: INCIDENT_FACTOR };
  return [{ ...place, fromMs, toMs: fromMs + incident.lengthMs }];
}

/** Makes the fleet and serves it: what `gatewatch sandbox` and the demo run. */
export async function startRehearsal(settings: RehearsalSettings): Promise<Rehearsal> {
  const world = createRehearsalWorld(settings);
  const clock = createSandboxClock({
    host: settings.hostClock,
    ...(settings.frozen ? { frozenAtMs: world.historyToMs + world.longestLagMs } : {}),
  });
  const stop = new AbortController();
  const { monotonic } = createSystemClock();
  const making = settings.early ? makeHistory(world, { monotonic, signal: stop.signal }) : ALL_MADE;
  const sandbox = await startSandbox({
    ...serverSettings(settings, world, clock),
    history: making.made,
    ...settings.server,
  }).catch((error: unknown) => {
    stop.abort();
    throw error;
  });
  const close = () => {
    stop.abort();
    return sandbox.close();
  };
  try {
    await Promise.race([making.soon, making.made]);
  } catch (error) {
    await close();
    throw error;
  }
  return { sandbox: { ...sandbox, close }, world, clock, history: making.made };
}

const ALL_MADE: HistoryMaking = { made: Promise.resolve(), soon: Promise.resolve() };

function serverSettings(settings: RehearsalSettings, world: World, clock: SandboxClock): SandboxSettings {
  return {
    world,
    port: settings.port,
    ...(settings.host === undefined ? {} : { host: settings.host }),
    clock,
    steer: clock.steer,
    freeze: clock.freeze,
    isFrozen: () => clock.frozen,
    faults: settings.faults,
    seed: settings.seed,
    logger: settings.logger,
    hecTokens: rehearsalHecTokens,
    dynatraceTokens: rehearsalDynatraceTokens,
    externalIds: rehearsalExternalIds,
  };
}
