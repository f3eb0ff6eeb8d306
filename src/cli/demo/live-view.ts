import { formatDuration } from '../../core/duration.ts';
import type { WorkerStatus } from '../../scheduler/worker.ts';
import { timeOf, toldOf } from './alarm-story.ts';
import { count } from './check.ts';
import type { PlannedAlarm } from './demo-alarms.ts';
import type { Tally } from './tally.ts';

export interface ViewState {
  readonly nowMs: number;
  readonly status: WorkerStatus;
  readonly tally: Tally;
  /** Alarms that the demo applied. */
  readonly planned: readonly PlannedAlarm[];
  /** Why they are not all applied yet, and are tried again. */
  readonly alarmsRefused?: string;
  /** Undelivered rows by lane. */
  readonly pending: ReadonlyMap<string, number>;
  readonly url: string;
}

const WIDTH = 80;
const HEIGHT = 24;
const LEFT = 34;
const ROWS = 8;

/** One screen of at most 24 lines of 80 characters. Pure: the same state draws the same screen. */
export function drawScreen(state: ViewState): string[] {
  const lines = [
    title(state),
    '',
    ...beside(
      ['REQUESTS BY OUTCOME', ...outcomeLines(state.tally)],
      [
        'SLOWEST APIS, LAST SETTLED MINUTE',
        `${'API/stage'.padEnd(24)}${'P95 ms'.padStart(9)}${'P99 ms'.padStart(9)}`,
        ...latencyLines(state.tally),
      ],
    ),
    '',
    ...alarmLines(state),
    `${'LANE'.padEnd(26)}${'delivered'.padStart(11)}${'pending'.padStart(9)}${'expired'.padStart(9)}  state`,
    ...laneLines(state),
    ...sourceLines(state),
  ];
  return lines.map((line) => line.slice(0, WIDTH).trimEnd()).slice(0, HEIGHT - 1);
}

/** The same in one line, for a pipe. */
export function drawLine(state: ViewState): string {
  const outcomes = sorted(state.tally.outcomes).map(([name, n]) => `${name}=${n}`);
  const lanes = state.status.lanes.map(
    ({ lane, counts }) =>
      `${lane.sink}/${lane.stream}=${counts.accepted}+${state.pending.get(lane.name) ?? 0}`,
  );
  const troubled = troubles(state.status);
  const words = [
    ...[new Date(state.nowMs).toISOString(), `records=${state.tally.records}`, ...outcomes],
    ...['lanes(delivered+pending)', ...lanes, `lag=${lagText(state)}`],
    ...(state.alarmsRefused === undefined ? [] : ['alarms=refused']),
    ...(troubled.length === 0 ? [] : [`${troubled.length} in trouble: ${troubled[0]}`]),
  ];
  return words.join(' ');
}

function title(state: ViewState): string {
  const clock = new Date(state.nowMs).toISOString().slice(11, 19);
  return `gatewatch demo  ${clock} UTC  sandbox ${state.url}  Ctrl-C ends it`;
}

function outcomeLines(tally: Tally): string[] {
  return sorted(tally.outcomes)
    .slice(0, ROWS)
    .map(([name, n]) => `${name.padEnd(22)}${count(n).padStart(10)}`);
}

function latencyLines(tally: Tally): string[] {
  return [...tally.latencies]
    .sort(([a, { p99: x = 0 }], [b, { p99: y = 0 }]) => y - x || (a < b ? -1 : 1))
    .slice(0, ROWS - 1)
    .map(
      ([name, { p95, p99 }]) => `${name.slice(0, 23).padEnd(24)}${ms(p95).padStart(9)}${ms(p99).padStart(9)}`,
    );
}

function ms(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(1);
}

/** A line for each alarm: as the journal has it, who looks after it, and which topics were told of that state. */
function alarmLines({ planned, alarmsRefused, tally, status }: ViewState): string[] {
  if (alarmsRefused !== undefined) return [`ALARMS wait, tried again: ${alarmsRefused}`];
  if (planned.length === 0) return [];
  const sent = status.lanes
    .filter(({ lane }) => lane.stream === 'alarms')
    .map(({ lane, counts }) => `${lane.sink} ${count(counts.accepted)}`);
  const names = `ALARMS, sent: ${sent.join(', ')}`.slice(0, 40);
  return [
    `${names.padEnd(41)}${'state'.padEnd(7)}${'since'.padEnd(10)}${'owner'.padEnd(13)}told`,
    ...planned.map(({ name }) => {
      const record = tally.alarms.get(name);
      const place = name.slice(0, 40).padEnd(41);
      if (record === undefined) return `${place}-`;
      const { toState, eventMs, owner = '-' } = record;
      const state = toState === 'INSUFFICIENT_DATA' ? 'NODATA' : toState;
      return `${place}${state.padEnd(7)}${timeOf(eventMs).padEnd(10)}${owner.slice(0, 12).padEnd(13)}${toldOf(record, planned)}`;
    }),
  ];
}

function laneLines(state: ViewState): string[] {
  const shown = state.status.lanes.filter(
    ({ lane, held, trouble }) => lane.stream !== 'alarms' || held !== undefined || trouble !== undefined,
  );
  return shown.map(({ lane, counts, held, trouble }) => {
    const name = `${lane.sink}/${lane.stream}`.padEnd(26);
    const numbers = [counts.accepted, state.pending.get(lane.name) ?? 0, counts.expired];
    const [delivered = '', pending = '', expired = ''] = numbers.map(count);
    const told = held === undefined ? (trouble ?? 'ok') : `HELD: ${held}`;
    return `${name}${delivered.padStart(11)}${pending.padStart(9)}${expired.padStart(9)}  ${told}`;
  });
}

/** The second line is there only when something is wrong: what, as far as it fits. */
function sourceLines({ status, nowMs, tally }: ViewState): string[] {
  const sources = `SOURCES ${status.units.length} units, lag ${lagText({ status, nowMs })}`;
  const points = `${count(tally.metrics)} metric points, ${count(tally.revisions)} revisions`;
  const troubled = troubles(status);
  const [first] = troubled;
  const trouble = first === undefined ? [] : [`${troubled.length} in trouble: ${first}`];
  return [`${sources}; ${points}`, ...trouble];
}

function troubles({ units }: WorkerStatus): string[] {
  return units.flatMap(({ unit, held, lastError }) => {
    const reason = held?.reason ?? lastError;
    return reason === undefined ? [] : [`${unit}: ${reason}`];
  });
}

/** How far the slowest log group's read-whole time lies behind now. Metrics lie back by `settle`, which is no lag. */
function lagText({ status, nowMs }: Pick<ViewState, 'status' | 'nowMs'>): string {
  const groups = status.units.filter(({ unit }) => unit.startsWith('logs:'));
  const through = groups.map((unit) => unit.readThroughMs ?? 0);
  if (through.length === 0 || through.includes(0)) return 'unknown yet';
  return formatDuration(Math.max(0, nowMs - Math.min(...through)));
}

function sorted(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
}

function beside(left: readonly string[], right: readonly string[]): string[] {
  const rows = Math.max(left.length, right.length);
  return Array.from({ length: rows }, (_, row) => `${(left[row] ?? '').padEnd(LEFT)}  ${right[row] ?? ''}`);
}
