import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { formatBytes } from '../../core/bytes.ts';
import { FencedError, GatewatchError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { SealSettings } from '../../model/journal-upkeep.ts';
import type { GuardedWrites } from '../disk/guarded-writes.ts';
import type { WriterLease } from '../writer-lease.ts';
import { checkRows, type RowProblem } from './check-rows.ts';
import { noteDamage } from './damage-table.ts';
import { isHeldElsewhere } from './left-over.ts';
import { planSegment, type SegmentPlan } from './plan-segment.ts';
import { hashFile, openSegmentFile, syncPath, writeSegmentFile } from './segment-file.ts';
import { isCovered, isPartial, segmentFolderOf, segmentName, segmentPath } from './segment-place.ts';
import { lastSegmentedSeq, putSegment, readSegments, type Segment } from './segment-table.ts';

/** Rows deleted per transaction: some ten milliseconds. */
const PURGE_ROWS = 500;
/** Free pages are kept for new rows up to this share of the file; beyond it they go back to the file system. */
const KEPT_FREE_SHARE = 0.25;
const VACUUM_PAGES = 256;

export interface SealerOptions {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly logger: Logger;
  readonly lease: WriterLease;
  readonly writes: GuardedWrites;
  /** Lanes that this worker drains. */
  readonly lanes: () => readonly string[];
}

/**
 * Moves old rows out of the live file. A row is in the segment, whole and compared, before the one transaction that says
 * so; from that moment readers take it from there, and only then is it deleted from the live file. A crash between any
 * two steps leaves work to be done again, never a row in no place.
 */
export class Sealer {
  readonly #options: SealerOptions;
  /** Files of rows that this journal does not hold: compared and told of once. */
  readonly #foreign = new Set<string>();

  constructor(options: SealerOptions) {
    this.#options = options;
  }

  /** Seals the next segment if there is one to seal. Returns what it became. */
  async sealNext(settings: SealSettings, nowMs: number): Promise<Segment | undefined> {
    const { db, path, lanes } = this.#options;
    const plan = planSegment(db, lanes(), settings, nowMs);
    if (plan === undefined) return undefined;
    const folder = segmentFolderOf(path);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = segmentName(plan.firstSeq, plan.minEventMs);
    const partial = join(folder, `${file}.partial`);
    rmSync(partial, { force: true });
    const rows = await this.#copy(partial, plan, nowMs);
    const sha256 = await hashFile(partial);
    const { size: bytes } = statSync(partial);
    chmodSync(partial, 0o400);
    await this.#makeWay(join(folder, file), nowMs);
    renameSync(partial, join(folder, file));
    syncPath(folder);
    const { firstSeq, lastSeq, minEventMs, maxEventMs } = plan;
    const span = { firstSeq, lastSeq, minEventMs, maxEventMs };
    const segment: Segment = { ...span, state: 'sealed', file, sha256, bytes, rows, changedMs: nowMs };
    this.#write(() => putSegment(db, segment));
    return segment;
  }

  /** What stands under the name of a segment to be: of a crash before it was on record, or an earlier journal's own. */
  async #makeWay(file: string, nowMs: number): Promise<void> {
    const { db, path, logger } = this.#options;
    if (!existsSync(file) || (await isHeldElsewhere(db, path, file))) return;
    const kept = `${file}.kept-${nowMs}`;
    renameSync(file, kept);
    logger.warn(
      { journal: path, file: kept },
      'A segment of an earlier journal had the name of a new one: it is kept under another name, and not read. Move it to a safe place, or bring the journal back that it belongs to.',
    );
  }

  /** A disk without room for the copy keeps no half of it. */
  async #copy(partial: string, plan: SegmentPlan, nowMs: number): Promise<number> {
    try {
      await writeSegmentFile(partial, this.#options.path, plan);
      const copy = openSegmentFile(partial);
      try {
        const { rows, problems } = await checkRows(copy, plan);
        if (problems.length > 0) await this.#acceptKnown(plan, problems, nowMs);
        return rows;
      } finally {
        copy.close();
      }
    } catch (error) {
      rmSync(partial, { force: true });
      throw error;
    }
  }

  /** A row that was damaged before it was copied is sealed as it is, on record; anything else is a bad copy. */
  async #acceptKnown(plan: SegmentPlan, problems: readonly RowProblem[], nowMs: number): Promise<void> {
    const original = await checkRows(this.#options.db, plan);
    const known = new Set(original.problems.map(({ seq }) => seq));
    const made = problems.find(({ seq }) => !known.has(seq));
    if (made !== undefined) {
      throw new GatewatchError(
        'segment_unfit',
        `Expected rows ${plan.firstSeq} to ${plan.lastSeq} in the segment as they were stored, got row ${made.seq} that ${made.problem}; nothing was sealed.`,
      );
    }
    this.#write(() => noteDamage(this.#options.db, problems, nowMs));
  }

  /** Deletes one step of rows that a segment holds. True while there are more. */
  purgeStep(): boolean {
    const { db } = this.#options;
    const through = lastSegmentedSeq(db);
    const oldest = db.prepare('SELECT 1 FROM record WHERE seq <= ? LIMIT 1').get(through);
    if (oldest === undefined) return false;
    this.#write(() => {
      db.prepare(
        'DELETE FROM record WHERE seq IN (SELECT seq FROM record WHERE seq <= ? ORDER BY seq LIMIT ?)',
      ).run(through, PURGE_ROWS);
      db.prepare('DELETE FROM event_chunk WHERE first_seq <= ?').run(through);
    });
    return true;
  }

  /** Gives one step of free pages back to the file system, if there are many. True while there are more. */
  vacuumStep(): boolean {
    const { db } = this.#options;
    const pages = Number(db.prepare('PRAGMA page_count').get()?.page_count);
    const free = Number(db.prepare('PRAGMA freelist_count').get()?.freelist_count);
    if (free < VACUUM_PAGES || free <= pages * KEPT_FREE_SHARE) return false;
    db.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
    return Number(db.prepare('PRAGMA freelist_count').get()?.freelist_count) < free;
  }

  /** Removes what a crash left: halves of copies, and files whose every row lies elsewhere by now. Keeps any other. */
  async tidy(): Promise<void> {
    const { db, path, logger } = this.#options;
    const folder = segmentFolderOf(path);
    if (!existsSync(folder)) return;
    const segments = readSegments(db);
    for (const name of readdirSync(folder)) {
      const file = join(folder, name);
      if (!isPartial(name) && (!isCovered(name, segments) || this.#foreign.has(name))) continue;
      if (isPartial(name) || (await isHeldElsewhere(db, path, file))) rmSync(file, { force: true });
      else {
        this.#foreign.add(name);
        logger.warn(
          { journal: path, file },
          'A segment holds rows that this journal does not have, such as those of an earlier journal: it is kept, and not read. Move it to a safe place, or bring the journal back that it belongs to.',
        );
      }
    }
  }

  /** Moves the oldest sealed segment into the archive. `undefined` when there is none. */
  async archiveOldest(archive: string, nowMs: number): Promise<Segment | undefined> {
    const { db, path } = this.#options;
    const oldest = this.#oldestSealed();
    const from = oldest && segmentPath(path, oldest);
    if (oldest === undefined || from === undefined) return undefined;
    mkdirSync(archive, { recursive: true, mode: 0o700 });
    const target = join(archive, basename(from));
    if (!existsSync(target) || (await hashFile(target)) !== oldest.sha256)
      await copyWhole(from, target, oldest);
    const archived: Segment = { ...oldest, state: 'archived', file: target, changedMs: nowMs };
    this.#write(() => putSegment(db, archived));
    rmSync(from, { force: true });
    return archived;
  }

  /** Gives the oldest sealed segment up for room, leaving a gap record. `undefined` when there is none. */
  dropOldest(reason: string, nowMs: number): Segment | undefined {
    const { db, path } = this.#options;
    const oldest = this.#oldestSealed();
    if (oldest === undefined) return undefined;
    const { firstSeq, lastSeq, rows, bytes, sha256, minEventMs, maxEventMs } = oldest;
    const what = `${rows} rows (${firstSeq} to ${lastSeq}, ${formatBytes(bytes)}, segment SHA-256 ${sha256}) were dropped: ${reason}`;
    const dropped: Segment = { ...oldest, state: 'dropped', changedMs: nowMs };
    this.#write(() => {
      db.prepare(
        'INSERT OR REPLACE INTO gap (unit, from_ms, to_ms, reason, recorded_ms) VALUES (?, ?, ?, ?, ?)',
      ).run(`journal rows ${firstSeq} to ${lastSeq}`, minEventMs, maxEventMs + 1, what, nowMs);
      db.prepare('DELETE FROM stream_run WHERE first_seq >= ? AND last_seq <= ?').run(firstSeq, lastSeq);
      putSegment(db, dropped);
    });
    const file = segmentPath(path, oldest);
    if (file !== undefined) rmSync(file, { force: true });
    return dropped;
  }

  #oldestSealed(): Segment | undefined {
    return readSegments(this.#options.db).find(({ state }) => state === 'sealed');
  }

  #write(work: () => void): void {
    const { writes, lease } = this.#options;
    writes.small(() => {
      const reason = lease.fencedReason(lease.epoch);
      if (reason !== undefined) throw new FencedError(`This worker lost the journal and stops: ${reason}`);
      work();
    });
  }
}

/** On the other disk, flushed and compared, before the first one goes. */
async function copyWhole(from: string, target: string, { sha256 }: Segment): Promise<void> {
  const partial = `${target}.partial`;
  rmSync(partial, { force: true });
  await copyFile(from, partial);
  chmodSync(partial, 0o600);
  syncPath(partial);
  const copied = await hashFile(partial);
  if (copied !== sha256) {
    rmSync(partial, { force: true });
    throw new GatewatchError(
      'segment_damaged',
      `Expected segment ${from} with SHA-256 ${sha256} in the archive, got ${copied}: it stays where it is; \`gatewatch audit verify\` names the rows.`,
    );
  }
  chmodSync(partial, 0o400);
  renameSync(partial, target);
  syncPath(join(target, '..'));
}
