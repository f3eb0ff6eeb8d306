/** A site, and at which passing of it the process dies; without a number at the first. */
export type Kill = string | readonly [site: string, nth: number];

/** Processes that die one after the other in one folder, each at the next of these, until one lives. */
export interface Chain {
  readonly title: string;
  /** File in `stories`. */
  readonly story:
    | 'starting'
    | 'keeping'
    | 'rebuilding'
    | 'listing'
    | 'delivering'
    | 'ordering'
    | 'taking-over';
  readonly kills: readonly Kill[];
}

/**
 * Where processes are killed. Every site of the product is here, under `COMMITTED_AT`, `KILLED_AS_WORKER` or `NOT_KILLED`: a new one
 * makes the test fail until somebody has killed a process there. In the order in which a story comes to them.
 */
export const CHAINS: readonly Chain[] = [
  {
    title: 'makes a journal and keeps its lease',
    story: 'starting',
    kills: [
      'store/writer-lease.ts tryAcquire: exec',
      'store/connection.ts createPrivately: openSync',
      'store/connection.ts openWriterConnection: exec',
      'store/schema.ts migrate: exec',
      'store/writer-lease.ts take: inTransaction',
      'store/sqlite-journal.ts lane: #transaction',
      'store/sqlite-journal.ts #commit: growing',
      'scheduler/keep-journal.ts renewLease: renewLease',
      'scheduler/keep-journal.ts pruneBefore: prune',
      'store/sqlite-journal.ts prune: exec',
      'store/writer-lease.ts release: inTransaction',
    ],
  },
  {
    title: 'seals, deletes, archives and drops',
    story: 'keeping',
    kills: [
      'store/open-journal.ts takeOver: inTransaction',
      'store/disk/sqlite-upkeep.ts mark: small',
      'store/segments/sealer.ts sealNext: rmSync',
      'store/segments/sealer.ts sealNext: renameSync',
      'store/segments/sealer.ts sealNext: #write',
      'store/segments/sealer.ts purgeStep: #write',
      'store/segments/sealer.ts #acceptKnown: #write',
      'store/segments/sealer.ts vacuumStep: exec',
      'store/segments/sealer.ts copyWhole: rmSync',
      'store/segments/sealer.ts copyWhole: copyFile',
      'store/segments/sealer.ts copyWhole: renameSync',
      'store/segments/sealer.ts archiveOldest: #write',
      'store/segments/sealer.ts tidy: rmSync',
      'store/segments/sealer.ts dropOldest: #write',
      'store/disk/sqlite-upkeep.ts scrubStep: small',
      'store/disk/sqlite-upkeep.ts makeRoom: exec',
      'store/disk/reserve.ts fill: open',
    ],
  },
  {
    title: 'moves a segment into the archive',
    story: 'keeping',
    kills: ['store/segments/sealer.ts archiveOldest: rmSync'],
  },
  { title: 'drops a segment', story: 'keeping', kills: ['store/segments/sealer.ts dropOldest: rmSync'] },
  {
    title: 'rebuilds a damaged journal',
    story: 'rebuilding',
    kills: [
      'store/recovery/damage-marker.ts markDamaged: writeFileSync',
      'store/recovery/rebuild.ts removeDatabase: rmSync',
      'store/recovery/rebuild.ts rebuild: inTransaction',
      'store/recovery/rebuild.ts moveIfThere: renameSync',
      ['store/recovery/rebuild.ts moveIfThere: renameSync', 2],
      'store/recovery/rebuild.ts finishRebuild: renameSync',
    ],
  },
  {
    title: 'has moved a damaged journal away',
    story: 'rebuilding',
    kills: [
      'store/recovery/damage-marker.ts markDamaged: writeFileSync',
      ['store/recovery/rebuild.ts moveIfThere: renameSync', 4],
    ],
  },
  {
    title: 'has put a fresh journal in its place',
    story: 'rebuilding',
    kills: ['store/recovery/rebuild.ts rebuild: renameSync'],
  },
  {
    title: 'writes down a listing',
    story: 'listing',
    kills: [
      'cli/worker/inventory-file.ts write: writeFileSync',
      'cli/worker/inventory-file.ts write: renameSync',
    ],
  },
  {
    title: 'is held, then delivers',
    story: 'delivering',
    kills: [
      'pipeline/drain-lane.ts start: lane',
      'pipeline/held-mark.ts #writeNow: setLaneHeld',
      'pipeline/drain-lane.ts #acknowledge: ackLane',
    ],
  },
  {
    title: 'is held, then resumes',
    story: 'delivering',
    // The second process knows from the journal that the lane is held: what it writes is that it is not.
    kills: ['pipeline/held-mark.ts #writeNow: setLaneHeld', 'pipeline/held-mark.ts #writeNow: setLaneHeld'],
  },
  {
    title: 'carries out orders',
    story: 'ordering',
    kills: [
      'store/order-desk.ts place: inTransaction',
      'pipeline/redelivery.ts #drop: dropDeadLetters',
      'pipeline/redelivery.ts #save: saveOrder',
      'pipeline/redelivery.ts #send: lane',
      'pipeline/redelivery-lane.ts #journal: lane',
      'pipeline/redelivery-lane.ts #journal: setLaneHeld',
      'pipeline/redelivery-rows.ts replayRows: ackLane',
      'pipeline/redelivery-rows.ts retryRows: ackLane',
    ],
  },
];

