import type { AwsClients, AwsClientsSettings } from '../../src/aws/aws-clients.ts';
import { type LogRead, type RawLogPage, readLogPages } from '../../src/aws/filter-log-events.ts';
import { LimitedCalls } from '../../src/aws/limited-calls.ts';
import type { MetricDataAnswer, MetricDataRead } from '../../src/aws/metric-data.ts';
import type { QuotaName } from '../../src/aws/quotas.ts';
import { IncompleteReadError } from '../../src/core/errors.ts';
import { ACCOUNT, REGION } from './fleet.ts';
import type { Listings } from './listings.ts';
import type { SimMetrics } from './metrics.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Tally } from './tally.ts';
import type { SimEvent } from './traffic-lines.ts';
import type { Weather } from './weather.ts';

export const AWS_FAULTS = [
  'throttled',
  'server_error',
  'denied',
  'token_expired',
  'token_repeated',
  'cut_off',
  'slow',
] as const;
export type AwsFault = (typeof AWS_FAULTS)[number];

export interface CloudWatchOptions {
  readonly weather: Weather<AwsFault>;
  readonly random: Random;
  readonly tally: Tally;
  readonly metrics: SimMetrics;
  readonly listings: Listings;
  readonly pageEvents: number;
  /** Pages hold events in no order that means anything. */
  readonly shuffled: boolean;
  /** Chance that a page shows an event again that an earlier one has shown. */
  readonly repeats: number;
  /** Told which events a reading of a group has been shown. */
  readonly onShown: (unit: string, events: readonly SimEvent[]) => void;
}

/** As many attempts as a call makes of its own accord. */
const ATTEMPTS = 3;
/** Never asked a second time. */
const FINAL = new Set([
  'AccessDeniedException',
  'InvalidParameterException',
  'IncompleteReadError',
  'HeldError',
]);

