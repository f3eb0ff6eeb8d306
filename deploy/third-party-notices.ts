import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The innermost `node_modules/<name>` of a path. */
const PACKAGE_FOLDER = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/;
/** What MIT, BSD, ISC and Apache-2.0 want handed on. */
const NOTICE_FILE = /^(?:licen[cs]e|notice|copying)(?:[.-]|$)/i;

/** Licences and notices of the packages that these modules are of, each text once, for whoever gets a bundle of them. */
export function thirdPartyNotices(moduleIds: readonly string[]): string {
  const folders = new Set(moduleIds.flatMap((id) => PACKAGE_FOLDER.exec(id)?.[0] ?? []));
  const packagesByText = new Map<string, string[]>();
  for (const folder of [...folders].sort()) {
    const { name, version, license } = manifestOf(folder);
    const text = noticesIn(folder);
    const packages = packagesByText.get(text) ?? [];
    packagesByText.set(text, packages);
    packages.push(`${name} ${version} (${license})`);
  }
  const parts = [...packagesByText].map(([text, packages]) => `${packages.join('\n')}\n\n${text}`);
  return `Gatewatch's bundle contains code of these packages.\n\n${parts.join(`\n${'-'.repeat(80)}\n`)}`;
}

function manifestOf(folder: string): { name: string; version: string; license: string } {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (typeof license !== 'string')
    throw new Error(`Expected a licence in ${folder}/package.json, got ${license}`);
  return { name, version, license };
}

function noticesIn(folder: string): string {
  const files = readdirSync(folder).filter((file) => NOTICE_FILE.test(file));
  return files.map((file) => `${readFileSync(join(folder, file), 'utf8').trim()}\n`).join('\n');
}
