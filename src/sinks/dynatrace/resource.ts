import type { HrTime } from '@opentelemetry/api';
import type { InstrumentationScope } from '@opentelemetry/core';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';

/**
 * One object each for all data: the serializer groups by identity. Nothing anybody filters by stands here, because
 * Dynatrace drops most resource attributes; every dimension is on the point or record itself.
 */
export const RESOURCE: Resource = resourceFromAttributes({
  'service.name': 'gatewatch',
  'cloud.provider': 'aws',
});

export const SCOPE: InstrumentationScope = { name: 'gatewatch' };

/** Milliseconds as OpenTelemetry's seconds and nanoseconds, in whole numbers. */
export function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1_000_000)];
}
