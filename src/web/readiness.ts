import { formatDuration } from '../core/duration.ts';
import type { Gap } from '../model/journal.ts';
import type { Finding } from './finding.ts';
import { iso, plain } from './finding-words.ts';
import { type StorageHealth, storageNotices, storageReasons } from './storage-findings.ts';

/** Stopped by something that waiting does not mend. */
export interface Held {
  readonly reason: string;
  readonly sinceMs: number;
  /** How often it is tried whether it is mended, milliseconds; absent where that has no rhythm of its own. */
  readonly everyMs?: number;
}

/** One unit that is read: a log group, or the metrics of one account and Region. */
export interface SourceState {
  readonly unit: string;
  /** Event time through which the unit has been read whole; absent before its first window. */
  readonly readThroughMs?: number;
  /** How far behind now `readThroughMs` may lie, milliseconds. */
  readonly promiseMs: number;
  readonly held?: Held;
  /** Why the last attempt to read did not succeed; absent when it did. */
  readonly lastError?: string;
  /** Since when the log group has not existed, milliseconds since the epoch; absent while it does. */
  readonly missingSinceMs?: number;
  /** What has outgrown its setting, as part of a sentence. */
  readonly remark?: string;
}

/** One lane of one sink. */
export interface LaneHealth {
  readonly lane: string;
  /** Records not yet acknowledged, expired or filtered. */
  readonly pending: number;
  /** Nothing pending is of an event older than this; absent when nothing is pending. */
  readonly oldestPendingMs?: number;
  /** How far behind now `oldestPendingMs` may lie, milliseconds; absent for a lane that promises no time. */
  readonly promiseMs?: number;
  readonly held?: Held;
  /** Why the last attempt did not deliver everything; absent when it did. */
  readonly trouble?: string;
}

export interface WorkerState {
  readonly startedMs: number;
  readonly stopping: boolean;
  /** Why this worker lost the journal to another one; absent while it has it. */
  readonly fenced?: string;
  /** What is wrong with the host, as part of a sentence. */
  readonly remark?: string;
}

export interface ReadinessInput {
  readonly nowMs: number;
  readonly sources: readonly SourceState[];
  readonly lanes: readonly LaneHealth[];
  readonly worker: WorkerState;
  /** Spans that were not read and never will be, as far as they are still worth telling. */
  readonly gaps?: readonly Gap[];
  /** Alarms that are not as they were applied, as a sentence: somebody should know, nothing here is late for it. */
  readonly drift?: { readonly sinceMs: number; readonly sentence: string };
  /** Absent before the first look at the disk. */
  readonly storage?: StorageHealth;
}

/**
 * `reasons` keep the worker from being ready and are empty exactly when `ready`. `notices` break no promise yet, or
 * will not be mended by waiting: a hold that is younger than the promise, a recorded gap.
 */
export interface Readiness {
  readonly ready: boolean;
  readonly atMs: number;
  readonly reasons: readonly Finding[];
  readonly notices: readonly Finding[];
  readonly storage?: StorageHealth;
}

/**
 * Ready: the time each source has been read whole through, and the time each lane has delivered through, are both younger
 * than their promise. An API without traffic is ready, because reading an empty window is reading; a worker that has read
 * nothing yet is not, however young it is.
 */
export function readiness(input: ReadinessInput): Readiness {
  const { nowMs, sources, lanes, worker } = input;
  const reasons: Finding[] = [...workerFindings(worker, nowMs), ...storageReasons(input.storage)];
  const notices: Finding[] = [...storageNotices(input.storage, nowMs)];
  if (worker.remark !== undefined) notices.push(hostRemark(worker.remark, nowMs));
  if (sources.length === 0) reasons.push(noSource(worker));
  for (const source of sources) {
    const late = lateSource(source, worker, nowMs);
    if (late !== undefined) reasons.push(late);
    else if (source.held !== undefined) notices.push(heldSource(source, source.held));
    notices.push(...sourceNotices(source, nowMs));
  }
  for (const lane of lanes) {
    const late = lateLane(lane, worker, nowMs);
    if (late !== undefined) reasons.push(late);
    else if (lane.held !== undefined) notices.push(heldLane(lane, lane.held));
    else if (lane.trouble !== undefined) notices.push(troubledLane(lane, lane.trouble, nowMs));
  }
  if (input.drift !== undefined) notices.push({ kind: 'alarm_drift', subject: 'alarms', ...input.drift });
  for (const gap of input.gaps ?? []) notices.push(gapNotice(gap));
  const { storage } = input;
  return {
    ready: reasons.length === 0,
    atMs: nowMs,
    reasons,
    notices,
    ...(storage !== undefined && { storage }),
  };
}

