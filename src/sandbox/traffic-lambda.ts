import { type CarelessHeaders, type InvocationFacts, initLine, invocationLines } from './authorizer-logs.ts';
import type { FleetFunction } from './fleet-model.ts';
import type { Random } from './random.ts';
import type { LogGroupWriter } from './traffic-logs.ts';
import type { WorldEvent } from './world.ts';

/** One run of an authorizer function and what its lines tell. */
export interface Invocation {
  readonly lambdaRequestId: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly group: LogGroupWriter;
  readonly events: readonly WorldEvent[];
  readonly ending: InvocationFacts['ending'];
  /** Who the function's own lines say was asking; absent where they do not say. */
  readonly loggedPrincipal?: string;
  readonly loggedCustomer?: string;
  /** True when a line names the gateway request id that the function was called with. */
  readonly namesGatewayId: boolean;
}

export interface InvocationOrder {
  /** When the request began: what lag is measured from. */
  readonly causeMs: number;
  readonly calledMs: number;
  readonly ending: InvocationFacts['ending'];
  readonly reason: string;
  readonly principal?: string;
  readonly customer?: string;
  readonly gatewayRequestId?: string;
  readonly durationMs?: number;
  readonly carelessly?: CarelessHeaders;
}

/** A line that is no part of an invocation. */
export interface LooseLine {
  readonly type: 'unparsed' | 'filtered';
  readonly group: LogGroupWriter;
  readonly event: WorldEvent;
}

/** Runs one function: its environments start cold, serve one invocation at a time, and are retired after a while. */
export interface FunctionRuntime {
  readonly group: LogGroupWriter;
  invoke(order: InvocationOrder): Invocation;
  /** Writes a line that names no invocation, into a stream where none is open that it could belong to. */
  writeGarbage(atMs: number): LooseLine;
}

interface Environment {
  readonly logStream: string;
  readonly bornMs: number;
  busyUntilMs: number;
}

const ENVIRONMENT_LIFE_MS = 25 * 60_000;

export function createFunctionRuntime(
  fn: FleetFunction,
  group: LogGroupWriter,
  random: Random,
  onLooseLine: (line: LooseLine) => void,
): FunctionRuntime {
  let environments: Environment[] = [];

  const newStream = (atMs: number) => {
    const day = new Date(atMs).toISOString().slice(0, 10).replaceAll('-', '/');
    return [day, '/[$LATEST]', random.hex(32)].join('');
  };

  const environmentAt = (atMs: number): { environment: Environment; cold: boolean } => {
    environments = environments.filter(
      (one) => one.busyUntilMs > atMs || atMs - one.bornMs < ENVIRONMENT_LIFE_MS,
    );
    const free = environments.find((one) => one.busyUntilMs <= atMs);
    if (free !== undefined) return { environment: free, cold: false };
    const environment = { logStream: newStream(atMs), bornMs: atMs, busyUntilMs: atMs };
    environments.push(environment);
    return { environment, cold: true };
  };

  const invoke = (order: InvocationOrder): Invocation => {
    const { environment, cold } = environmentAt(order.calledMs);
    const { logStream } = environment;
    if (cold) {
      const text = initLine(fn, order.calledMs);
      const event = group.write({ logStream, atMs: order.calledMs, causeMs: order.causeMs, text });
      onLooseLine({ type: 'filtered', group, event });
    }
    const facts = factsOf(fn, order, random, cold ? random.between(120, 350) : undefined);
    const events = invocationLines(fn, facts).map(({ atMs, text }) =>
      group.write({ logStream, atMs, causeMs: order.causeMs, text }),
    );
    const endMs = facts.startMs + Math.ceil(facts.durationMs);
    environment.busyUntilMs = endMs + 1;
    return { ...tellsOf(fn, facts), startMs: facts.startMs, endMs, group, events };
  };

  const writeGarbage = (atMs: number): LooseLine => {
    const logStream = newStream(atMs);
    const event = group.write({ logStream, atMs, causeMs: atMs, text: random.pick(GARBAGE) });
    return { type: 'unparsed', group, event };
  };

  return { group, invoke, writeGarbage };
}

const GARBAGE = [
  '    at verify (file:///var/task/index.mjs:41:17)\n',
  'FATAL: out of cheese, redo from start\n',
  '{"timestamp":"2026-11-22T09:14:0',
  'Segmentation fault (core dumped)\n',
  '(node:8) Warning: Setting the NODE_TLS_REJECT_UNAUTHORIZED environment variable makes TLS insecure\n',
];

function factsOf(
  fn: FleetFunction,
  order: InvocationOrder,
  random: Random,
  initMs: number | undefined,
): InvocationFacts {
  const usualMs = Math.min(fn.timeoutS * 900, random.lognormal(fn.medianMs, 0.5));
  const durationMs = order.ending === 'timeout' ? fn.timeoutS * 1_000 : (order.durationMs ?? usualMs);
  const { causeMs: _cause, calledMs, durationMs: _duration, ...told } = order;
  return {
    ...told,
    lambdaRequestId: random.uuid(),
    startMs: calledMs + (initMs ?? 0) + random.between(2, 6),
    durationMs: Math.max(2, durationMs),
    ...(initMs === undefined ? {} : { initMs }),
    traceId: `1-${Math.floor(calledMs / 1_000).toString(16)}-${random.hex(24)}`,
  };
}

/** What a reader of the lines learns. A function that crashes or hangs has not yet said who was asking. */
function tellsOf(
  fn: FleetFunction,
  facts: InvocationFacts,
): Omit<Invocation, 'startMs' | 'endMs' | 'group' | 'events'> {
  const decided = facts.ending !== 'crash' && facts.ending !== 'timeout';
  const namesGatewayId =
    facts.gatewayRequestId !== undefined &&
    (fn.logsGatewayId === 'before_deciding' || (fn.logsGatewayId === 'with_decision' && decided));
  return {
    lambdaRequestId: facts.lambdaRequestId,
    ending: facts.ending,
    namesGatewayId,
    ...(decided && facts.principal !== undefined ? { loggedPrincipal: facts.principal } : {}),
    ...(decided && facts.customer !== undefined ? { loggedCustomer: facts.customer } : {}),
  };
}
