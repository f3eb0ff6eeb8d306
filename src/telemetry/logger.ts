import { isatty } from 'node:tty';
import pino from 'pino';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { cleanLogFields, cutText, type RedactText } from './clean-log-fields.ts';
import { oneLine } from './one-line.ts';
import { textLine } from './text-line.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Takes one whole line at a time, line feed included. */
export interface LogDestination {
  write(line: string): void;
}

export interface LoggerSettings {
  readonly level: LogLevel;
  readonly destination: LogDestination | 'stderr';
  /** Default: `text` when writing to `stderr` and that is a terminal, else `json`. */
  readonly format?: 'json' | 'text';
  readonly clock: Pick<Clock, 'now'>;
  /** Stand in every JSON line, so that lines of several workers can be told apart. */
  readonly version: string;
  readonly instanceId: string;
  /** Takes secrets out of messages and text fields. Default: only fields are hidden, by their names. */
  readonly redactText?: RedactText;
  /** Ids that belong into the line at this moment, such as those of the active span. */
  readonly context?: () => Readonly<Record<string, string>>;
}

/**
 * The log of Gatewatch itself: one line for each entry whatever it holds, fields hidden by name, level as a word, time in
 * ISO 8601. Writing is synchronous: the line that explains a crash is out before the crash.
 */
export function createLogger(settings: LoggerSettings): Logger {
  const redactText = settings.redactText ?? ((text: string) => text);
  const context = settings.context ?? (() => ({}));
  const out = pino(pinoOptions(settings), createStream(settings));
  const at = (level: 'debug' | 'info' | 'warn' | 'error'): Logger['info'] => {
    return (fields, message) => {
      if (!out.isLevelEnabled(level)) return;
      out[level]({ ...cleanLogFields(fields, redactText), ...context() }, cutText(redactText(message)));
    };
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function pinoOptions({ level, clock, version, instanceId }: LoggerSettings): pino.LoggerOptions {
  return {
    level,
    base: { version, instance: instanceId },
    messageKey: 'message',
    timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    // Fields arrive cleaned; pino's own serializer would rename parts of an error.
    serializers: { err: (value: unknown) => value },
  };
}

function createStream({ destination, format }: LoggerSettings): pino.DestinationStream {
  const sink = destination === 'stderr' ? pino.destination({ dest: 2, sync: true }) : destination;
  const asText = (format ?? (destination === 'stderr' && isatty(2) ? 'text' : 'json')) === 'text';
  return {
    write(line) {
      const body = line.trimEnd();
      sink.write(`${oneLine(asText ? textLine(body) : body)}\n`);
    },
  };
}
