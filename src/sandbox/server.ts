import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSystemClock, sleepFor } from '../core/clock.ts';
import { messageOf, UserError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { createAlarming } from './aws/alarming.ts';
import { type AwsServer, createAwsServer } from './aws/aws-server.ts';
import { type AwsLimits, awsLimits } from './aws/operation.ts';
import { Quotas } from './aws/quotas.ts';
import type { Topic } from './aws/sns.ts';
import { answerControl, type ControlDeps } from './control.ts';
import { createEventsServer } from './dynatrace-events.ts';
import { type AcceptedItem, createOtlpServer } from './dynatrace-otlp.ts';
import { Counters, FaultInjector, type FaultSettings } from './faults.ts';
import {
  type AnyReply,
  BodyTooLargeError,
  type Call,
  callOf,
  htmlReply,
  jsonReply,
  readBody,
  writeReply,
} from './http-exchange.ts';
import { type AcceptedEvent, createHecServer, type HecSettings, hecDefaults } from './splunk-hec.ts';
import { type DynatraceToken, type HecToken, TokenStore } from './tokens.ts';
import type { World } from './world.ts';

export interface SandboxSettings {
  readonly world: World;
  /** While this is pending, calls that ask for logs, metrics or the truth wait. Absent: the history is there. */
  readonly history?: Promise<void>;
  /** 0 picks a free port. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly clock: { now(): number };
  /** Sets the clock (`POST /_sandbox/clock`). Absent: it cannot be set. */
  readonly steer?: (nowMs: number) => void;
  readonly freeze?: (frozen: boolean) => void;
  /** True while time stands still: no traffic is made. Absent: it runs. */
  readonly isFrozen?: () => boolean;
  /** False: the world stays at its history, whatever the clock says. Default true. */
  readonly live?: boolean;
  readonly faults: FaultSettings;
  readonly quotas?: 'aws' | 'off';
  /** Calls per second by AWS operation, instead of AWS's. */
  readonly quotaOverrides?: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly logger: Logger;
  readonly hecTokens?: readonly HecToken[];
  readonly dynatraceTokens?: readonly DynatraceToken[];
  readonly hec?: Partial<HecSettings>;
  readonly limits?: Partial<AwsLimits>;
  /** External id that AssumeRole asks for, by account id. */
  readonly externalIds?: Readonly<Record<string, string>>;
  /** SNS topics that alarms may publish to. Default: `oncall` and `backlog` in each account and Region. */
  readonly topics?: readonly Topic[];
  /** False holds only the numbers of what was accepted: for measuring. Default true. */
  readonly keepAccepted?: boolean;
}

export interface Sandbox {
  readonly url: string;
  readonly port: number;
  /** In order of arrival; repeats are rows of their own. */
  acceptedEvents(): Iterable<AcceptedEvent>;
  acceptedItems(): Iterable<AcceptedItem>;
  /** Times each fault happened, by name. */
  readonly faultCounts: Counters;
  /** Calls, answers and items by name (`aws.FilterLogEvents`, `hec.code.0`, `otlp.points`). */
  readonly counts: Counters;
  replaceFaults(faults: FaultSettings): void;
  replaceTokens(tokens: { hec?: readonly HecToken[]; dynatrace?: readonly DynatraceToken[] }): void;
  close(): Promise<void>;
}

/** More than any stand-in accepts; what is larger is read and thrown away. */
const MAX_WIRE_BYTES = 64 * 1024 * 1024;

interface Parts extends ControlDeps {
  readonly aws: AwsServer;
  readonly history: Promise<void>;
  readonly advance: () => void;
  readonly logger: Logger;
}

/** Starts the stand-ins for AWS, Splunk and Dynatrace on one port. Throws a UserError when the port is taken. */
export async function startSandbox(settings: SandboxSettings): Promise<Sandbox> {
  const parts = createParts(settings);
  const server = createServer((request, response) => {
    void serve(parts, request, response);
  });
  server.keepAliveTimeout = 60_000;
  server.requestTimeout = 0;
  const host = settings.host ?? '127.0.0.1';
  const port = await listen(server, settings.port, host);
  const ticking = setInterval(parts.advance, 1_000);
  ticking.unref();
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    acceptedEvents: () => parts.hec.acceptedEvents(),
    acceptedItems: () => parts.otlp.acceptedItems(),
    faultCounts: parts.faultCounters,
    counts: parts.counters,
    replaceFaults: (faults) => parts.faults.replace(faults),
    replaceTokens: (tokens) => parts.tokens.replace(tokens),
    close: async () => {
      clearInterval(ticking);
      await closeServer(server);
    },
  };
}

