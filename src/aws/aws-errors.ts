import { GatewatchError, HeldError, IncompleteReadError, messageOf } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { AwsScope } from './aws-settings.ts';

/** Where a call stood when it failed: everything a person needs to mend it. */
export interface CallContext extends AwsScope {
  readonly operation: string;
  /** IAM action, e.g. `logs:FilterLogEvents`. */
  readonly permission: string;
  /** What was read, in words: `log group /apigw/orders`. */
  readonly resource: string;
  /** Role assumed for the call, if any. */
  readonly roleArn?: string;
}

export type AwsErrorClass = 'throttled' | 'denied' | 'credentials' | 'not_found' | 'invalid' | 'transient';

/**
 * What to make of an AWS error, by its name. "None of the above" is `transient`: an unknown fault is read again, never
 * taken for an answer. Names: SDK error shapes and the common errors of the CloudWatch, Logs, API Gateway and STS APIs.
 */
const CLASS_BY_NAME: Readonly<Record<string, AwsErrorClass>> = {
  Throttling: 'throttled',
  ThrottlingException: 'throttled',
  ThrottledException: 'throttled',
  TooManyRequestsException: 'throttled',
  RequestLimitExceeded: 'throttled',
  RequestThrottled: 'throttled',
  RequestThrottledException: 'throttled',
  SlowDown: 'throttled',
  AccessDenied: 'denied',
  AccessDeniedException: 'denied',
  UnauthorizedException: 'denied',
  UnauthorizedOperation: 'denied',
  NotAuthorized: 'denied',
  OptInRequired: 'denied',
  KMSAccessDeniedException: 'denied',
  KMSDisabledException: 'denied',
  KMSInvalidStateException: 'denied',
  KMSNotFoundException: 'denied',
  ExpiredToken: 'credentials',
  ExpiredTokenException: 'credentials',
  UnrecognizedClientException: 'credentials',
  InvalidClientTokenId: 'credentials',
  InvalidSignatureException: 'credentials',
  SignatureDoesNotMatch: 'credentials',
  IncompleteSignature: 'credentials',
  MissingAuthenticationToken: 'credentials',
  CredentialsProviderError: 'credentials',
  TokenProviderError: 'credentials',
  ResourceNotFoundException: 'not_found',
  ResourceNotFound: 'not_found',
  NotFoundException: 'not_found',
  InvalidParameterException: 'invalid',
  InvalidParameterValue: 'invalid',
  InvalidParameterCombination: 'invalid',
  ValidationError: 'invalid',
  ValidationException: 'invalid',
  BadRequestException: 'invalid',
  // Of CloudWatch Logs, where it is a quota of resources: trying again changes nothing. API Gateway's own is a 429.
  LimitExceededException: 'invalid',
  InvalidOperationException: 'invalid',
  InvalidNextToken: 'invalid',
};

/**
 * A 429 is a throttle under every name. Else matches `name` first and `Code` second: query-compatible services give the short
 * code apart (CloudWatch).
 */
export function classifyAwsError(error: unknown): AwsErrorClass {
  if (!isObject(error)) return 'transient';
  if (httpStatusOf(error) === 429) return 'throttled';
  for (const key of ['name', 'Code', 'code']) {
    const value = error[key];
    const found = typeof value === 'string' ? CLASS_BY_NAME[value] : undefined;
    if (found) return found;
  }
  return 'transient';
}

function httpStatusOf(error: Record<string, unknown>): number | undefined {
  const metadata = error.$metadata;
  const status = isObject(metadata) ? metadata.httpStatusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}

/** The error to throw to our callers: held when only a person can mend it, incomplete when reading again can. */
export function translateAwsError(error: unknown, context: CallContext): Error {
  if (error instanceof GatewatchError) return error;
  const where = `${context.operation} on ${context.resource} in account ${context.account}, ${context.region}`;
  const who = context.roleArn ? `role ${context.roleArn}` : "the SDK's default credentials";
  const said = `${nameOf(error)}: ${messageOf(error)}`;
  const options = { cause: error };
  switch (classifyAwsError(error)) {
    case 'throttled':
      return new IncompleteReadError(
        `${where} was throttled in every attempt; a running worker reads it again by itself (${said})`,
        options,
      );
    case 'denied':
      return new HeldError(
        'aws_denied',
        `${where} was denied to ${who}: ${isAboutKey(said) ? 'allow it kms:Decrypt on the key that encrypts the log group, and see that the key is enabled' : `allow it ${context.permission}`} (${said})`,
        options,
      );
    case 'credentials':
      return new HeldError(
        'aws_credentials',
        `${where} was refused because the credentials of ${who} do not hold: renew or correct them (${said})`,
        options,
      );
    case 'not_found':
      return new HeldError(
        'aws_not_found',
        `${where}: it does not exist there; correct the name, account or Region, or exclude it (${said})`,
        options,
      );
    case 'invalid':
      return new HeldError('aws_invalid_request', `${where} was refused as invalid (${said})`, options);
    case 'transient':
      return new IncompleteReadError(
        `${where} failed in every attempt; a running worker reads it again by itself (${said})`,
        options,
      );
  }
}

/** CloudWatch Logs names the key in words only, under the same error name as a missing permission of its own. */
function isAboutKey(said: string): boolean {
  return /\bKMS/i.test(said);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'error';
}
