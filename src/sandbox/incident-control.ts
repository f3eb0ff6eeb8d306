import { INCIDENT_API, INCIDENT_FACTOR, INCIDENT_STAGE, type Incident } from './incidents.ts';
import type { World } from './world.ts';

const MOST_MINUTES = 24 * 60;
const MOST_FACTOR = 1_000;

/**
 * Reads `{"minutes": 10, "api": "orders-api", "stage": "prod", "factor": 30}`, all but `minutes` optional: an incident
 * from now on. A string says what is wrong with it.
 */
export function readIncident(
  body: Readonly<Record<string, unknown>> | undefined,
  world: World,
  nowMs: number,
): Incident | string {
  const { minutes, api = INCIDENT_API, stage = INCIDENT_STAGE, factor = INCIDENT_FACTOR } = body ?? {};
  if (!isBetween(minutes, 0, MOST_MINUTES) || !isBetween(factor, 1, MOST_FACTOR)) {
    return `Expected {"minutes": 0 to ${MOST_MINUTES}, "factor": 1 to ${MOST_FACTOR}}, the second optional; 0 minutes end what is under way.`;
  }
  if (typeof api !== 'string' || typeof stage !== 'string' || !hasStage(world, api, stage)) {
    return `Expected an API and a stage of this fleet, such as ${INCIDENT_API} and ${INCIDENT_STAGE}, got ${String(api)} and ${String(stage)}.`;
  }
  return { api, stage, fromMs: nowMs, toMs: nowMs + minutes * 60_000, factor };
}

function isBetween(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most;
}

function hasStage({ restApis, v2Apis }: World, name: string, stage: string): boolean {
  return [...restApis, ...v2Apis].some(
    ({ api, stages }) => api.name === name && stages.some((one) => one.stageName === stage),
  );
}
