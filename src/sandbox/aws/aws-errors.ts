import type { Reply } from '../http-exchange.ts';
import type { AwsProtocol } from './aws-protocol.ts';

/**
 * An error as AWS means it: one name, told in four ways by the four protocols. Thrown inside a handler, written by
 * the dispatcher.
 */
export class AwsError extends Error {
  readonly awsName: string;
  readonly status: number;
  /** The code of the old Query protocol, where it differs from the name (`LimitExceededFault` → `LimitExceeded`). */
  readonly queryCode: string;

  constructor(awsName: string, message: string, options: { status?: number; queryCode?: string } = {}) {
    super(message);
    this.name = 'AwsError';
    this.awsName = awsName;
    this.status = options.status ?? 400;
    this.queryCode = options.queryCode ?? awsName;
  }
}

/** Throttling by each protocol's own name: the SDK retries all of them. */
export function throttlingError(protocol: AwsProtocol): AwsError {
  switch (protocol) {
    case 'cloudwatch':
      return new AwsError('ThrottlingException', 'Rate exceeded', { queryCode: 'Throttling' });
    case 'logs':
      return new AwsError('ThrottlingException', 'Rate exceeded');
    case 'sts':
      return new AwsError('Throttling', 'Rate exceeded');
    case 'api-gateway-v1':
    case 'api-gateway-v2':
      return new AwsError('TooManyRequestsException', 'Too Many Requests', { status: 429 });
  }
}

/** A fault of the service itself (500 or 503), retried by the SDK. */
export function serverFault(protocol: AwsProtocol): AwsError {
  switch (protocol) {
    case 'cloudwatch':
      return new AwsError('InternalServiceFault', 'Internal service fault', {
        status: 500,
        queryCode: 'InternalServiceError',
      });
    case 'logs':
    case 'api-gateway-v1':
      return new AwsError('ServiceUnavailableException', 'Service unavailable', { status: 503 });
    case 'api-gateway-v2':
    case 'sts':
      return new AwsError('InternalFailure', 'Internal failure', { status: 500 });
  }
}

export function deniedError(protocol: AwsProtocol, account: string, operation: string): AwsError {
  const service = {
    cloudwatch: 'cloudwatch',
    logs: 'logs',
    sts: 'sts',
    'api-gateway-v1': 'apigateway',
    'api-gateway-v2': 'apigateway',
  };
  const action = `${service[protocol]}:${operation}`;
  const message = `User: arn:aws:sts::${account}:assumed-role/gatewatch/sandbox is not authorized to perform: ${action} because no identity-based policy allows the ${action} action`;
  return deniedWith(protocol, message);
}

function deniedWith(protocol: AwsProtocol, message: string): AwsError {
  switch (protocol) {
    case 'cloudwatch':
      return new AwsError('AccessDeniedException', message, { status: 403, queryCode: 'AccessDenied' });
    case 'logs':
      return new AwsError('AccessDeniedException', message);
    case 'sts':
      return new AwsError('AccessDenied', message, { status: 403 });
    case 'api-gateway-v1':
    case 'api-gateway-v2':
      return new AwsError('AccessDeniedException', message, { status: 403 });
  }
}

/** Writes an error in the form the protocol's clients read. */
export function errorReply(protocol: AwsProtocol, error: AwsError): Reply {
  switch (protocol) {
    case 'cloudwatch':
      return cloudWatchError(error);
    case 'logs':
      return logsError(error);
    case 'sts':
      return stsError(error);
    case 'api-gateway-v1':
    case 'api-gateway-v2':
      return apiGatewayError(error);
  }
}

/** AWS JSON 1.0 that still carries the Query protocol's code, in `x-amzn-query-error`. */
function cloudWatchError(error: AwsError): Reply {
  const side = error.status >= 500 ? 'Receiver' : 'Sender';
  return {
    status: error.status,
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amzn-query-error': `${error.queryCode};${side}`,
    },
    body: JSON.stringify({ __type: `com.amazonaws.cloudwatch#${error.awsName}`, message: error.message }),
  };
}

function logsError(error: AwsError): Reply {
  return {
    status: error.status,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify({ __type: error.awsName, message: error.message }),
  };
}

function apiGatewayError(error: AwsError): Reply {
  return {
    status: error.status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': error.awsName },
    body: JSON.stringify({ message: error.message }),
  };
}

function stsError(error: AwsError): Reply {
  const side = error.status >= 500 ? 'Receiver' : 'Sender';
  const body =
    `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>${side}</Type>` +
    `<Code>${escapeXml(error.queryCode)}</Code><Message>${escapeXml(error.message)}</Message></Error>` +
    '<RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>';
  return { status: error.status, headers: { 'content-type': 'text/xml' }, body };
}

export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
