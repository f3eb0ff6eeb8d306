import { type Tracer as OtelTracer, SpanStatusCode, trace } from '@opentelemetry/api';
import { GatewatchError, messageOf } from '../core/errors.ts';
import type { Tracer } from '../core/tracer.ts';
import type { RedactText } from './clean-log-fields.ts';

export function createTracer(otel: OtelTracer, redactText: RedactText): Tracer {
  return {
    span: (name, attributes, task) =>
      otel.startActiveSpan(name, { attributes }, async (span) => {
        try {
          return await task();
        } catch (error) {
          span.setAttribute('error.type', errorType(error));
          span.setStatus({ code: SpanStatusCode.ERROR, message: redactText(messageOf(error)) });
          throw error;
        } finally {
          span.end();
        }
      }),
  };
}

/** Ids of the span that runs now, for log lines; empty outside any. */
export function activeSpanIds(): Readonly<Record<string, string>> {
  const ids = trace.getActiveSpan()?.spanContext();
  return ids === undefined ? {} : { trace_id: ids.traceId, span_id: ids.spanId };
}

function errorType(error: unknown): string {
  if (error instanceof GatewatchError) return error.code;
  return error instanceof Error ? error.name : typeof error;
}
