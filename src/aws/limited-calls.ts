import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { TokenBucket } from '../core/token-bucket.ts';
import { classifyAwsError, translateAwsError } from './aws-errors.ts';
import type { AwsScope } from './aws-settings.ts';
import { limiterRate, type QuotaName, type QuotaOverrides } from './quotas.ts';

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
  /** Told when AWS no longer takes the credentials. */
  readonly onCredentialsRefused: () => void;
}

/**
 * Sends commands of one account and Region through its limiters. Each *attempt* takes a token, the SDK's own retries
 * included: a retry counts against the quota like any call.
 */
export class LimitedCalls {
  readonly #settings: LimitedCallsSettings;
  readonly #buckets = new Map<QuotaName, TokenBucket>();

  constructor(settings: LimitedCallsSettings) {
    this.#settings = settings;
  }

  /** Throws what `translateAwsError` makes of a failure, or the signal's reason when aborted. */
  async send<Command extends CommandWithMiddleware, Output>(
    command: Command,
    send: (command: Command, options: SendOptions) => Promise<Output>,
    note: CallNote,
  ): Promise<Output> {
    command.middlewareStack.addRelativeTo(this.#limiter(note), {
      name: 'gatewatchLimiter',
      relation: 'after',
      toMiddleware: 'retryMiddleware',
    });
    try {
      return await send(command, { abortSignal: note.signal });
    } catch (error) {
      note.signal.throwIfAborted();
      if (classifyAwsError(error) === 'credentials') this.#settings.onCredentialsRefused();
      const { scope, roleArn } = this.#settings;
      throw translateAwsError(error, { ...scope, ...note, ...(roleArn ? { roleArn } : {}) });
    }
  }

  #limiter(note: CallNote): Attempt {
    const { meter, logger, scope } = this.#settings;
    const labels = { operation: note.operation, account: scope.account, region: scope.region };
    return (next) => async (args) => {
      await this.#bucket(note.quota).take(note.signal);
      meter.count('gatewatch_aws_requests_total', 1, labels);
      try {
        return await next(args);
      } catch (error) {
        if (classifyAwsError(error) === 'throttled') {
          meter.count('gatewatch_aws_throttles_total', 1, labels);
          logger.debug(labels, `AWS throttled ${note.operation} on ${note.resource}`);
        }
        throw error;
      }
    };
  }

  #bucket(quota: QuotaName): TokenBucket {
    const known = this.#buckets.get(quota);
    if (known) return known;
    const { clock, scope, quotas, quotaShare } = this.#settings;
    const made = new TokenBucket({ clock, ...limiterRate(quota, scope.region, quotaShare, quotas) });
    this.#buckets.set(quota, made);
    return made;
  }
}
