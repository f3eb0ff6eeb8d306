import type { RouteAuth, SpecialScenario } from './fleet-model.ts';
import type { Random } from './random.ts';
import type { Verdict } from './traffic-truth.ts';

/** What the caller gets. `errorType` is `error.responseType`; a bare hyphen when the backend answered for itself. */
export interface GatewayResponse {
  readonly status: number;
  readonly errorType: string;
  readonly message: string;
}

const UNAUTHORIZED: GatewayResponse = { status: 401, errorType: 'UNAUTHORIZED', message: 'Unauthorized' };

/** Answers given before an authorizer has its turn. */
export const REFUSALS: Readonly<Partial<Record<SpecialScenario, GatewayResponse>>> = {
  throttled: { status: 429, errorType: 'THROTTLED', message: 'Too Many Requests' },
  waf_block: { status: 403, errorType: 'WAF_FILTERED', message: 'Forbidden' },
  no_such_route: {
    status: 403,
    errorType: 'MISSING_AUTHENTICATION_TOKEN',
    message: 'Missing Authentication Token',
  },
  request_too_large: { status: 413, errorType: 'REQUEST_TOO_LARGE', message: 'Request Too Long' },
  missing_identity: UNAUTHORIZED,
};

export const UNREACHABLE: GatewayResponse = {
  status: 500,
  errorType: 'AUTHORIZER_CONFIGURATION_ERROR',
  message: 'Internal server error',
};

export const AUTHORIZER_FAILED: GatewayResponse = {
  status: 500,
  errorType: 'AUTHORIZER_FAILURE',
  message: 'Internal server error',
};

export const RESPONSE_BY_VERDICT: Readonly<Record<Exclude<Verdict, 'allow' | 'failure'>, GatewayResponse>> = {
  explicit_deny: {
    status: 403,
    errorType: 'ACCESS_DENIED',
    message: 'User is not authorized to access this resource with an explicit deny',
  },
  implicit_deny: {
    status: 403,
    errorType: 'ACCESS_DENIED',
    message: 'User is not authorized to access this resource',
  },
  unauthorized: UNAUTHORIZED,
};

const DENIALS_BY_GATEWAY: Readonly<Partial<Record<RouteAuth, readonly GatewayResponse[]>>> = {
  cognito: [UNAUTHORIZED],
  jwt: [UNAUTHORIZED, { status: 403, errorType: 'ACCESS_DENIED', message: 'Forbidden' }],
  iam: [
    { status: 403, errorType: 'ACCESS_DENIED', message: 'Forbidden' },
    { status: 403, errorType: 'INVALID_SIGNATURE', message: 'Signature mismatch' },
    {
      status: 403,
      errorType: 'EXPIRED_TOKEN',
      message: 'The security token included in the request is expired',
    },
  ],
};

export function denialByGateway(auth: RouteAuth, random: Random): GatewayResponse {
  return random.pick(DENIALS_BY_GATEWAY[auth] ?? [UNAUTHORIZED]);
}

export interface BackendAnswer extends GatewayResponse {
  /** Status the backend gave; absent when it gave none (time-out, broken connection). */
  readonly backendStatus?: number;
  readonly slow: boolean;
}

const OWN = { errorType: '-', message: '-', slow: false } as const;

/** Share of answers, most frequent first. A 401 or 403 of the backend is no decision of an authorizer. */
const BACKEND_ANSWERS: readonly { readonly below: number; readonly answer: BackendAnswer }[] = [
  { below: 0.8, answer: { ...OWN, status: 200, backendStatus: 200 } },
  { below: 0.87, answer: { ...OWN, status: 201, backendStatus: 201 } },
  { below: 0.9, answer: { ...OWN, status: 204, backendStatus: 204 } },
  { below: 0.945, answer: { ...OWN, status: 404, backendStatus: 404 } },
  { below: 0.97, answer: { ...OWN, status: 400, backendStatus: 400 } },
  { below: 0.978, answer: { ...OWN, status: 403, backendStatus: 403 } },
  { below: 0.982, answer: { ...OWN, status: 401, backendStatus: 401 } },
  { below: 0.993, answer: { ...OWN, status: 500, backendStatus: 500 } },
  {
    below: 0.997,
    answer: { status: 502, errorType: 'INTEGRATION_FAILURE', message: 'Internal server error', slow: false },
  },
  {
    below: 1,
    answer: {
      status: 504,
      errorType: 'INTEGRATION_TIMEOUT',
      message: 'Endpoint request timed out',
      slow: true,
    },
  },
];

const ALWAYS_FINE: BackendAnswer = { ...OWN, status: 200, backendStatus: 200 };

export function backendAnswer(random: Random): BackendAnswer {
  const at = random.next();
  return BACKEND_ANSWERS.find(({ below }) => at < below)?.answer ?? ALWAYS_FINE;
}