function workerFindings(worker: WorkerState, nowMs: number): Finding[] {
  const findings: Finding[] = [];
  const about = { subject: 'worker', sinceMs: nowMs };
  if (worker.stopping) {
    const sentence =
      'The worker is stopping: it reads nothing more and leaves what is pending to the next one; start one if this was not meant.';
    findings.push({ kind: 'stopping', ...about, sentence });
  }
  if (worker.fenced !== undefined) {
    const sentence = `The worker lost the journal to another one (${worker.fenced}): let one of them run, and stop this one.`;
    findings.push({ kind: 'fenced', ...about, sentence });
  }
  return findings;
}

function noSource({ startedMs }: WorkerState): Finding {
  const sentence = `No source has been found since the worker started at ${iso(startedMs)}: the inventory is still being read or selects nothing, so check the log and \`inventory.include\`.`;
  return { kind: 'no_source', subject: 'worker', sinceMs: startedMs, sentence };
}

function lateSource(source: SourceState, worker: WorkerState, nowMs: number): Finding | undefined {
  const { unit, readThroughMs, promiseMs } = source;
  if (readThroughMs === undefined) return neverRead(source, worker, nowMs);
  const behindMs = nowMs - readThroughMs;
  if (behindMs < promiseMs) return undefined;
  const sinceMs = readThroughMs + promiseMs;
  const sentence = `Source ${unit} has been read whole only through ${iso(readThroughMs)}, ${span(behindMs)} behind, which breaks its promise of ${span(promiseMs)} since ${iso(sinceMs)}: ${sourceAdvice(source)}.`;
  return { kind: 'read_late', subject: unit, sinceMs, behindMs, promiseMs, sentence };
}

function neverRead(source: SourceState, { startedMs }: WorkerState, nowMs: number): Finding {
  const { unit, promiseMs } = source;
  const sentence = `Source ${unit} has not been read yet since the worker started at ${iso(startedMs)}, ${span(nowMs - startedMs)} ago, with a promise of ${span(promiseMs)}: ${sourceAdvice(source)}.`;
  return { kind: 'never_read', subject: unit, sinceMs: startedMs, promiseMs, sentence };
}

function sourceAdvice({ held, lastError }: SourceState): string {
  if (held !== undefined) {
    return `it is held since ${iso(held.sinceMs)} (${plain(held.reason)}), so mend that and reading resumes by itself`;
  }
  if (lastError !== undefined) {
    return `the last attempt failed (${plain(lastError)}) and is repeated, so mend that if it lasts`;
  }
  return 'no error is known, so wait for it to catch up, and look at throttling and `gatewatch cost` if it does not';
}

function heldSource({ unit, promiseMs }: SourceState, held: Held): Finding {
  const sentence = `Source ${unit} is held since ${iso(held.sinceMs)} (${plain(held.reason)}) and still within its promise of ${span(promiseMs)}: mend that and reading resumes by itself.`;
  return { kind: 'source_held', subject: unit, sinceMs: held.sinceMs, promiseMs, sentence };
}

function sourceNotices({ unit, missingSinceMs, remark }: SourceState, nowMs: number): Finding[] {
  const notices: Finding[] = [];
  if (missingSinceMs !== undefined) {
    const sentence = `Source ${unit} has not existed since ${iso(missingSinceMs)}, so there is nothing to read: correct its name or Region if it should, else leave it; it is read again by itself once it exists.`;
    notices.push({ kind: 'source_missing', subject: unit, sinceMs: missingSinceMs, sentence });
  }
  if (remark !== undefined) {
    const sentence = `Source ${unit}: ${plain(remark)}.`;
    notices.push({ kind: 'source_remark', subject: unit, sinceMs: nowMs, sentence });
  }
  return notices;
}

