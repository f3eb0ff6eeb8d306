import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import type { Urgency } from '../model/source-event.ts';
import { classifyAwsError, translateAwsError } from './aws-errors.ts';
import { type AwsScope, DEFAULT_TIMEOUTS } from './aws-settings.ts';
import { limiterRate, type QuotaName, type QuotaOverrides } from './quotas.ts';
import { RequestPacer } from './request-pacer.ts';

/** As much of the SDK's middleware as is needed, so that one function serves the clients of every service. */
type Attempt = <Args, Result>(next: (args: Args) => Promise<Result>) => (args: Args) => Promise<Result>;

interface CommandWithMiddleware {
  readonly middlewareStack: {
    addRelativeTo(
      middleware: Attempt,
      options: { readonly name: string; readonly relation: 'after'; readonly toMiddleware: string },
    ): void;
  };
}

export interface SendOptions {
  readonly abortSignal: AbortSignal;
}

/** What is called, and how to say it when it fails. */
export interface CallNote {
  readonly operation: string;
  readonly quota: QuotaName;
  /** IAM action, with its resource where that helps. */
  readonly permission: string;
  /** What is read, in words: `log group /apigw/orders`. */
  readonly resource: string;
  /** Default `live`. */
  readonly urgency?: Urgency;
  readonly signal: AbortSignal;
}

export interface LimitedCallsSettings {
  readonly scope: AwsScope;
  readonly roleArn?: string | undefined;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Share of each quota that Gatewatch may use, 0 to 1. */
  readonly quotaShare: number;
  readonly quotas: QuotaOverrides;
  /** Longest time of one attempt, from its turn to the last byte of its answer, milliseconds. Default 90 s. */
  readonly attemptMs?: number;
  /** Told when AWS no longer takes the credentials. */
  readonly onCredentialsRefused: () => void;
}

/** How long a call that AWS throttles is tried on, milliseconds. A window in mid-reading is worth more than a minute. */
const THROTTLE_PATIENCE_MS = 120_000;
/** And at most this often: enough to get through where nine of ten calls are throttled. */
const THROTTLE_ATTEMPTS = 100;

/** A minute for the service to search, and half a minute for a megabyte. */
const DEFAULT_ATTEMPT_MS = DEFAULT_TIMEOUTS.requestMs + DEFAULT_TIMEOUTS.idleMs;

/**
 * Sends commands of one account and Region through its pacers. Each *attempt* takes its turn, retries included: a retry
 * counts against the quota like any call. Throttles are waited out here, at the pace they leave; the SDK sees none of
 * them and keeps its few attempts for faults of the service and the network.
 */
export class LimitedCalls {
  readonly #settings: LimitedCallsSettings;
  readonly #pacers = new Map<QuotaName, RequestPacer>();

  constructor(settings: LimitedCallsSettings) {
    this.#settings = settings;
  }

  /** Throws what `translateAwsError` makes of a failure, or the signal's reason when aborted. */
  async send<Command extends CommandWithMiddleware, Output>(
    command: Command,
    send: (command: Command, options: SendOptions) => Promise<Output>,
    note: CallNote,
  ): Promise<Output> {
    const stalled = new AbortController();
    command.middlewareStack.addRelativeTo(this.#limiter(note, stalled), {
      name: 'gatewatchLimiter',
      relation: 'after',
      toMiddleware: 'retryMiddleware',
    });
    const abortSignal = AbortSignal.any([note.signal, stalled.signal]);
    const attempt = () => send(command, { abortSignal });
    const { scope, roleArn, attemptMs = DEFAULT_ATTEMPT_MS } = this.#settings;
    try {
      return await attempt().catch((error) => this.#withFreshCredentials(error, note, attempt));
    } catch (error) {
      note.signal.throwIfAborted();
      const cause = stalled.signal.aborted ? new Error(`no complete answer within ${attemptMs} ms`) : error;
      throw translateAwsError(cause, { ...scope, ...note, ...(roleArn ? { roleArn } : {}) });
    }
  }

  /** A role's credentials may end in mid-window (revoked, a host that slept): it is assumed anew before anybody is told. */
  async #withFreshCredentials<Output>(
    error: unknown,
    note: CallNote,
    attempt: () => Promise<Output>,
  ): Promise<Output> {
    if (classifyAwsError(error) !== 'credentials' || note.signal.aborted) throw error;
    this.#settings.onCredentialsRefused();
    if (this.#settings.roleArn === undefined) throw error;
    return attempt();
  }

  /** `stalled` is aborted when an attempt takes too long: the SDK's own limits end with the first byte, or at silence. */
  #limiter(note: CallNote, stalled: AbortController): Attempt {
    const { meter, clock, scope, attemptMs = DEFAULT_ATTEMPT_MS } = this.#settings;
    const labels = { operation: note.operation, account: scope.account, region: scope.region };
    const pacer = this.#pacer(note.quota);
    return (next) => async (args) => {
      const untilMs = clock.monotonic() + THROTTLE_PATIENCE_MS;
      for (let attempt = 1; ; attempt += 1) {
        await pacer.take(note.urgency ?? 'live', note.signal);
        meter.count('gatewatch_aws_requests_total', 1, labels);
        const timer = setTimeout(() => stalled.abort(), attemptMs);
        try {
          return await next(args);
        } catch (error) {
          if (classifyAwsError(error) !== 'throttled') throw error;
          this.#throttled(pacer, note, labels);
          if (attempt >= THROTTLE_ATTEMPTS || clock.monotonic() > untilMs) throw this.#gaveUp(error, note);
        } finally {
          clearTimeout(timer);
        }
      }
    };
  }

  #throttled(pacer: RequestPacer, note: CallNote, labels: Readonly<Record<string, string>>): void {
    const { meter, logger } = this.#settings;
    pacer.slowDown();
    meter.count('gatewatch_aws_throttles_total', 1, labels);
    logger.debug(
      { ...labels, perSecond: pacer.ratePerSecond },
      `AWS throttled ${note.operation} on ${note.resource}`,
    );
  }

  /** Ours already, so that the SDK does not begin again where we have ended. */
  #gaveUp(error: unknown, note: CallNote): Error {
    const { scope, roleArn } = this.#settings;
    return translateAwsError(error, { ...scope, ...note, ...(roleArn ? { roleArn } : {}) });
  }

  #pacer(quota: QuotaName): RequestPacer {
    const known = this.#pacers.get(quota);
    if (known) return known;
    const { clock, scope, quotas, quotaShare } = this.#settings;
    const made = new RequestPacer({ clock, ...limiterRate(quota, scope.region, quotaShare, quotas) });
    this.#pacers.set(quota, made);
    return made;
  }
}
