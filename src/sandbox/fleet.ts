import {
  CLF_PLAIN,
  CLF_WITH_AUTHORIZER,
  COGNITO_JSON,
  CSV,
  HTTP_JSON_WITH_ECHO,
  HTTP_JWT_JSON,
  IAM_JSON,
  JSON_BEFORE_CHANGE,
  JSON_WITH_BARE_NUMBERS,
  JSON_WITH_BARE_NUMBERS_AND_ECHO,
  JSON_WITH_ECHO,
  WEBSOCKET_JSON,
  XML_WITHOUT_AUTHORIZER,
} from './fleet-formats.ts';
import type {
  FleetApi,
  FleetAuthorizer,
  FleetFunction,
  FleetRoute,
  FleetStage,
  RouteAuth,
} from './fleet-model.ts';
import { compileFormat } from './formats.ts';

export const CENTRAL_ACCOUNT = '111122223333';
export const IDENTITY_ACCOUNT = '444455556666';
const HOME_REGION = 'eu-west-1';
const OTHER_REGION = 'eu-central-1';

function lambda(name: string, settings: Partial<FleetFunction> & Pick<FleetFunction, 'form'>): FleetFunction {
  return {
    name,
    account: CENTRAL_ACCOUNT,
    region: HOME_REGION,
    logGroup: `/aws/lambda/${name}`,
    logsGatewayId: 'with_decision',
    memoryMb: 256,
    timeoutS: 3,
    medianMs: 35,
    ...settings,
  };
}

function authorizer(
  id: string,
  type: FleetAuthorizer['type'],
  fn: FleetFunction,
  settings: Partial<FleetAuthorizer> = {},
): FleetAuthorizer {
  return {
    id,
    name: fn.name,
    type,
    function: fn,
    ttlS: 300,
    echoes: false,
    contextOnDeny: true,
    idOnHit: false,
    cacheDelayMs: 20,
    ...settings,
  };
}

function stage(name: string, group: string, format: string, settings: Partial<FleetStage> = {}): FleetStage {
  return {
    name,
    weight: 1,
    format: compileFormat(format),
    logGroup: group,
    detailedMetrics: false,
    tags: { team: 'platform', env: name },
    ...settings,
  };
}

/** `GET /orders 6` = method, path and how often it is called against its siblings. */
function routes(auth: RouteAuth, ...specs: readonly string[]): readonly FleetRoute[] {
  return specs.map((spec) => {
    const [method = '', path = '', weight = '1'] = spec.split(' ');
    return { method, path, auth, weight: Number(weight) };
  });
}

const AT_HOME = { account: CENTRAL_ACCOUNT, region: HOME_REGION } as const;
const REST = { ...AT_HOME, protocol: 'REST', latencyMedianMs: 90, latencySigma: 0.6 } as const;

const REFUSALS = ['throttled', 'waf_block', 'request_too_large'] as const;
const AUTHORIZER_FAULTS = [
  'unauthorized_thrown',
  'authorizer_crash',
  'authorizer_timeout',
  'authorizer_bad_shape',
] as const;
const LINES = ['truncated_line', 'garbage_access_line', 'garbage_authorizer_line', 'console_test'] as const;
const FORGERIES = ['forged_request_id', 'reused_request_id', 'replaced_request_id'] as const;

/** Everything an authorizer may show. The echo names the decision on hits too; the format changed within the history. */
const orders: FleetApi = {
  ...REST,
  id: 'a1b2c3d4e5',
  name: 'orders-api',
  weight: 24,
  stages: [
    stage('prod', '/apigw/orders', JSON_WITH_ECHO, {
      earlierFormat: compileFormat(JSON_BEFORE_CHANGE),
      detailedMetrics: true,
      tags: { team: 'orders', env: 'prod', criticality: 'high' },
    }),
  ],
  routes: routes('lambda', 'GET /orders 6', 'POST /orders 2', 'GET /orders/{id} 8', 'DELETE /orders/{id} 1'),
  authorizer: authorizer('ord001', 'REQUEST', lambda('orders-authorizer', { form: 'lambda_json' }), {
    echoes: true,
  }),
  specials: [
    'missing_identity',
    ...AUTHORIZER_FAULTS,
    'authorizer_unreachable',
    ...REFUSALS,
    'no_such_route',
    ...FORGERIES,
    'overlapping_request_id',
    ...LINES,
  ],
};

