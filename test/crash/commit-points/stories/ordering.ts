import type { Order } from '../../../../src/model/order.ts';
import { hasEnded } from '../../../../src/model/order.ts';
import { LiveFirst } from '../../../../src/pipeline/live-first.ts';
import { Redelivery } from '../../../../src/pipeline/redelivery.ts';
import { openJournalReader } from '../../../../src/store/open-journal.ts';
import { openOrderDesk } from '../../../../src/store/order-desk.ts';
import { commitRecords, series } from '../../../store/commits.ts';
import { LIVE, lanesOver, SENT_MS, sinkOf, workUntil } from '../sending.ts';
import { differing, journalPath, openAt, type Scene, type Story, standingClock } from '../story.ts';

const ROWS = series(0, 5);
const asked = { asked: 'all', createdMs: SENT_MS, state: 'pending', progress: {} } as const;
const ORDERS: readonly Order[] = [
  { ...asked, id: 'o1', kind: 'drop', lane: LIVE.name, seq: 5, reason: 'test traffic' },
  {
    ...asked,
    id: 'o2',
    kind: 'replay',
    sink: LIVE.sink,
    stream: LIVE.stream,
    fromMs: 0,
    toMs: SENT_MS,
    rows: 3,
    throughSeq: 3,
  },
  { ...asked, id: 'o3', kind: 'retry', lane: LIVE.name, seq: 4 },
];

/**
 * Places orders and carries them out: sends three rows again to a collector that refuses the token at first, tries one
 * dead letter again, gives another one up.
 */
export const story: Story = { prepare, run, findings };

async function prepare(scene: Scene): Promise<void> {
  const journal = await openAt(scene, SENT_MS - 1);
  await commitRecords(journal, ROWS);
  await journal.lane(LIVE);
  const counts = { accepted: 3, rejected: 2, rejectedUnknown: 0, expired: 0, filtered: 0 };
  const deadLetters = ROWS.slice(3).map(({ recordId, eventId }, n) => {
    return { lane: LIVE.name, seq: 4 + n, recordId, eventId, reason: 'refused', atMs: SENT_MS - 1 };
  });
  const { epoch } = journal;
  const rest = { deadLetters, expired: [], nowMs: SENT_MS - 1 };
  await journal.ackLane({ lane: LIVE.name, epoch, cursor: ROWS.length, counts, ...rest });
  await journal.close();
}

async function run(scene: Scene): Promise<void> {
  const journal = await openAt(scene, SENT_MS);
  await place(scene);
  const sink = sinkOf(scene);
  const deps = lanesOver(journal);
  const redelivery = new Redelivery({ ...deps, sinks: [sink], liveFirst: new LiveFirst([], deps.clock) });
  await workUntil(
    (signal) => redelivery.run(signal),
    async () => (await journal.orders()).every(hasEnded),
  );
  await sink.close();
  await journal.close();
}

/** Places those that were not placed before. */
async function place(scene: Scene): Promise<void> {
  const desk = await openOrderDesk(journalPath(scene), standingClock(SENT_MS));
  const known = new Set((await desk.orders()).map(({ id }) => id));
  for (const order of ORDERS) if (!known.has(order.id)) await desk.place(order);
  await desk.close();
}

async function findings(scene: Scene, taken: readonly string[]): Promise<string[]> {
  const reader = await openJournalReader(journalPath(scene));
  const orders = await reader.orders();
  const lanes = await reader.lanes();
  const letters = await reader.deadLetters();
  await reader.close();
  const meant = ROWS.slice(0, 4).map(({ eventId }) => eventId);
  return [
    ...differing(
      'orders',
      orders.map(({ id, state, progress }) => [id, state, progress.rows, progress.done]),
      [
        ['o1', 'done', 1, 1],
        ['o2', 'done', 3, 3],
        ['o3', 'done', 1, 1],
      ],
    ),
    ...differing(
      'dead letters',
      letters.map(({ seq, status, ended }) => [seq, status, ended?.order]),
      [
        [4, 'delivered', 'o3'],
        [5, 'dropped', 'o1'],
      ],
    ),
    ...differing('the live cursor', lanes.find(({ lane }) => lane === LIVE.name)?.cursor, ROWS.length),
    ...differing(
      'held lanes',
      lanes.filter(({ heldReason }) => heldReason !== undefined).map(({ lane }) => lane),
      [],
    ),
    ...differing('events in the collector', [...new Set(taken)].toSorted(), meant.toSorted()),
  ];
}
