export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** Our own traces, narrowed: `telemetry/` implements it over OpenTelemetry, everything else is handed it. */
export interface Tracer {
  /**
   * Runs `task` inside a span. Spans started by the task become its children. What the task throws marks the span as
   * failed and is thrown on. Attributes never hold secrets.
   */
  span<T>(name: string, attributes: SpanAttributes, task: () => Promise<T>): Promise<T>;
}

export const silentTracer: Tracer = { span: (_name, _attributes, task) => task() };
