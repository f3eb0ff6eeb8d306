import { dirname, join } from 'node:path/posix';
import { didYouMean } from '../documents/did-you-mean.ts';
import type { DocumentPath, Problem } from '../documents/problem.ts';
import { problemIn } from '../documents/validate.ts';
import type { YamlDocument } from '../documents/yaml-document.ts';
import { kindFault } from './checked-fields.ts';
import { eachValues } from './each.ts';
import { evaluateIn, PlacedError } from './format/expressions.ts';
import type { Route } from './format/kinds.ts';
import { isJson, isMap } from './format/layers.ts';
import type { AlarmFiles, Loaded } from './format/load-alarm-files.ts';
import { alarmIdOf, PRESET_IDS, packOf } from './presets.ts';
import { matcherParts } from './routing.ts';
import { stageOf } from './sample-stages.ts';

/** Names in files that lead to nothing: each would otherwise leave an alarm, a route or a test out in silence. */
export function referenceProblems(files: AlarmFiles): readonly Problem[] {
  return [
    ...files.sets.flatMap(setProblems),
    ...files.routing.flatMap((routing) => routingProblems(routing, labelsIn(files))),
    ...files.tests.flatMap((test) => testProblems(test, files)),
  ];
}

function setProblems(set: Loaded<'AlarmSet'>): readonly Problem[] {
  const { spec } = set.value;
  const packed = spec.presets === undefined ? [] : packOf(spec.presets).map(alarmIdOf);
  const ids = [...new Set([...packed, ...spec.alarms.map(({ id }) => id)])];
  const alarms = spec.alarms.flatMap((alarm, index) => {
    const path = ['spec', 'alarms', index];
    const { use } = alarm;
    const unknown =
      use === undefined || PRESET_IDS.includes(use)
        ? []
        : [unknownName(set.document, [...path, 'use'], 'the id of a preset', use, PRESET_IDS)];
    return [...repeatedId(set, index), ...unknown, ...kindProblems(set.document, path, alarm)];
  });
  const overrides = (spec.overrides ?? []).flatMap(({ alarms: changed }, index) =>
    Object.keys(changed ?? {})
      .filter((id) => !ids.includes(id))
      .map((id) =>
        unknownName(
          set.document,
          ['spec', 'overrides', index, 'alarms', id],
          'the id of an alarm of this set',
          id,
          ids,
        ),
      ),
  );
  return [...alarms, ...overrides];
}

function repeatedId({ document, value }: Loaded<'AlarmSet'>, index: number): readonly Problem[] {
  const { alarms } = value.spec;
  const id = alarms[index]?.id;
  const first = alarms.findIndex((alarm) => alarm.id === id);
  if (first === index) return [];
  const { line } = document.positionOf(['spec', 'alarms', first, 'id']);
  return [
    problemIn(document, ['spec', 'alarms', index, 'id'], {
      expected: 'an id that no other alarm of the set has',
      got: `${id}, as in line ${line}`,
      remedy: 'rename one of them',
    }),
  ];
}

function kindProblems(document: YamlDocument, path: DocumentPath, alarm: object): readonly Problem[] {
  const own = Object.fromEntries(
    Object.entries(alarm).flatMap(([name, value]) => (isJson(value) ? [[name, value]] : [])),
  );
  const fault = isMap(own) ? kindFault(own) : undefined;
  if (fault === undefined) return [];
  const { field, expected, got } = fault;
  return [problemIn(document, [...path, field], { expected, got, remedy: 'take one of the two away' })];
}

function unknownName(
  document: YamlDocument,
  path: DocumentPath,
  what: string,
  got: string,
  known: readonly string[],
): Problem {
  const near = didYouMean(got, known);
  return problemIn(document, path, {
    expected: `${what} (${known.join(', ') || 'there is none'})`,
    got,
    remedy: near === undefined ? 'correct or remove it' : `did you mean ${near}?`,
  });
}

/** Labels that routing can match on, and the values of those that have only a few. */
interface Labels {
  readonly names: readonly string[];
  readonly values: Readonly<Record<string, readonly string[]>>;
}

const BUILT_IN = ['api', 'stage', 'protocol', 'account', 'region', 'set', 'alarm', 'severity'];

