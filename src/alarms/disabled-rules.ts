import type { DocumentPath, Problem } from '../documents/problem.ts';
import type { YamlDocument } from '../documents/yaml-document.ts';
import type { AlarmFiles, Loaded } from './format/load-alarm-files.ts';
import { type Disables, disablesOf, type Mark } from './lint/disable-comments.ts';

const known = new WeakMap<YamlDocument, Disables>();

/** What the comments of a file of alarms turn off; read once. */
export function disablesIn(file: Loaded<'AlarmSet'> | Loaded<'BurnRateAlerts'>): Disables {
  const read = known.get(file.document) ?? disablesOf(file.document, marksOf(file));
  known.set(file.document, read);
  return read;
}

/** Comments of ours that turn nothing off, in any file. */
export function disableProblems(files: AlarmFiles): readonly Problem[] {
  const withAlarms = [...files.sets, ...files.burnRates].map(disablesIn);
  const without = [files.defaults, files.objectives, files.routing, files.mutes, files.tests]
    .flat()
    .map(({ document }) => disablesOf(document, []));
  return [...withAlarms, ...without].flatMap(({ problems }) => problems);
}

function marksOf(file: Loaded<'AlarmSet'> | Loaded<'BurnRateAlerts'>): readonly Mark[] {
  const { document, value } = file;
  const sections: readonly DocumentPath[] = [
    ...['apiVersion', 'kind', 'metadata', 'spec'].map((name) => [name]),
    ...Object.keys(value.spec).map((name) => ['spec', name]),
  ];
  const others = sections.map((path) => ({ line: document.keyPositionOf(path).line }));
  return value.kind === 'AlarmSet'
    ? [...others, ...setMarks(document, value.spec.alarms.length, value.spec.presets !== undefined)]
    : [...others, ...windowMarks(document, value.spec)];
}

/** An entry begins at its first field, whichever that is, and is known by the line of its id. */
function setMarks(document: YamlDocument, count: number, packed: boolean): readonly Mark[] {
  const entries = Array.from({ length: count }, (_, index) => ({
    line: document.positionOf(['spec', 'alarms', index]).line,
    alarm: document.positionOf(['spec', 'alarms', index, 'id']).line,
  }));
  const pack = document.keyPositionOf(['spec', 'presets']).line;
  return packed ? [...entries, { line: pack, alarm: pack }] : entries;
}

function windowMarks(
  document: YamlDocument,
  spec: Loaded<'BurnRateAlerts'>['value']['spec'],
): readonly Mark[] {
  const paths = (['page', 'ticket'] as const).flatMap((severity) =>
    spec[severity] === undefined
      ? []
      : [
          ['spec', severity],
          ['spec', severity, 'quick'],
          ['spec', severity, 'slow'],
        ],
  );
  return paths.map((path) => {
    const { line } = document.keyPositionOf(path);
    return { line, alarm: line };
  });
}
