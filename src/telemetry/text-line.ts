import { isObject } from '../core/json.ts';

const PLAIN = /^[\w.:/+@*-]+$/;

/**
 * A JSON log line as people read it on a terminal: `2026-07-01T12:00:00.000Z WARN  lane held lane=splunk:records`. Without
 * colours, so that copied text stays text.
 */
export function textLine(json: string): string {
  const line: unknown = JSON.parse(json);
  if (!isObject(line)) return json.trimEnd();
  const { time, level, message, version: _version, instance: _instance, ...fields } = line;
  const words = [String(time), String(level).toUpperCase().padEnd(5), String(message)];
  for (const [name, value] of Object.entries(fields)) words.push(`${plain(name)}=${printed(value)}`);
  return words.join(' ');
}

function printed(value: unknown): string {
  return typeof value === 'string' ? plain(value) : JSON.stringify(value);
}

function plain(text: string): string {
  return PLAIN.test(text) ? text : JSON.stringify(text);
}
