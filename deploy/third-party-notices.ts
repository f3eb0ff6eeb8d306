import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The innermost `node_modules/<name>` of a path. */
const PACKAGE_FOLDER = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/;
/** What MIT, BSD, ISC and Apache-2.0 want handed on. */
const NOTICE_FILE = /^(?:licen[cs]es?|notice|copying)(?:[.-]|$)/i;
/** Its text is the same whoever wrote the code: a package that leaves it out is covered by that of another. */
const COMMON_LICENCE = 'Apache-2.0';

/**
 * Licences and notices of the packages that these modules are of, each text once, for whoever gets a bundle of them:
 * those of the package, and those of code of others that it has taken into folders of its own.
 * @throws {Error} for a package whose terms are nowhere to be found.
 */
export function thirdPartyNotices(moduleIds: readonly string[]): string {
  const packagesByText = new Map<string, string[]>();
  for (const [folder, modules] of modulesByPackage(moduleIds)) {
    const { name, version, license } = manifestOf(folder);
    const texts = noticesIn(folder, modules);
    for (const text of texts.length > 0 ? texts : [standIn(folder, license)]) {
      const packages = packagesByText.get(text) ?? [];
      packagesByText.set(text, packages);
      packages.push(`${name} ${version} (${license})`);
    }
  }
  const parts = [...packagesByText].map(([text, packages]) => `${packages.join('\n')}\n\n${text}`);
  return `Gatewatch's bundle contains code of these packages.\n\n${parts.join(`\n${'-'.repeat(80)}\n`)}`;
}

/** Folder of a package → its modules; in order of the folders. */
function modulesByPackage(moduleIds: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const packaged = moduleIds.filter((id) => PACKAGE_FOLDER.test(id));
  const byFolder = Map.groupBy(packaged, (id) => PACKAGE_FOLDER.exec(id)?.[0] ?? '');
  return new Map([...byFolder].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function manifestOf(folder: string): { name: string; version: string; license: string } {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (typeof license !== 'string')
    throw new Error(`Expected a licence in ${folder}/package.json, got ${license}`);
  return { name, version, license };
}

function noticesIn(folder: string, modules: readonly string[]): readonly string[] {
  const files = [...foldersDownTo(folder, modules)].flatMap(noticeFilesIn);
  return [...new Set(files.map((file) => `${readFileSync(file, 'utf8').trim()}\n`))];
}

/** The package's folder and each on the way from it to one of its modules. */
function foldersDownTo(folder: string, modules: readonly string[]): ReadonlySet<string> {
  const folders = new Set([folder]);
  for (const module of modules) {
    for (let each = dirname(module); each.length > folder.length; each = dirname(each)) folders.add(each);
  }
  return new Set([...folders].sort());
}

/** A folder called so, such as `LICENSES/`, holds one for each piece that was taken over. */
function noticeFilesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => NOTICE_FILE.test(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function standIn(folder: string, license: string): string {
  if (license === COMMON_LICENCE)
    return `No licence file comes with it. ${license} is printed with others here.\n`;
  throw new Error(
    `Expected a licence file in ${folder}, got none: find the terms of ${license} with its copyright line, or do without it`,
  );
}