/** TOKEN: the function never sees a gateway id. CLF: second resolution, no context. The function logs to its own group. */
const legacy: FleetApi = {
  ...REST,
  id: 'b2c3d4e5f6',
  name: 'legacy-api',
  weight: 12,
  latencyMedianMs: 160,
  stages: [stage('prod', '/apigw/legacy', CLF_WITH_AUTHORIZER)],
  routes: [
    ...routes('lambda', 'GET /accounts/{id} 8', 'POST /transfers 3'),
    ...routes('none', 'GET /health 1'),
  ],
  authorizer: authorizer(
    'leg001',
    'TOKEN',
    lambda('legacy-token-authorizer', {
      form: 'text',
      logGroup: '/custom/authz/legacy',
      logsGatewayId: 'never',
    }),
    { idOnHit: true, cacheDelayMs: 1_500 },
  ),
  specials: ['missing_identity', ...AUTHORIZER_FAULTS, ...REFUSALS, ...FORGERIES, ...LINES],
};

/** The function lives in another account; two stages with different formats write to one group; a Deny loses its context. */
const partner: FleetApi = {
  ...REST,
  id: 'c3d4e5f6a7',
  name: 'partner-api',
  weight: 12,
  stages: [
    stage('prod', '/apigw/partner', CSV, { weight: 3 }),
    stage('beta', '/apigw/partner', JSON_WITH_BARE_NUMBERS),
  ],
  routes: routes('lambda', 'GET /catalog 6', 'GET /catalog/{sku} 6', 'PUT /catalog/{sku} 2'),
  authorizer: authorizer(
    'par001',
    'TOKEN',
    lambda('partner-authorizer', { form: 'powertools', account: IDENTITY_ACCOUNT, logsGatewayId: 'never' }),
    { ttlS: 600, contextOnDeny: false },
  ),
  specials: ['missing_identity', ...AUTHORIZER_FAULTS, ...REFUSALS, 'no_such_route', ...FORGERIES, ...LINES],
};

/** Authorizer lines in a form of the team's own; numbers without quotes in the access log; a Deny loses its context. */
const billing: FleetApi = {
  ...REST,
  id: 'd4e5f6a7b8',
  name: 'billing-api',
  weight: 8,
  latencyMedianMs: 220,
  stages: [stage('prod', '/apigw/billing', JSON_WITH_BARE_NUMBERS_AND_ECHO)],
  routes: routes('lambda', 'GET /invoices 6', 'GET /invoices/{id} 4', 'POST /invoices 2'),
  authorizer: authorizer('bil001', 'REQUEST', lambda('billing-authorizer', { form: 'pipe' }), {
    ttlS: 120,
    echoes: true,
    contextOnDeny: false,
  }),
  specials: [
    'missing_identity',
    ...AUTHORIZER_FAULTS,
    ...REFUSALS,
    ...FORGERIES,
    'overlapping_request_id',
    ...LINES,
  ],
};

/**
 * Only the client-chosen request id leads from a line to its decision. A 401 that never reached the function looks like
 * one that it threw, so such requests do not occur here: nobody could tell them apart.
 */
const ledger: FleetApi = {
  ...REST,
  id: 'e5f6a7b8c9',
  name: 'ledger-api',
  weight: 8,
  stages: [stage('prod', '/apigw/ledger', XML_WITHOUT_AUTHORIZER)],
  routes: routes('lambda', 'GET /entries 5', 'POST /entries 3'),
  authorizer: authorizer(
    'led001',
    'REQUEST',
    lambda('ledger-authorizer', { form: 'text', logsGatewayId: 'before_deciding' }),
  ),
  specials: [
    'authorizer_crash',
    'overlapping_request_id',
    'authorizer_timeout',
    'reused_request_id',
    'authorizer_bad_shape',
    'replaced_request_id',
    'throttled',
    'waf_block',
    'forged_request_id',
    'unauthorized_thrown',
    'console_test',
  ],
};

const shop: FleetApi = {
  ...REST,
  id: 'f6a7b8c9d0',
  name: 'shop-api',
  weight: 8,
  stages: [stage('prod', '/apigw/shop', COGNITO_JSON)],
  routes: routes('cognito', 'GET /basket 5', 'POST /basket 3', 'POST /checkout 1'),
  specials: ['gateway_refused', 'throttled', 'waf_block', 'no_such_route', 'truncated_line'],
};

