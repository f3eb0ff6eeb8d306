import { dirname, isAbsolute, join } from 'node:path';
import type { z } from 'zod';
import { isObject } from '../core/json.ts';
import { type Problem, sortProblems } from '../documents/problem.ts';
import { createEnvResolver, createFileResolver, type Resolvers } from '../documents/references.ts';
import { childOf } from '../documents/schema-lookup.ts';
import { problemIn, validateDocument } from '../documents/validate.ts';
import { parseYaml, type YamlDocument } from '../documents/yaml-document.ts';
import { checkSections, type ReadableSections } from './config-checks.ts';
import {
  configSections,
  type GatewatchConfig,
  gatewatchConfig,
  type SinkConfig,
  sinkConfig,
} from './gatewatch-config.ts';

export interface LoadConfigInput {
  /** As it is to appear in messages. */
  readonly path: string;
  readonly text: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a file whole, or throws. Called again whenever a secret is refreshed. */
  readonly readFile: (path: string) => string;
  /** Folder that `${file:…}`, `journal.path` and `caFile` are relative to. Default: the folder of `path`. */
  readonly folder?: string;
}

export type LoadConfigResult =
  | {
      readonly ok: true;
      readonly config: GatewatchConfig;
      readonly document: YamlDocument;
      readonly warnings: readonly Problem[];
      /** Files that references were read from; when one changes, `refresh()` of the secrets reads it again. */
      readonly referencedFiles: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads `gatewatch.yaml`. Never throws for what the file or its references hold; all problems come back at once. */
export function loadConfig(input: LoadConfigInput): LoadConfigResult {
  const parsed = parseYaml({ file: input.path, text: input.text });
  if (!parsed.ok) return parsed;
  const { document } = parsed;
  const folder = input.folder ?? dirname(input.path);
  const files = new Set<string>();
  const result = validateDocument(document, gatewatchConfig, resolversFor(input, folder, files));
  if (!result.ok) {
    const found = findProblems(document, readableSections(result.resolved.value));
    return { ok: false, problems: sortProblems([...result.problems, ...found]) };
  }
  const found = findProblems(document, result.value);
  if (found.some((problem) => problem.severity === 'error'))
    return { ok: false, problems: sortProblems(found) };
  const config = placeBeside(folder, result.value);
  return { ok: true, config, document, warnings: sortProblems(found), referencedFiles: [...files] };
}

/** Later schemes (a secrets manager) join here. */
function resolversFor(input: LoadConfigInput, folder: string, files: Set<string>): Resolvers {
  const readFile = (path: string) => {
    files.add(path);
    return input.readFile(path);
  };
  return new Map([
    ['env', createEnvResolver(input.env)],
    ['file', createFileResolver(folder, readFile)],
  ]);
}

function findProblems(document: YamlDocument, sections: ReadableSections): readonly Problem[] {
  return checkSections(sections).map(({ path, ...words }) => problemIn(document, path, words));
}

/** The sections that are right in themselves although the file as a whole is not. */
function readableSections(value: unknown): ReadableSections {
  return {
    ...section('accounts', configSections.accounts, value),
    ...section('authorizers', configSections.authorizers, value),
    ...section('metrics', configSections.metrics, value),
    ...section('logs', configSections.logs, value),
    ...section('redaction', configSections.redaction, value),
    ...readableSinks(childOf(value, 'sinks')),
    ...section('server', configSections.server, value),
  };
}

/** Sinks one by one: a mistake in one does not hide another's. */
function readableSinks(value: unknown): ReadableSections {
  if (!isObject(value)) return {};
  const sinks: Record<string, SinkConfig> = {};
  for (const [name, entry] of Object.entries(value)) {
    const result = sinkConfig.safeParse(entry);
    if (result.success) sinks[name] = result.data;
  }
  const noneReadable = Object.keys(sinks).length === 0 && Object.keys(value).length > 0;
  return noneReadable ? {} : { sinks };
}

function section<K extends string, T extends z.ZodType>(
  name: K,
  schema: T,
  root: unknown,
): Partial<Record<K, z.output<T>>> {
  const result = schema.safeParse(childOf(root, name));
  const found: Partial<Record<K, z.output<T>>> = {};
  if (result.success) found[name] = result.data;
  return found;
}

/** Paths of files in the configuration are relative to the file they stand in, wherever the command is started. */
function placeBeside(folder: string, config: GatewatchConfig): GatewatchConfig {
  const place = (path: string) => (isAbsolute(path) ? path : join(folder, path));
  const sinks = Object.entries(config.sinks).map(([name, sink]) => {
    return [name, sink.caFile === undefined ? sink : { ...sink, caFile: place(sink.caFile) }] as const;
  });
  const { archive } = config.journal;
  const journal = {
    ...config.journal,
    path: place(config.journal.path),
    ...(archive !== undefined && { archive: place(archive) }),
  };
  return { ...config, journal, sinks: Object.fromEntries(sinks) };
}
