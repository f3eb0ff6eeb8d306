/** What the journal takes of its disk, in bytes. Free pages inside the file are not counted: they are filled again. */
export interface JournalUsage {
  /** The file that is written to. */
  readonly liveBytes: number;
  /** Its write-ahead log. */
  readonly logBytes: number;
  /** Sealed segments beside it; archived ones are not counted. */
  readonly segmentBytes: number;
  readonly segments: number;
  /** Rows that a lane still has to deliver. */
  readonly queueBytes: number;
  /** What the file system has left for us; absent where it does not say. */
  readonly diskFreeBytes?: number;
  /** How fast the trail has grown, by the last day or what there is of it; absent in the first hour. */
  readonly bytesPerDay?: number;
}

/** All of it that lies on the journal's own disk. */
export function trailBytesOf({ liveBytes, logBytes, segmentBytes }: JournalUsage): number {
  return liveBytes + logBytes + segmentBytes;
}

/**
 * `full`: no room for another row. `failing`: the disk refused a write for another reason (read-only, input/output
 * error). `damaged`: the file cannot be trusted any more and must be opened anew.
 */
export type TroubleKind = 'full' | 'failing' | 'damaged';

export interface StorageTrouble {
  readonly kind: TroubleKind;
  readonly reason: string;
  readonly sinceMs: number;
  /** Writes that have failed for it so far. */
  readonly failures: number;
}

/** Age and size of what is sealed. */
export interface SealSettings {
  /** Age of rows, by event and by when they were stored, before they are sealed, milliseconds. */
  readonly sealAfterMs: number;
  /** Most that goes into one segment, bytes. */
  readonly segmentBytes: number;
}

/** Rows that were sealed, archived or dropped together. */
export interface SealedSpan {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly rows: number;
  readonly bytes: number;
  readonly file: string;
}

/** How far the comparison of the trail with its hashes has come. */
export interface ScrubState {
  readonly startedMs: number;
  /** The next row to be compared. */
  readonly nextSeq: number;
  /** Absent while it is under way. */
  readonly finishedMs?: number;
  /** Rows of the whole trail that are known not to match, by this or an earlier comparison. */
  readonly damagedRows: number;
}

/**
 * The part of a journal that keeps it within its disk. Each call does one short step, so that commits and
 * acknowledgements come between; each may be repeated after a crash.
 */
export interface JournalUpkeep {
  usage(nowMs: number): Promise<JournalUsage>;
  /** What keeps rows from being written; absent while all is well. */
  trouble(): StorageTrouble | undefined;
  /** Resolves when the file was found to be damaged, by any statement. */
  readonly damaged: Promise<StorageTrouble>;
  /** Looks whether another process could open the file. What it finds is told by `trouble`. */
  probe(): Promise<void>;
  /** Keeps room free for acknowledgements on a full disk. False when the disk has no room for that. */
  keepReserve(): Promise<boolean>;
  /** Takes the reserve back after a full disk. True when there is room again and commits may be tried. */
  makeRoom(): Promise<boolean>;
  /** Lets the next commits through although the last ones found no room. */
  tryAgain(): void;
  /** Notes how far the trail has come, for its rate of growth and for sealing. Call about once an hour. */
  mark(nowMs: number): Promise<void>;
  /** Seals the next old rows, if there are any to seal. */
  sealNext(settings: SealSettings, nowMs: number): Promise<SealedSpan | undefined>;
  /** Deletes from the live file what segments hold, and gives free room back to the disk. */
  shrink(): Promise<void>;
  /** Moves the oldest sealed segment into a folder, best on another disk. `undefined` when none is sealed. */
  archiveOldest(folder: string, nowMs: number): Promise<SealedSpan | undefined>;
  /** Gives the oldest sealed segment up, leaving a gap record with the reason. `undefined` when none is sealed. */
  dropOldest(reason: string, nowMs: number): Promise<SealedSpan | undefined>;
  /** Compares the next rows with their hashes; begins anew when the last comparison has finished. */
  scrubStep(nowMs: number): Promise<ScrubState>;
  /** Absent before the first comparison. */
  scrubState(): Promise<ScrubState | undefined>;
}