const admin: FleetApi = {
  ...REST,
  id: 'a7b8c9d0e1',
  name: 'admin-api',
  weight: 3,
  stages: [stage('prod', '/apigw/admin', IAM_JSON)],
  routes: routes('iam', 'GET /tenants 5', 'PUT /tenants/{id} 1'),
  specials: ['gateway_refused', 'throttled', 'waf_block'],
};

const open: FleetApi = {
  ...REST,
  id: 'b8c9d0e1f2',
  name: 'public-api',
  weight: 8,
  latencyMedianMs: 25,
  stages: [stage('prod', '/apigw/public', CLF_PLAIN)],
  routes: routes('none', 'GET /status 5', 'GET /prices 8'),
  specials: [
    'throttled',
    'waf_block',
    'no_such_route',
    'request_too_large',
    'garbage_access_line',
    'truncated_line',
  ],
};

/** The one API of the second Region; its decisions are never cached. */
const reports: FleetApi = {
  ...REST,
  region: OTHER_REGION,
  id: 'c9d0e1f2a3',
  name: 'reports-api',
  weight: 5,
  latencyMedianMs: 400,
  stages: [stage('prod', '/apigw/reports', JSON_WITH_ECHO)],
  routes: routes('lambda', 'GET /reports 4', 'POST /reports 1'),
  authorizer: authorizer(
    'rep001',
    'REQUEST',
    lambda('reports-authorizer', { form: 'lambda_json', region: OTHER_REGION }),
    { ttlS: 0 },
  ),
  specials: ['missing_identity', ...AUTHORIZER_FAULTS, ...REFUSALS, ...FORGERIES, ...LINES],
};

const payments: FleetApi = {
  ...AT_HOME,
  protocol: 'HTTP',
  id: 'd0e1f2a3b4',
  name: 'payments-http',
  weight: 12,
  latencyMedianMs: 60,
  latencySigma: 0.5,
  stages: [stage('live', '/apigw/payments', HTTP_JSON_WITH_ECHO)],
  routes: routes('lambda', 'POST /payments 5', 'GET /payments/{id} 8'),
  authorizer: authorizer('pay001', 'REQUEST', lambda('payments-authorizer', { form: 'powertools' }), {
    ttlS: 60,
    echoes: true,
    contextOnDeny: false,
  }),
  specials: [
    'missing_identity',
    'authorizer_crash',
    'authorizer_timeout',
    'authorizer_bad_shape',
    'throttled',
    'truncated_line',
    'console_test',
  ],
};

const mobile: FleetApi = {
  ...AT_HOME,
  protocol: 'HTTP',
  id: 'e1f2a3b4c5',
  name: 'mobile-http',
  weight: 8,
  latencyMedianMs: 45,
  latencySigma: 0.5,
  stages: [stage('$default', '/apigw/mobile', HTTP_JWT_JSON)],
  routes: [...routes('jwt', 'GET /feed 8', 'POST /posts 2'), ...routes('none', 'GET /status 1')],
  specials: ['gateway_refused', 'throttled', 'truncated_line'],
};

const chat: FleetApi = {
  ...AT_HOME,
  protocol: 'WEBSOCKET',
  id: 'f2a3b4c5d6',
  name: 'chat-ws',
  weight: 10,
  latencyMedianMs: 30,
  latencySigma: 0.5,
  stages: [stage('prod', '/apigw/chat', WEBSOCKET_JSON)],
  routes: [
    { method: '', path: '$connect', auth: 'lambda', weight: 1 },
    { method: '', path: '$disconnect', auth: 'none', weight: 0 },
    { method: '', path: 'sendMessage', auth: 'none', weight: 3 },
    { method: '', path: '$default', auth: 'none', weight: 1 },
  ],
  authorizer: authorizer('cha001', 'REQUEST', lambda('chat-authorizer', { form: 'powertools' }), { ttlS: 0 }),
  specials: ['missing_identity', ...AUTHORIZER_FAULTS, 'throttled', 'console_test'],
};

export const FLEET: readonly FleetApi[] = [
  orders,
  legacy,
  partner,
  billing,
  ledger,
  shop,
  admin,
  open,
  reports,
  payments,
  mobile,
  chat,
];
