import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { GatewatchError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { inTransaction, openReaderConnection } from '../connection.ts';
import { openSegmentFile } from '../segments/segment-file.ts';
import { segmentPath } from '../segments/segment-place.ts';
import { putSegment, readSegments } from '../segments/segment-table.ts';
import { segmentsInFolder } from './adopt-segments.ts';
import { damageMarkerOf } from './damage-marker.ts';
import { copyRows, type Salvaged, salvage } from './salvage.ts';

const DATABASE_FILES = ['', '-wal', '-shm'] as const;

export interface RebuildOptions {
  readonly path: string;
  readonly nowMs: number;
  /** What is wrong with the file, for people. */
  readonly problem: string;
  readonly logger: Logger;
  /** Opens a fresh journal of the current version. */
  readonly openFresh: (path: string) => DatabaseSync;
}

/**
 * Puts a fresh journal in the place of a damaged one and returns where that was moved. The fresh one is made whole, with
 * its gap record, before the first rename: a crash at any point leaves either the damaged one or the finished one, and
 * `finishRebuild` tells them apart.
 */
export function rebuild(options: RebuildOptions): string {
  const { path, nowMs, problem, logger } = options;
  const movedTo = freeAsidePath(path, nowMs);
  removeDatabase(rebuildOf(path));
  const fresh = options.openFresh(rebuildOf(path));
  try {
    const salvaged = inTransaction(fresh, path, () => fill(fresh, options, movedTo));
    const { lastSeq, sealedThrough, incomplete } = salvaged;
    logger.error(
      { journal: path, movedTo, problem, lostRows: lastSeq - sealedThrough, incomplete },
      'The journal is damaged: moved it aside and begin a fresh one, to be filled again from the sources.',
    );
  } finally {
    fresh.close();
  }
  requireWhole(rebuildOf(path));
  moveIfThere(path, movedTo);
  moveRest(path, movedTo);
  renameSync(rebuildOf(path), path);
  return movedTo;
}

/** Closing copies the log into the file. Where it could not, the file alone, moved, would lack what it was made for. */
function requireWhole(path: string): void {
  if (!existsSync(`${path}-wal`)) return;
  throw new GatewatchError(
    'journal_io',
    `Expected the fresh journal ${path} to be written whole, its log ${path}-wal is still there: free disk space, end whoever reads that file, and start again. The damaged journal is where it was.`,
  );
}

/**
 * After a crash between the renames: the damaged journal is out of the way, the finished one not yet in its place. What it
 * left goes where it went. Where somebody has taken it away since, that has a name of its own: rows may stand there that
 * are nowhere else, and the finished journal must not take the log for its own.
 */
export function finishRebuild(path: string, nowMs: number): void {
  if (existsSync(path) || !existsSync(rebuildOf(path))) return;
  moveRest(path, lastMovedAside(path) ?? freeAsidePath(path, nowMs));
  renameSync(rebuildOf(path), path);
}

/** What was committed last may stand in the log alone: it goes where the damaged file went. */
function moveRest(path: string, movedTo: string): void {
  for (const suffix of ['-wal', '-shm']) moveIfThere(path + suffix, movedTo + suffix);
  moveIfThere(damageMarkerOf(path), damageMarkerOf(movedTo));
}

/**
 * The newest that has no log beside it: one that has was moved whole, by an earlier rebuild under a clock that was ahead.
 * Undefined when there is none, such as when somebody has taken it away.
 */
function lastMovedAside(path: string): string | undefined {
  const prefix = basename(asidePath(path, ''));
  const names = new Set(readdirSync(dirname(path)));
  const aside = [...names].filter((name) => name.startsWith(prefix) && name.endsWith('Z'));
  const last = aside.toSorted().findLast((name) => !names.has(`${name}-wal`));
  return last === undefined ? undefined : join(dirname(path), last);
}

/** The names sort by time, which ends in `Z`. */
function asidePath(path: string, time: string): string {
  return `${path}.corrupt-${time.replaceAll(':', '')}`;
}

/** A name of that time, or soon after, that no earlier rebuild has used: nothing is ever renamed over what it left. */
function freeAsidePath(path: string, nowMs: number): string {
  for (let ms = nowMs; ; ms += 1) {
    const aside = asidePath(path, new Date(ms).toISOString());
    if (DATABASE_FILES.every((suffix) => !existsSync(aside + suffix))) return aside;
  }
}

function rebuildOf(path: string): string {
  return `${path}.rebuild`;
}

/** Takes over what can be read and records what is gone: the rows, and the span of time they were of. */
function fill(fresh: DatabaseSync, options: RebuildOptions, movedTo: string): Salvaged {
  const { path, nowMs, problem } = options;
  const salvaged = salvageFrom(fresh, path, nowMs);
  const { sealedThrough, lastSeq, lostFromMs = 0 } = salvaged;
  if (lastSeq > sealedThrough) {
    putSegment(fresh, {
      firstSeq: sealedThrough + 1,
      lastSeq,
      state: 'lost',
      file: movedTo,
      sha256: '',
      bytes: 0,
      rows: lastSeq - sealedThrough,
      minEventMs: lostFromMs,
      maxEventMs: nowMs,
      changedMs: nowMs,
    });
  }
  const rows = lastSeq > sealedThrough ? `rows ${sealedThrough + 1} to ${lastSeq}` : 'its rows';
  const reason = `the journal was damaged (${problem}) and moved aside to ${movedTo} with ${rows}; only what CloudWatch still holds is read again`;
  fresh
    .prepare('INSERT OR REPLACE INTO gap (unit, from_ms, to_ms, reason, recorded_ms) VALUES (?, ?, ?, ?, ?)')
    .run('journal', lostFromMs, nowMs, reason.toWellFormed(), nowMs);
  return salvaged;
}

function salvageFrom(fresh: DatabaseSync, path: string, nowMs: number): Salvaged {
  const fromFolder = () => segmentsInFolder(path, nowMs);
  let damaged: DatabaseSync | undefined;
  try {
    damaged = openReaderConnection(path);
  } catch {
    // Not even its first page can be read: only the segments are left, which stand for themselves.
  }
  try {
    const salvaged = salvage(fresh, damaged, fromFolder);
    if (salvaged.incomplete.includes('stream_run')) copyRunsOfSegments(fresh, path);
    return salvaged;
  } finally {
    damaged?.close();
  }
}

/** Which rows are of which stream: each segment knows it of its own. */
function copyRunsOfSegments(fresh: DatabaseSync, path: string): void {
  for (const segment of readSegments(fresh)) {
    const file = segmentPath(path, segment);
    if (file === undefined || !existsSync(file)) continue;
    const sealed = openSegmentFile(file);
    copyRows(fresh, sealed, 'stream_run', '');
    sealed.close();
  }
}

function removeDatabase(path: string): void {
  for (const suffix of DATABASE_FILES) rmSync(path + suffix, { force: true });
}

function moveIfThere(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to);
}
