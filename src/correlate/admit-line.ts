import type { AccessPart } from '../model/part.ts';
import { accessSideOf, assembleRequest } from './assemble.ts';
import { awaitDecision, rememberConnection } from './connection-join.ts';
import { decideByLine } from './decide.ts';
import { accessRecordId } from './ids.ts';
import { type JoinStep, writeRecord } from './join-step.ts';
import { admitNamed } from './named-join.ts';
import { routePart } from './route-part.ts';
import { newWaiting, type WaitingRoute } from './waiting-room.ts';

/** Takes an access line in: written at once where nothing is missing, else it begins to wait. */
export function admitLine(step: JoinStep, part: AccessPart): void {
  const recordId = accessRecordId(part);
  const verdict = decideByLine(part);
  const side = accessSideOf(part, recordId, verdict, step.nowMs);
  const route = routePart(part, verdict);
  if (route.mode === 'done') {
    const record = assembleRequest(side, { outcome: route.outcome, joinKey: 'none' });
    writeRecord(step, record);
    rememberConnection(step, record);
    return;
  }
  if (route.mode === 'named' && admitNamed(step, part, side, route)) return;
  beginToWait(step, part, recordId, route);
}

function beginToWait(step: JoinStep, part: AccessPart, recordId: string, route: WaitingRoute): void {
  const { waiting, schedule } = step.memory;
  const entry = newWaiting(part, recordId, route, step.nowMs);
  // Read again (a span of the past, after its seen keys were forgotten): it would wait beside itself.
  if (waiting.get(entry.key) !== undefined) return;
  waiting.add(entry);
  schedule.addLine(entry);
  step.waitingNew.add(entry);
  step.waitingChanged.add(entry);
  if (route.mode === 'connection') awaitDecision(step, route.ref);
  if (route.mode === 'gateway') step.gatewayArrivals.add(route.ref);
}
