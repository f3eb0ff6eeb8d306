import { accessSideOfRecord, assembleRequest } from './assemble.ts';
import { writeWaitingLines } from './connection-join.ts';
import { joinedByConnection } from './connection-lines.ts';
import { type JoinStep, writeRecord } from './join-step.ts';
import { decisionOf, loadConnections } from './load-connections.ts';
import { type ConnectionLine, readable, readConnectionLines, STATE_KINDS } from './state-rows.ts';
import type { Place } from './unfinished.ts';

/**
 * Writes the records of lines again that have gone out by what is no longer the decision of their connection. A connection
 * can have any number of them: a batch takes those it has room for, and the ones to come take the rest.
 */
export async function reviseConnections(step: JoinStep): Promise<void> {
  const { unfinishedConnections: unfinished } = step.memory;
  for (const ref of step.connectionsRevised) {
    await revise(step, ref, step.connectionLines.get(ref) ?? []);
    if (step.memory.mayBeStored.connectionLines) unfinished.begin(ref, step.forgetMs);
  }
  for (
    let next = unfinished.next();
    next !== undefined && step.room.connections > 0;
    next = unfinished.next()
  ) {
    const before = step.room.connections;
    const place = await advance(step, next.ref, next.place);
    if (place === undefined) unfinished.finish(next.ref);
    else unfinished.pause(next.ref, place);
    // Asking for lines that are not there is work as well.
    if (step.room.connections === before) step.room.connections -= 1;
  }
}

/** Takes as many lines of one connection as there is room for. Returns where to go on, undefined at the end. */
async function advance(step: JoinStep, ref: string, place: Place): Promise<Place | undefined> {
  await loadConnections(step, [ref]);
  if (!(await writeWaitingLines(step, ref))) return place;
  const lines: ConnectionLine[] = [];
  const end = await collect(step, ref, place, lines);
  step.room.connections -= lines.length;
  await revise(step, ref, lines);
  return end;
}

async function collect(
  step: JoinStep,
  ref: string,
  place: Place,
  lines: ConnectionLine[],
): Promise<Place | undefined> {
  const rows = step.store.allState(STATE_KINDS.connectionLines, `${ref}\n`, place.from);
  for await (const row of rows) {
    const { key } = row;
    const done = key === place.from ? place.done : 0;
    const todo = readConnectionLines(row, step.logger).slice(done);
    const now = todo.slice(0, step.room.connections - lines.length);
    lines.push(...now);
    if (now.length < todo.length) return { from: key, done: done + now.length };
  }
  return undefined;
}

async function revise(step: JoinStep, ref: string, lines: readonly ConnectionLine[]): Promise<void> {
  const missing = lines.filter(({ recordId }) => !step.records.has(recordId));
  const stored = await step.store.bodies(missing.map(({ recordId }) => recordId));
  const decision = decisionOf(step, ref);
  for (const line of lines) {
    const record = step.records.get(line.recordId) ?? stored.get(line.recordId);
    if (record?.kind !== 'request') continue;
    const read = () =>
      assembleRequest(accessSideOfRecord(record, line), joinedByConnection(line.verdict, decision));
    const revised = readable(read, {
      key: line.recordId,
      what: 'a line of a connection',
      logger: step.logger,
    });
    if (revised !== undefined) writeRecord(step, revised);
  }
}
