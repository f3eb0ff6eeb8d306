import { LaneDrain } from '../../../../src/pipeline/drain-lane.ts';
import { openJournalReader } from '../../../../src/store/open-journal.ts';
import { commitRecords, series } from '../../../store/commits.ts';
import { LIVE, lanesOver, SENT_MS, sinkOf, workUntil } from '../sending.ts';
import { differing, journalPath, openAt, type Scene, type Story } from '../story.ts';

/** All of them in one batch: once it is acknowledged nothing is left by which the lane could see that it is well. */
const ROWS = 6;

/** Delivers rows to a collector that refuses the token at first: the lane is held, and resumes. */
export const story: Story = { prepare, run, findings };

async function prepare(scene: Scene): Promise<void> {
  const journal = await openAt(scene, SENT_MS);
  await commitRecords(journal, series(0, ROWS));
  await journal.close();
}

async function run(scene: Scene): Promise<void> {
  const journal = await openAt(scene, SENT_MS);
  const sink = sinkOf(scene);
  const drain = new LaneDrain({ ...lanesOver(journal), id: LIVE, sink });
  await drain.start();
  await workUntil(
    (signal) => drain.run(signal),
    () => drain.status.cursor === ROWS && drain.status.held === undefined,
  );
  await sink.close();
  await journal.close();
}

async function findings(scene: Scene, taken: readonly string[]): Promise<string[]> {
  const reader = await openJournalReader(journalPath(scene));
  const lanes = await reader.lanes();
  await reader.close();
  return [
    ...differing(
      'the lane',
      lanes.map(({ cursor, accepted, heldReason }) => ({ cursor, accepted, held: heldReason ?? 'no' })),
      [{ cursor: ROWS, accepted: ROWS, held: 'no' }],
    ),
    ...differing(
      'events in the collector',
      [...new Set(taken)].toSorted(),
      series(0, ROWS)
        .map(({ eventId }) => eventId)
        .toSorted(),
    ),
  ];
}
