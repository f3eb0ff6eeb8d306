import { isObject } from '../../core/json.ts';
import type { DocumentPath } from '../../documents/problem.ts';
import type { YamlDocument } from '../../documents/yaml-document.ts';
import type { JsonValue, Origin } from '../../model/managed-resource.ts';

export type FieldValues = Readonly<Record<string, JsonValue>>;

/** One source of fields: a preset, the defaults of a folder, an alarm, an override. */
export interface Layer {
  readonly fields: FieldValues;
  originOf(field: string): Origin;
}

/** Fields of all layers together, and for each where its value (or, for a map, its newest member) came from. */
export interface Merged {
  readonly fields: FieldValues;
  readonly origins: Readonly<Record<string, Origin>>;
}

/** Low to high: maps merge, lists and values replace, `null` takes away. */
export function mergeLayers(layers: readonly Layer[]): Merged {
  const fields: Record<string, JsonValue> = {};
  const origins: Record<string, Origin> = {};
  for (const layer of layers) {
    for (const [name, value] of Object.entries(layer.fields)) {
      if (value === null) {
        delete fields[name];
        delete origins[name];
        continue;
      }
      fields[name] = mergeValue(fields[name], value);
      origins[name] = layer.originOf(name);
    }
  }
  return { fields, origins };
}

function mergeValue(low: JsonValue | undefined, high: JsonValue): JsonValue {
  if (!isMap(low) || !isMap(high)) return high;
  const merged: Record<string, JsonValue> = { ...low };
  for (const [name, value] of Object.entries(high)) {
    if (value === null) delete merged[name];
    else merged[name] = mergeValue(merged[name], value);
  }
  return merged;
}

export function isMap(value: JsonValue | undefined): value is FieldValues {
  return isObject(value);
}

/** A part of a file as a layer: fields that were not written are left out. */
export function documentLayer(
  document: YamlDocument,
  path: DocumentPath,
  values: Readonly<Record<string, unknown>> | undefined,
): Layer {
  return {
    fields: Object.fromEntries(
      Object.entries(values ?? {}).flatMap(([name, value]) => (isJson(value) ? [[name, value]] : [])),
    ),
    originOf: (field) => ({ file: document.file, line: document.keyPositionOf([...path, field]).line }),
  };
}

/** Values that Gatewatch itself brings: the file is the preset's name, the line 0. */
export function builtInLayer(name: string, fields: FieldValues): Layer {
  return { fields, originOf: () => ({ file: name, line: 0 }) };
}

export function isJson(value: unknown): value is JsonValue {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return true;
  if (Array.isArray(value)) return value.every(isJson);
  return isObject(value) && Object.values(value).every((item) => item === undefined || isJson(item));
}
