import { dirname } from 'node:path/posix';
import type { YamlDocument } from '../documents/yaml-document.ts';
import type { Origin } from '../model/managed-resource.ts';
import type { DerivedSet } from './burn-rates.ts';
import { disablesIn } from './disabled-rules.ts';
import { type Each, selects } from './each.ts';
import type { ForEach } from './format/kinds.ts';
import { builtInLayer, documentLayer, type FieldValues, isJson, isMap, type Layer } from './format/layers.ts';
import type { AlarmFiles, Loaded } from './format/load-alarm-files.ts';
import { alarmIdOf, packOf, presetOf } from './presets.ts';

/** One alarm of a set before it is expanded: its layers, low to high. */
export interface AlarmEntry {
  readonly id: string;
  readonly preset?: string;
  /** Brought by a pack, not asked for by name: where it cannot be, nobody misses it. */
  readonly packed?: true;
  readonly origin: Origin;
  /** Lint rules that a comment turns off. */
  readonly disabledRules: readonly string[];
  layers(each: Each): readonly Layer[];
}

/** A set of alarms, whatever file it stands in. */
export interface AlarmSource {
  readonly name: string;
  readonly document: YamlDocument;
  readonly forEach: ForEach;
  readonly labels: Readonly<Record<string, string>>;
  readonly owner: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly nameTemplate: string;
  readonly entries: readonly AlarmEntry[];
  vars(each: Each): FieldValues;
}

const NAME_TEMPLATE = '${set.name}/${each.key}/${alarm.id}';

/** Sensible without any file: idle APIs stay OK, minutes are minutes. */
const BASE = builtInLayer('gatewatch', { Period: 60, TreatMissingData: 'notBreaching' });

export function alarmSources(files: AlarmFiles, derived: readonly DerivedSet[]): readonly AlarmSource[] {
  return [
    ...files.sets.map((set) => setSource(set, defaultsFor(files, set.path))),
    ...derived.map((set) => derivedSource(set, defaultsFor(files, set.file.path))),
  ];
}

/** The defaults of each folder on the way down to a file. */
function defaultsFor(files: AlarmFiles, path: string): readonly Loaded<'Defaults'>[] {
  const folder = `${dirname(path)}/`;
  return files.defaults.filter((defaults) => {
    const above = dirname(defaults.path);
    return above === '.' || folder.startsWith(`${above}/`);
  });
}

function shared(defaults: readonly Loaded<'Defaults'>[]) {
  const specs = defaults.map(({ value }) => value.spec);
  return {
    owner: specs.findLast((spec) => spec.owner !== undefined)?.owner,
    nameTemplate: specs.findLast((spec) => spec.nameTemplate !== undefined)?.nameTemplate ?? NAME_TEMPLATE,
    tags: Object.assign({}, ...specs.map((spec) => spec.tags ?? {})),
    vars: Object.assign({}, ...specs.map((spec) => spec.vars ?? {})),
    layers: [
      BASE,
      ...defaults.map(({ document, value }) => documentLayer(document, ['spec', 'alarm'], value.spec.alarm)),
    ],
  };
}

function setSource(set: Loaded<'AlarmSet'>, defaults: readonly Loaded<'Defaults'>[]): AlarmSource {
  const { spec, metadata } = set.value;
  const below = shared(defaults);
  const low = [...below.layers, documentLayer(set.document, ['spec', 'defaults'], spec.defaults)];
  const packed = spec.presets === undefined ? [] : packOf(spec.presets);
  const listed = new Set(spec.alarms.map(({ id }) => id));
  const entries = [
    ...packed
      .filter((preset) => !listed.has(alarmIdOf(preset)))
      .map((preset) => packEntry(set, low, preset.id)),
    ...spec.alarms.map((_, index) => listedEntry(set, low, index)),
  ];
  return {
    ...below,
    name: metadata.name,
    document: set.document,
    forEach: spec.for_each,
    labels: metadata.labels ?? {},
    entries,
    vars: (each) =>
      Object.assign(
        {},
        below.vars,
        spec.vars ?? {},
        ...(spec.overrides ?? []).flatMap(({ match, vars }) =>
          selects(match, each.stage) ? [vars ?? {}] : [],
        ),
        each.vars ?? {},
      ),
  };
}

function packEntry(set: Loaded<'AlarmSet'>, low: readonly Layer[], presetId: string): AlarmEntry {
  const preset = presetOf(presetId);
  const id = preset === undefined ? presetId : alarmIdOf(preset);
  const { line } = set.document.keyPositionOf(['spec', 'presets']);
  return {
    id,
    preset: presetId,
    packed: true,
    origin: { file: set.document.file, line },
    disabledRules: disablesIn(set).rulesFor(line),
    layers: (each) => [...low, ...presetLayers(presetId, each), ...overrideLayers(set, id, each)],
  };
}

function listedEntry(set: Loaded<'AlarmSet'>, low: readonly Layer[], index: number): AlarmEntry {
  const path = ['spec', 'alarms', index];
  const { id, use, ...fields } = set.value.spec.alarms[index] ?? { id: '' };
  // An alarm with the id of a preset of the set's pack changes that preset.
  const packed = packOf(set.value.spec.presets ?? 'default').find((preset) => alarmIdOf(preset) === id);
  const { line } = set.document.positionOf([...path, 'id']);
  const inherited = use ?? (set.value.spec.presets === undefined ? undefined : packed?.id);
  return {
    id,
    ...(inherited === undefined ? {} : { preset: inherited }),
    origin: { file: set.document.file, line },
    disabledRules: disablesIn(set).rulesFor(line),
    layers: (each) => [
      ...low,
      ...(inherited === undefined ? [] : presetLayers(inherited, each)),
      documentLayer(set.document, path, fields),
      ...overrideLayers(set, id, each),
    ],
  };
}

/** A preset that has nothing for a protocol switches the alarm off there. */
function presetLayers(id: string, each: Each): readonly Layer[] {
  const fields = presetOf(id)?.fields[each.stage.protocol];
  return [builtInLayer(`preset ${id}`, fields ?? { enabled: false })];
}

function overrideLayers(set: Loaded<'AlarmSet'>, id: string, each: Each): readonly Layer[] {
  return (set.value.spec.overrides ?? []).flatMap(({ match, alarms }, index) => {
    const fields: unknown = alarms?.[id];
    if (!selects(match, each.stage) || !isJson(fields) || !isMap(fields)) return [];
    return [documentLayer(set.document, ['spec', 'overrides', index, 'alarms', id], fields)];
  });
}

function derivedSource(set: DerivedSet, defaults: readonly Loaded<'Defaults'>[]): AlarmSource {
  const below = shared(defaults);
  // Windows are the whole point of these: defaults of the folder give tags and owner, not periods.
  return {
    ...below,
    name: set.name,
    document: set.file.document,
    forEach: set.forEach,
    labels: set.file.value.metadata.labels ?? {},
    vars: (each) => ({ ...below.vars, ...each.vars }),
    entries: set.alarms.map(({ id, layers }) => {
      const origin = layers[0]?.originOf('') ?? { file: set.file.document.file, line: 1 };
      return {
        id,
        origin,
        disabledRules: disablesIn(set.file).rulesFor(origin.line),
        layers: () => [...below.layers, ...layers],
      };
    }),
  };
}
