import { stringify } from 'yaml';
import { formatDuration } from '../core/duration.ts';
import { isObject } from '../core/json.ts';
import { Secret } from '../core/secret.ts';
import type { DocumentPath } from '../documents/problem.ts';
import { childOf, inputJsonSchema, type JsonSchema, schemaAt } from '../documents/schema-lookup.ts';
import { type GatewatchConfig, gatewatchConfig } from './gatewatch-config.ts';

/** The configuration in force, defaults included, in the form a user writes. Secrets are `***`. */
export function configAsWritten(config: GatewatchConfig): unknown {
  const root = inputJsonSchema(gatewatchConfig);
  return writtenForm(config, [], { root, config });
}

export function printConfigYaml(config: GatewatchConfig): string {
  return stringify(configAsWritten(config), { aliasDuplicateObjects: false, lineWidth: 0 });
}

export function printConfigJson(config: GatewatchConfig): string {
  return `${JSON.stringify(configAsWritten(config), null, 2)}\n`;
}

interface PrintContext {
  readonly root: JsonSchema;
  readonly config: GatewatchConfig;
}

function writtenForm(value: unknown, path: DocumentPath, context: PrintContext): unknown {
  if (value instanceof Secret) return '***';
  if (Array.isArray(value)) return value.map((item, i) => writtenForm(item, [...path, i], context));
  if (isObject(value)) {
    return Object.fromEntries(
      Object.keys(value).map((key) => [key, writtenForm(childOf(value, key), [...path, key], context)]),
    );
  }
  if (typeof value !== 'number') return value;
  const format = schemaAt(context.root, path, context.config)?.format;
  if (format === 'duration-text') return formatDuration(value);
  return format === 'size-text' ? formatBytes(value) : value;
}

const UNITS = [
  ['GiB', 1_073_741_824],
  ['MiB', 1_048_576],
  ['KiB', 1_024],
] as const;

function formatBytes(bytes: number): string {
  const unit = UNITS.find(([, size]) => bytes >= size && bytes % size === 0);
  return unit === undefined ? `${bytes}B` : `${bytes / unit[1]}${unit[0]}`;
}