function labelsIn({ sets, burnRates, defaults }: AlarmFiles): Labels {
  const maps = [
    ...sets.flatMap(({ value: { metadata, spec } }) => [
      metadata.labels,
      spec.defaults?.labels,
      ...spec.alarms.map(({ labels }) => labels),
      ...(spec.overrides ?? []).flatMap(({ alarms }) => Object.values(alarms ?? {}).map(labelsOf)),
    ]),
    ...burnRates.flatMap(({ value: { metadata, spec } }) => [metadata.labels, spec.labels]),
    ...defaults.map(({ value }) => value.spec.alarm?.labels),
  ];
  return {
    names: [...new Set([...BUILT_IN, ...maps.flatMap((labels) => Object.keys(labels ?? {}))])],
    values: {
      severity: ['page', 'ticket', 'info'],
      protocol: ['REST', 'HTTP', 'WEBSOCKET'],
      set: [...sets, ...burnRates].map(({ value }) => value.metadata.name),
    },
  };
}

function labelsOf(override: unknown): object | undefined {
  const fields = isJson(override) && isMap(override) ? override.labels : undefined;
  return isMap(fields) ? fields : undefined;
}

function routingProblems(routing: Loaded<'Routing'>, labels: Labels): readonly Problem[] {
  const { spec } = routing.value;
  const receivers = spec.receivers.map(({ name }) => name);
  const repeated = receivers.flatMap((name, index) =>
    receivers.indexOf(name) === index
      ? []
      : [
          problemIn(routing.document, ['spec', 'receivers', index, 'name'], {
            expected: 'a name that no other receiver has',
            got: name,
            remedy: 'rename one of them',
          }),
        ],
  );
  const topics = spec.receivers.flatMap((_, index) => topicProblems(routing, index));
  return [
    ...repeated,
    ...topics,
    ...routeProblems(routing.document, spec.route, ['spec', 'route'], receivers, labels),
  ];
}

/** Tried on a made-up stage: otherwise a typo shows only once an alarm takes the receiver. */
function topicProblems({ document, value }: Loaded<'Routing'>, index: number): readonly Problem[] {
  const { sns } = value.spec.receivers[index] ?? {};
  if (sns === undefined) return [];
  const path = ['spec', 'receivers', index, 'sns'];
  const stage = stageOf({ apiId: 'sample', apiName: 'sample', stage: 'prod', protocol: 'REST' });
  try {
    const origin = { file: document.file, line: document.positionOf(path).line };
    evaluateIn(sns, { each: eachValues({ key: 'sample/prod', stage }) }, origin);
    return [];
  } catch (error) {
    if (error instanceof PlacedError) return [problemIn(document, path, error.words)];
    throw error;
  }
}

function routeProblems(
  document: YamlDocument,
  route: Route,
  path: DocumentPath,
  receivers: readonly string[],
  labels: Labels,
): readonly Problem[] {
  const { receiver, matchers = [], routes = [] } = route;
  const unknown =
    receiver === undefined || receivers.includes(receiver)
      ? []
      : [unknownName(document, [...path, 'receiver'], 'a receiver', receiver, receivers)];
  return [
    ...unknown,
    ...matchers.flatMap((matcher, index) =>
      matcherProblems(document, [...path, 'matchers', index], matcher, labels),
    ),
    ...routes.flatMap((child, index) =>
      routeProblems(document, child, [...path, 'routes', index], receivers, labels),
    ),
  ];
}

function matcherProblems(
  document: YamlDocument,
  path: DocumentPath,
  matcher: string,
  labels: Labels,
): readonly Problem[] {
  const parts = matcherParts(matcher);
  if (parts === undefined) {
    return [
      problemIn(document, path, {
        expected: 'a matcher such as severity="page" or team=~"a|b"',
        got: matcher,
        remedy: 'correct it',
      }),
    ];
  }
  if (!labels.names.includes(parts.name))
    return [unknownName(document, path, 'a label that an alarm has', parts.name, labels.names)];
  const known = labels.values[parts.name];
  const wrong = known === undefined ? undefined : parts.values.find((value) => !known.includes(value));
  if (known === undefined || wrong === undefined) return [];
  return [unknownName(document, path, `a value of ${parts.name}`, wrong, known)];
}

/** A test of a file that is not there would look at nothing. */
function testProblems(test: Loaded<'AlarmTest'>, files: AlarmFiles): readonly Problem[] {
  const folder = dirname(test.path);
  const { sets, burnRates, objectives, routing, defaults, mutes } = files;
  const known = [sets, burnRates, objectives, routing, defaults, mutes].flat().map(({ path }) => path);
  return test.value.spec.files.flatMap((name, index) =>
    known.includes(join(folder, name))
      ? []
      : [unknownName(test.document, ['spec', 'files', index], 'a file beside this one', name, known)],
  );
}