/** Where the journal commits, by the kill of whoever asked it to. */
export const COMMITTED_AT: Readonly<Record<string, string>> = {
  'scheduler/keep-journal.ts renewLease: renewLease': 'store/sqlite-journal.ts renewLease: #transaction',
  'scheduler/keep-journal.ts pruneBefore: prune': 'store/sqlite-journal.ts prune: #transaction',
  'pipeline/held-mark.ts #writeNow: setLaneHeld': 'store/sqlite-journal.ts setLaneHeld: #transaction',
  'pipeline/drain-lane.ts #acknowledge: ackLane': 'store/sqlite-journal.ts ackLane: acknowledging',
  'pipeline/redelivery.ts #save: saveOrder': 'store/sqlite-journal.ts saveOrder: #transaction',
  'pipeline/redelivery.ts #drop: dropDeadLetters': 'store/sqlite-journal.ts dropDeadLetters: #transaction',
};

/** Where a process dies that has just taken a journal from another one. */
export const TAKING_OVER: Kill = 'store/writer-lease.ts take: inTransaction';

/** Where a whole worker is killed instead: what these take part in needs all of it. */
export const KILLED_AS_WORKER: readonly string[] = [
  'pipeline/ingest.ts #write: commitWindow',
  'pipeline/backfill.ts save: saveOrder',
];

/** Sites where nobody is killed, and why not. */
export const NOT_KILLED: Readonly<Record<string, string>> = {
  'store/sqlite-journal.ts ackLane: small':
    'commits what `acknowledging` does, with a flush: a process that is killed does not leave less without one',
  'store/segments/sealer.ts #makeWay: renameSync':
    "where an earlier journal's segment has the name: killed behind it, there is none in the way any more",
  'store/segments/sealer.ts #copy: rmSync': 'on a full disk: the next copy begins with the same step',
  'store/segments/sealer.ts copyWhole: rmSync 2':
    'where the copy came out another: the next begins with the same step',
  'store/disk/reserve.ts restore: rm': 'on a full disk: the file is of the wrong size and made anew',
  'store/disk/reserve.ts release: rmSync':
    'on a full disk: without the file there is no reserve, as before it is made',
  'store/disk/guarded-writes.ts #useReserve: exec':
    'on a full disk: a log that was not copied into the file is copied when it is opened',
};

export function siteOf(kill: Kill): string {
  return typeof kill === 'string' ? kill : kill[0];
}
