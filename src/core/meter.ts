export type MetricLabels = Readonly<Record<string, string>>;

/** Our own metrics, narrowed: `telemetry/` implements it over OpenTelemetry, everything else is handed it. */
export interface Meter {
  /** Adds to a counter; its name ends in `_total`. */
  count(name: string, value: number, labels?: MetricLabels): void;
  /** Sets a gauge to its latest value. */
  gauge(name: string, value: number, labels?: MetricLabels): void;
  /** Records one observation, in the unit that the name ends in (`_ms`, `_bytes`). */
  observe(name: string, value: number, labels?: MetricLabels): void;
}

export const silentMeter: Meter = {
  count: () => undefined,
  gauge: () => undefined,
  observe: () => undefined,
};
