import type { z } from 'zod';
import { isObject } from '../../core/json.ts';
import { didYouMean } from '../../documents/did-you-mean.ts';
import { clip, type Problem, sortProblems } from '../../documents/problem.ts';
import type { Resolvers } from '../../documents/references.ts';
import { problemIn, validateDocument } from '../../documents/validate.ts';
import { parseYaml, type YamlDocument } from '../../documents/yaml-document.ts';
import type { LogSignal } from '../portable-metrics.ts';
import { API_VERSION, FILE_KINDS, type FileKind, type FileOf } from './kinds.ts';

/** A file that fits its schema, with the places of everything in it. `path` is relative to the directory of alarms. */
export interface Loaded<K extends FileKind> {
  readonly path: string;
  readonly document: YamlDocument;
  readonly value: FileOf<K>;
}

export interface AlarmFiles {
  /** From the top folder downwards. */
  readonly defaults: readonly Loaded<'Defaults'>[];
  readonly sets: readonly Loaded<'AlarmSet'>[];
  readonly burnRates: readonly Loaded<'BurnRateAlerts'>[];
  readonly objectives: readonly Loaded<'SLO'>[];
  readonly routing: readonly Loaded<'Routing'>[];
  readonly mutes: readonly Loaded<'MuteRule'>[];
  readonly tests: readonly Loaded<'AlarmTest'>[];
  /** Signals that the worker publishes as metrics of its own (`alarms.publish`); the others are metric filters. */
  readonly published?: ReadonlySet<LogSignal>;
}

export interface AlarmDirectory {
  /** Every YAML file below it, relative to it, with its text. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly resolvers: Resolvers;
}

export type LoadResult =
  | { readonly ok: true; readonly files: AlarmFiles }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads a directory of alarms. Problems of all files come back at once; a file of a kind we do not know is one of them, so
 * that a typo never makes an alarm vanish.
 */
export function loadAlarmFiles(directory: AlarmDirectory): LoadResult {
  const loader = new Loader(directory.resolvers);
  for (const file of directory.files.toSorted(byDepthAndName)) loader.read(file.path, file.text);
  loader.checkNames();
  return loader.problems.length === 0
    ? { ok: true, files: loader.files }
    : { ok: false, problems: loader.problems };
}

function byDepthAndName(one: { readonly path: string }, other: { readonly path: string }): number {
  const depth = (path: string) => path.split('/').length;
  return depth(one.path) - depth(other.path) || (one.path < other.path ? -1 : 1);
}

class Loader {
  readonly problems: Problem[] = [];
  readonly files = {
    defaults: [] as Loaded<'Defaults'>[],
    sets: [] as Loaded<'AlarmSet'>[],
    burnRates: [] as Loaded<'BurnRateAlerts'>[],
    objectives: [] as Loaded<'SLO'>[],
    routing: [] as Loaded<'Routing'>[],
    mutes: [] as Loaded<'MuteRule'>[],
    tests: [] as Loaded<'AlarmTest'>[],
  };
  readonly #resolvers: Resolvers;

  constructor(resolvers: Resolvers) {
    this.#resolvers = resolvers;
  }

  read(path: string, text: string): void {
    const parsed = parseYaml({ file: path, text });
    if (!parsed.ok) {
      this.problems.push(...parsed.problems);
      return;
    }
    const { document } = parsed;
    const kind = this.#kindOf(document);
    if (kind !== undefined) this.#take(kind, path, document);
  }

  #kindOf(document: YamlDocument): FileKind | undefined {
    const value = isObject(document.value) ? document.value : {};
    const known = Object.keys(FILE_KINDS);
    const kind = known.find((name) => name === value.kind);
    if (isFileKind(kind)) return kind;
    const got = value.kind === undefined ? 'no kind' : `kind "${clip(String(value.kind))}"`;
    const near = didYouMean(String(value.kind ?? ''), known);
    const remedy =
      near === undefined
        ? `begin the file with apiVersion: ${API_VERSION} and a kind`
        : `did you mean ${near}?`;
    this.problems.push(
      problemIn(document, ['kind'], { expected: `one of ${known.join(', ')}`, got, remedy }),
    );
    return undefined;
  }

  #take(kind: FileKind, path: string, document: YamlDocument): void {
    switch (kind) {
      case 'Defaults':
        this.#keep(FILE_KINDS[kind], path, document, this.files.defaults);
        break;
      case 'AlarmSet':
        this.#keep(FILE_KINDS[kind], path, document, this.files.sets);
        break;
      case 'BurnRateAlerts':
        this.#keep(FILE_KINDS[kind], path, document, this.files.burnRates);
        break;
      case 'SLO':
        this.#keep(FILE_KINDS[kind], path, document, this.files.objectives);
        break;
      case 'Routing':
        this.#keep(FILE_KINDS[kind], path, document, this.files.routing);
        break;
      case 'MuteRule':
        this.#keep(FILE_KINDS[kind], path, document, this.files.mutes);
        break;
      case 'AlarmTest':
        this.#keep(FILE_KINDS[kind], path, document, this.files.tests);
        break;
    }
  }

  #keep<T extends z.ZodType>(
    schema: T,
    path: string,
    document: YamlDocument,
    into: { readonly path: string; readonly document: YamlDocument; readonly value: z.output<T> }[],
  ): void {
    const result = validateDocument(document, schema, this.#resolvers, 'keep');
    if (result.ok) into.push({ path, document, value: result.value });
    else this.problems.push(...sortProblems(result.problems));
  }

  /** One name for two sets would give two alarms one id; two routings would leave open who is told. */
  checkNames(): void {
    const { sets, burnRates, objectives, mutes } = this.files;
    for (const list of [sets, burnRates, objectives, mutes]) {
      const first = new Map<string, string>();
      for (const { path, document, value } of list) {
        const known = first.get(value.metadata.name);
        if (known === undefined) first.set(value.metadata.name, path);
        else this.#repeated(document, value.metadata.name, known);
      }
    }
    for (const { document } of this.files.routing.slice(1)) {
      this.problems.push(
        problemIn(document, ['kind'], {
          expected: 'one Routing in the whole directory',
          got: `another one in ${this.files.routing[0]?.path}`,
          remedy: 'merge the two',
        }),
      );
    }
  }

  #repeated(document: YamlDocument, name: string, where: string): void {
    this.problems.push(
      problemIn(document, ['metadata', 'name'], {
        expected: 'a name that no other file of this kind has',
        got: `${name}, which ${where} has too`,
        remedy: 'rename one of them: ids of alarms begin with it',
      }),
    );
  }
}

function isFileKind(kind: string | undefined): kind is FileKind {
  return kind !== undefined && Object.hasOwn(FILE_KINDS, kind);
}