function createParts(settings: SandboxSettings): Parts {
  const { world, clock, logger, history = Promise.resolve() } = settings;
  let isMade = settings.history === undefined;
  history.then(
    () => {
      isMade = true;
    },
    () => undefined,
  );
  const host = createSystemClock();
  const counters = new Counters();
  const faultCounters = new Counters();
  const faults = new FaultInjector({
    settings: settings.faults,
    seed: settings.seed,
    counters: faultCounters,
  });
  const tokens = new TokenStore({ hec: settings.hecTokens ?? [], dynatrace: settings.dynatraceTokens ?? [] });
  const now = () => clock.now();
  const { monotonic } = host;
  const shared = { tokens, faults, counters, now, monotonic, keepAccepted: settings.keepAccepted ?? true };
  const alarming = createAlarming({ world, ...(settings.topics && { topics: settings.topics }) });
  const isFrozen = settings.isFrozen ?? (() => false);
  const quotas =
    settings.quotas === 'off'
      ? undefined
      : new Quotas({ monotonic, overrides: settings.quotaOverrides ?? {} });
  return {
    world,
    history,
    logger,
    faults,
    counters,
    faultCounters,
    tokens,
    sns: alarming.sns,
    alarms: alarming.alarms,
    hec: createHecServer({ ...shared, settings: { ...hecDefaults, ...settings.hec } }),
    otlp: createOtlpServer(shared),
    events: createEventsServer(shared),
    clock: {
      now,
      isFrozen,
      ...(settings.steer === undefined ? {} : { steer: settings.steer }),
      ...(settings.freeze === undefined ? {} : { freeze: settings.freeze }),
    },
    aws: createAwsServer({
      context: {
        world,
        now,
        hostNow: host.now,
        faults,
        limits: { ...awsLimits, ...settings.limits },
        externalIds: settings.externalIds ?? {},
        ...alarming,
      },
      quotas,
      counters,
    }),
    advance: () => {
      if (!isMade) return;
      if ((settings.live ?? true) && !isFrozen()) world.advanceTo(now());
      alarming.alarmEngine.advanceTo(now());
    },
  };
}

async function serve(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const body = await readBody(request, MAX_WIRE_BYTES);
    const call = callOf(request, body);
    if (parts.faults.happens('slow', call.path)) await sleepFor(200 + parts.faults.random('slow') * 500);
    await writeReply(response, await answer(parts, call));
  } catch (error) {
    if (response.destroyed || request.destroyed) return;
    const reply =
      error instanceof BodyTooLargeError ? htmlReply(413, 'Payload Too Large') : failure(parts, error);
    await writeReply(response, reply);
  }
}

function failure(parts: Parts, error: unknown): AnyReply {
  parts.logger.error({ error: messageOf(error) }, 'sandbox: a call failed inside the sandbox');
  return jsonReply(500, { error: `The sandbox failed: ${messageOf(error)}` });
}

async function answer(parts: Parts, call: Call): Promise<AnyReply> {
  if (parts.hec.owns(call)) return parts.hec.answer(call);
  if (parts.otlp.owns(call)) return parts.otlp.answer(call);
  if (parts.events.owns(call)) return parts.events.answer(call);
  if (asksForHistory(call)) await parts.history;
  if (call.path.startsWith('/_sandbox/')) {
    parts.advance();
    return answerControl(parts, call);
  }
  if (parts.aws.owns(call)) {
    parts.advance();
    return parts.aws.answer(call);
  }
  return jsonReply(404, { error: `The sandbox serves no ${call.method} ${call.path}.` });
}

/** What is answered while the history is still being made: steering, and what alarms are declared with. */
const BESIDE_HISTORY = /^\/_sandbox\/(clock|incident)$|\.\w*(Alarms?|MetricFilters?|LogGroups|Resources?)$/;

/** Logs and CloudWatch name their operation in a header; API Gateway and STS tell of the fleet, which is always there. */
function asksForHistory(call: Call): boolean {
  const isControl = call.path.startsWith('/_sandbox/') && !BESIDE_HISTORY.test(call.path);
  const target = call.header('x-amz-target');
  return isControl || (target !== undefined && !BESIDE_HISTORY.test(target));
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new UserError(
          'sandbox_port',
          `Expected ${host}:${port} to be free for the sandbox: ${error.message}. Choose another --port (0 picks one).`,
          { cause: error },
        ),
      );
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