function fault(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

const ERRORS: Readonly<Partial<Record<AwsFault, () => Error>>> = {
  throttled: () => fault('ThrottlingException', 'Rate exceeded'),
  server_error: () => fault('InternalFailure', 'internal error'),
  denied: () => fault('AccessDeniedException', 'is not authorized to perform'),
  token_expired: () => fault('InvalidParameterException', 'The specified nextToken is invalid.'),
  cut_off: () => fault('TimeoutError', 'socket hang up'),
};

/** Runs the limiter of the product as the SDK's middleware would, and tries again as the SDK does. */
class Call {
  #limit: (<A, R>(next: (args: A) => Promise<R>) => (args: A) => Promise<R>) | undefined;
  readonly middlewareStack = {
    addRelativeTo: (middleware: <A, R>(next: (args: A) => Promise<R>) => (args: A) => Promise<R>) => {
      this.#limit = middleware;
    },
  };

  async run<R>(work: () => Promise<R>): Promise<R> {
    const attempt = this.#limit?.(() => work());
    for (let tries = 1; ; tries += 1) {
      try {
        return await (attempt === undefined ? work() : attempt(undefined));
      } catch (error) {
        if (tries === ATTEMPTS || (error instanceof Error && FINAL.has(error.name))) throw error;
      }
    }
  }
}

/** The logs, metrics and listings of one AWS account that can be ill. */
export class CloudWatch {
  readonly #options: CloudWatchOptions;
  readonly #byGroup = new Map<string, SimEvent[]>();
  #tokens = 0;

  constructor(options: CloudWatchOptions) {
    this.#options = options;
  }

  add(events: readonly SimEvent[]): void {
    for (const event of events) {
      const group = this.#byGroup.get(event.group) ?? [];
      group.push(event);
      this.#byGroup.set(event.group, group);
    }
    for (const group of this.#byGroup.values()) group.sort((a, b) => a.atMs - b.atMs);
  }

  /** Readable events of a span, both ends included, by time. */
  #readable(group: string, fromMs: number, toMs: number, nowMs: number): SimEvent[] {
    const events = this.#byGroup.get(group) ?? [];
    const found: SimEvent[] = [];
    for (let at = firstFrom(events, fromMs); at < events.length; at += 1) {
      const event = events[at];
      if (event === undefined || event.atMs > toMs) break;
      if (event.visibleMs <= nowMs) found.push(event);
    }
    return found;
  }

  /** What one process reaches AWS by. */
  clients(process: SimProcess, settings: AwsClientsSettings): AwsClients {
    const calls = new LimitedCalls({
      ...settings,
      scope: { account: ACCOUNT, region: REGION },
      quotaShare: 0.6,
      quotas: { FilterLogEvents: 1_000 },
      onCredentialsRefused: () => undefined,
    });
    const ask = <R>(operation: QuotaName, signal: AbortSignal, answer: () => R) =>
      this.#ask(process, calls, operation, signal, answer);
    return {
      accounts: settings.accounts,
      filterLogEvents: (read) => this.#readLogs(process, calls, read),
      getMetricData: (read) => ask('GetMetricData', read.signal, () => this.#metricData(process, read)),
      listMetrics: () => nothing(),
      ...this.#options.listings.clients(
        () => process.clock.now(),
        (signal, answer, error) =>
          ask('ApiGatewayControlPlane', signal, () => {
            if (error !== undefined) throw error();
            return answer();
          }),
      ),
      callerAccount: async () => ACCOUNT,
      describeLogGroups: async () => new Map(),
      clockAheadMs: () => 0,
      close: () => undefined,
    };
  }

  #metricData(process: SimProcess, read: MetricDataRead): MetricDataAnswer {
    const { metrics, weather } = this.#options;
    const isPartial = weather.at(process.clock.now()) === 'cut_off';
    return metrics.answer(read, process.clock.now(), isPartial);
  }

  async #ask<R>(
    process: SimProcess,
    calls: LimitedCalls,
    operation: QuotaName,
    signal: AbortSignal,
    answer: () => R,
  ): Promise<R> {
    const isLogs = operation === 'FilterLogEvents';
    return calls.send(new Call(), (call) => call.run(() => this.#attempt(process, isLogs, signal, answer)), {
      operation,
      quota: operation,
      permission: operation,
      resource: 'the simulated account',
      signal,
    });
  }

  async #attempt<R>(process: SimProcess, isLogs: boolean, signal: AbortSignal, answer: () => R): Promise<R> {
    const { random, weather, tally } = this.#options;
    await process.pass('before aws');
    const kind = isLogs ? weather.at(process.clock.now()) : undefined;
    if (kind === 'slow') {
      tally.add('aws_slow');
      await process.clock.sleep(random.int(200, 20_000), signal);
    }
    const makeError = kind === undefined ? undefined : ERRORS[kind];
    if (kind !== undefined && makeError !== undefined && this.#strikes(kind)) {
      tally.add(`aws_${kind}`);
      throw makeError();
    }
    const result = answer();
    await process.pass('after aws');
    return result;
  }

  /** Tokens are refused in mid-window, where the pages are made; the others strike most calls, not all. */
  #strikes(kind: AwsFault): boolean {
    if (kind === 'token_expired' || kind === 'token_repeated') return false;
    return kind === 'denied' || this.#options.random.chance(kind === 'cut_off' ? 0.7 : 0.9);
  }

  #readLogs(process: SimProcess, calls: LimitedCalls, read: LogRead) {
    const pages = this.#pagesOf(process, read);
    const unit = `logs:${read.account}:${read.region}:${read.logGroup}`;
    const serve = async (token: string | undefined): Promise<RawLogPage> => {
      try {
        return await this.#ask(process, calls, 'FilterLogEvents', read.signal, () => pages(token, unit));
      } catch (error) {
        if (
          error instanceof Error &&
          'code' in error &&
          error.code === 'aws_invalid_request' &&
          token !== undefined
        )
          throw new IncompleteReadError('the token is no longer taken', { cause: error });
        throw error;
      }
    };
    return readLogPages(read, serve);
  }

  /** The pages of one reading, made as they are asked for: what becomes readable meanwhile may still be on a later one. */
  #pagesOf(process: SimProcess, read: LogRead): (token: string | undefined, unit: string) => RawLogPage {
    const { random, weather, tally, pageEvents, shuffled, repeats, onShown } = this.#options;
    const { logGroup, fromMs, toMs } = read;
    const readable = this.#readable(logGroup, fromMs, toMs, process.clock.now());
    const ordered = shuffled ? random.shuffled(readable) : readable;
    let at = 0;
    let lastToken: string | undefined;
    let emptyPages = 0;
    return (token, unit) => {
      const kind = weather.at(process.clock.now());
      if (token !== undefined && kind === 'token_expired') {
        tally.add('aws_token_expired');
        throw ERRORS.token_expired?.();
      }
      const isEmpty = emptyPages < 50 && random.chance(emptyPages > 0 && emptyPages < 8 ? 0.7 : 0.1);
      emptyPages = isEmpty ? emptyPages + 1 : 0;
      if (isEmpty) tally.add('aws_empty_page');
      const page = isEmpty ? [] : ordered.slice(at, at + pageEvents);
      const shown = [...page];
      at += page.length;
      const again = at > 0 && random.chance(repeats) ? ordered[random.int(0, at - 1)] : undefined;
      if (again !== undefined && !isEmpty) {
        tally.add('aws_event_on_two_pages');
        shown.push(again);
      }
      onShown(
        unit,
        shown.filter((event) => event.atMs < toMs),
      );
      const isLast = at >= ordered.length && !isEmpty;
      if (isLast) return { events: shown.map(rawEvent) };
      if (lastToken !== undefined && kind === 'token_repeated') {
        tally.add('aws_token_repeated');
        return { events: shown.map(rawEvent), nextToken: lastToken };
      }
      this.#tokens += 1;
      lastToken = `token-${this.#tokens}`;
      return { events: shown.map(rawEvent), nextToken: lastToken };
    };
  }
}

async function* nothing(): AsyncIterable<readonly never[]> {}

/** Index of the first event at or after a time. */
function firstFrom(events: readonly SimEvent[], fromMs: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.atMs ?? 0) < fromMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function rawEvent(event: SimEvent) {
  return {
    eventId: event.eventId,
    logStreamName: event.stream,
    timestamp: event.atMs,
    ingestionTime: event.visibleMs,
    message: event.message,
  };
}
