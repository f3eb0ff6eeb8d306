import type { SourceFacts } from './source-facts.ts';

/** The architecture as data; `test/architecture.test.ts` holds ours. */
export interface Architecture {
  /** Folders directly under `src`, by rank. A file imports from its own folder or a lower rank. */
  readonly ranks: Readonly<Record<string, number>>;
  /** Folders that may import less than their rank allows. */
  readonly importsOnly: Readonly<Record<string, readonly string[]>>;
  /** Folders that only one other may import. */
  readonly importedOnlyBy: Readonly<Record<string, string>>;
  /** Packages, by the beginning of their name, that only some folders may import. */
  readonly packages: Readonly<Record<string, readonly string[]>>;
  /** Folder that alone touches the process, the clock and chance. */
  readonly ambientFolder: string;
  readonly maxLines: number;
  /** What is let through, each by path and word. */
  readonly exceptions: {
    readonly ambient: Readonly<Record<string, readonly string[]>>;
    readonly escapes: Readonly<Record<string, readonly string[]>>;
    /** Files whose package name is put together as they run. */
    readonly computedImports: readonly string[];
    /** Longer files, with the length they may have. */
    readonly lines: Readonly<Record<string, number>>;
  };
}

export function violationsOf(files: readonly SourceFacts[], rules: Architecture): string[] {
  return [
    ...files.flatMap((file) => [
      ...folderViolations(file, rules),
      ...importViolations(file, rules),
      ...useViolations(file, rules),
      ...fileViolations(file, rules),
    ]),
    ...cycleViolations(files),
    ...staleExceptions(files, rules),
  ];
}

function folderViolations({ path }: SourceFacts, { ranks }: Architecture): string[] {
  const folder = folderOf(path);
  if (folder in ranks) return [];
  return [`${path}: expected a folder of the rank table, got ${folder || 'src itself'}`];
}

function importViolations(file: SourceFacts, rules: Architecture): string[] {
  return file.imports.flatMap(({ specifier, target, line }) => {
    const at = `${file.path}:${line}`;
    if (target === undefined) return packageViolations(at, file, specifier, rules);
    if (!target.endsWith('.ts'))
      return [`${at}: expected an import with its .ts extension, got ${specifier}`];
    if (target.startsWith('..')) return [`${at}: expected an import inside src, got ${specifier}`];
    return downhillViolations(at, folderOf(file.path), folderOf(target), rules);
  });
}

function downhillViolations(at: string, from: string, to: string, rules: Architecture): string[] {
  if (from === to) return [];
  const fromRank = rules.ranks[from] ?? Number.NEGATIVE_INFINITY;
  const toRank = rules.ranks[to] ?? Number.POSITIVE_INFINITY;
  const found: string[] = [];
  if (toRank === fromRank) found.push(`${at}: ${from} and ${to} are siblings of rank ${fromRank}`);
  if (toRank > fromRank)
    found.push(`${at}: ${from} (rank ${fromRank}) imports uphill from ${to} (${toRank})`);
  const only = rules.importsOnly[from];
  if (only !== undefined && !only.includes(to))
    found.push(`${at}: ${from} imports only ${only.join(', ')}, got ${to}`);
  const alone = rules.importedOnlyBy[to];
  if (alone !== undefined && alone !== from) found.push(`${at}: only ${alone} imports ${to}, got ${from}`);
  return found;
}

function packageViolations(at: string, file: SourceFacts, specifier: string, rules: Architecture): string[] {
  if (specifier === '(computed)') {
    const allowed = rules.exceptions.computedImports.includes(file.path);
    return allowed ? [] : [`${at}: expected an import of a name that can be read here, got a computed one`];
  }
  const folder = folderOf(file.path);
  return Object.entries(rules.packages).flatMap(([prefix, folders]) =>
    specifier.startsWith(prefix) && !folders.includes(folder)
      ? [`${at}: only ${folders.join(', ')} imports ${prefix}, got ${folder}`]
      : [],
  );
}

function useViolations(file: SourceFacts, rules: Architecture): string[] {
  const { ambient, escapes } = rules.exceptions;
  const isCommandLine = folderOf(file.path) === rules.ambientFolder;
  const touched = isCommandLine ? [] : file.ambient.filter(({ what }) => !ambient[file.path]?.includes(what));
  const escaped = file.escapes.filter(({ what }) => !escapes[file.path]?.includes(what));
  return [
    ...touched.map(({ what, line }) => `${file.path}:${line}: only ${rules.ambientFolder} touches ${what}`),
    ...escaped.map(({ what, line }) => `${file.path}:${line}: gets past the type checker by ${what}`),
  ];
}

function fileViolations({ path, lines }: SourceFacts, rules: Architecture): string[] {
  const allowed = rules.exceptions.lines[path] ?? rules.maxLines;
  const found = lines > allowed ? [`${path}: expected at most ${allowed} lines, got ${lines}`] : [];
  if (path.endsWith('/index.ts') || path === 'index.ts') found.push(`${path}: a barrel hides who needs what`);
  return found;
}

/** An exception that nothing needs any more would let the next violation through. */
function staleExceptions(files: readonly SourceFacts[], rules: Architecture): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const { ambient, escapes, lines, computedImports } = rules.exceptions;
  const stale = (kind: string, path: string, needed: boolean | undefined) =>
    needed === true ? [] : [`${path}: needs no exception for ${kind}`];
  const uses = (found: 'ambient' | 'escapes', allowed: Readonly<Record<string, readonly string[]>>) =>
    Object.entries(allowed).flatMap(([path, words]) =>
      words.flatMap((word) =>
        stale(
          word,
          path,
          byPath.get(path)?.[found].some(({ what }) => what === word),
        ),
      ),
    );
  return [
    ...uses('ambient', ambient),
    ...uses('escapes', escapes),
    ...Object.keys(lines).flatMap((path) =>
      stale('its length', path, isLonger(byPath.get(path), rules.maxLines)),
    ),
    ...computedImports.flatMap((path) =>
      stale(
        'a computed import',
        path,
        byPath.get(path)?.imports.some(({ specifier }) => specifier === '(computed)'),
      ),
    ),
  ];
}

function isLonger(file: SourceFacts | undefined, lines: number): boolean {
  return file !== undefined && file.lines > lines;
}

/** Every import cycle between files, once, written as the way round it. */
function cycleViolations(files: readonly SourceFacts[]): string[] {
  const targets = new Map(
    files.map(({ path, imports }) => [path, imports.flatMap(({ target }) => target ?? [])]),
  );
  const done = new Set<string>();
  const way: string[] = [];
  const found: string[] = [];
  const visit = (path: string): void => {
    const start = way.indexOf(path);
    if (start >= 0) found.push(`import cycle: ${[...way.slice(start), path].join(' → ')}`);
    if (start >= 0 || done.has(path)) return;
    way.push(path);
    for (const target of targets.get(path) ?? []) visit(target);
    way.pop();
    done.add(path);
  };
  for (const { path } of files) visit(path);
  return found;
}

function folderOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : '';
}