function hostRemark(remark: string, nowMs: number): Finding {
  return {
    kind: 'host_remark',
    subject: 'worker',
    sinceMs: nowMs,
    sentence: `The worker: ${plain(remark)}.`,
  };
}

function lateLane(lane: LaneHealth, worker: WorkerState, nowMs: number): Finding | undefined {
  const { lane: subject, pending, oldestPendingMs, promiseMs } = lane;
  if (pending === 0 || promiseMs === undefined) return undefined;
  if (oldestPendingMs === undefined) {
    const sentence = `Lane ${subject} has ${counted(pending)} pending of unknown age since the worker started at ${iso(worker.startedMs)}, with a promise of ${span(promiseMs)}: ${laneAdvice(lane)}.`;
    return { kind: 'pending_unknown', subject, sinceMs: worker.startedMs, promiseMs, sentence };
  }
  const behindMs = nowMs - oldestPendingMs;
  if (behindMs < promiseMs) return undefined;
  const sinceMs = oldestPendingMs + promiseMs;
  const sentence = `Lane ${subject} has ${counted(pending)} pending from ${iso(oldestPendingMs)} on, ${span(behindMs)} behind, which breaks its promise of ${span(promiseMs)} since ${iso(sinceMs)}: ${laneAdvice(lane)}.`;
  return { kind: 'delivered_late', subject, sinceMs, behindMs, promiseMs, sentence };
}

function laneAdvice({ held, trouble }: LaneHealth): string {
  if (held !== undefined) {
    return `it is held since ${iso(held.sinceMs)} (${plain(held.reason)}), so mend that and delivery resumes by itself${rhythm(held)}, nothing is lost`;
  }
  if (trouble !== undefined) {
    return `the last attempt failed (${plain(trouble)}) and is repeated, so look at the destination if it lasts`;
  }
  return 'no error is known, so wait for it to catch up, and look at how much the destination takes if it does not';
}

function heldLane({ lane, pending, promiseMs }: LaneHealth, held: Held): Finding {
  const sentence = `Lane ${lane} is held since ${iso(held.sinceMs)} (${plain(held.reason)}) with ${counted(pending)} pending${withinPromise(promiseMs)}: mend that and delivery resumes by itself${rhythm(held)}, nothing is lost.`;
  return {
    kind: 'lane_held',
    subject: lane,
    sinceMs: held.sinceMs,
    ...(promiseMs !== undefined && { promiseMs }),
    sentence,
  };
}

/** Since when is not known: only the last attempt is. */
function troubledLane({ lane, pending, promiseMs }: LaneHealth, trouble: string, nowMs: number): Finding {
  const sentence = `Lane ${lane} did not deliver everything at its last attempt (${plain(trouble)}), with ${counted(pending)} pending${withinPromise(promiseMs)}: that is repeated by itself and nothing is lost, so look at the destination if it lasts.`;
  return {
    kind: 'lane_troubled',
    subject: lane,
    sinceMs: nowMs,
    ...(promiseMs !== undefined && { promiseMs }),
    sentence,
  };
}

function withinPromise(promiseMs: number | undefined): string {
  return promiseMs === undefined ? '' : ` and still within its promise of ${span(promiseMs)}`;
}

/** Whoever has mended it wants to know how long to wait. */
function rhythm({ everyMs }: Held): string {
  return everyMs === undefined ? '' : ` (it is tried every ${span(everyMs)})`;
}

function gapNotice({ unit, fromMs, toMs, reason, recordedMs }: Gap): Finding {
  const sentence = `Source ${unit} has a gap from ${iso(fromMs)} to ${iso(toMs)} (${plain(reason)}), recorded at ${iso(recordedMs)}: what happened in it is in no record, so say so in any report over that time.`;
  return { kind: 'gap', subject: unit, sinceMs: recordedMs, sentence };
}

/** Whole seconds: the rest says nothing to a person. */
function span(ms: number): string {
  return formatDuration(ms < 1_000 ? Math.max(0, ms) : Math.floor(ms / 1_000) * 1_000);
}

function counted(records: number): string {
  return records === 1 ? '1 record' : `${records} records`;
}
