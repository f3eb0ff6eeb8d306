import type { Logger } from '../../src/core/logger.ts';
import type { Meter, MetricLabels } from '../../src/core/meter.ts';

export type Level = keyof Logger;

export interface LogLine {
  readonly level: Level;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Keeps every line of our own log. */
export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = [];

  debug(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level: 'debug', message, fields });
  }

  info(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level: 'info', message, fields });
  }

  warn(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level: 'warn', message, fields });
  }

  error(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push({ level: 'error', message, fields });
  }

  at(level: Level): readonly LogLine[] {
    return this.lines.filter((line) => line.level === level);
  }
}

/** Adds up counters by name. */
export class RecordingMeter implements Meter {
  readonly counts = new Map<string, number>();
  /** Tasks of which a run was timed, in order. */
  readonly observed: string[] = [];

  count(name: string, value: number, _labels?: MetricLabels): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + value);
  }

  gauge(): void {}

  observe(_name: string, _value: number, labels?: MetricLabels): void {
    if (labels?.task !== undefined) this.observed.push(String(labels.task));
  }
}
