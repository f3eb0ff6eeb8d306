import type { StageInventory } from '../../src/model/inventory.ts';
import type { LogEvent } from '../../src/model/source-event.ts';
import type { Redactor } from '../../src/redact/redactor.ts';

/** Shows what was handed to it: `text` masks one planted word, names become `psn(kind:name)`. */
export const visibleRedactor: Redactor = {
  text: (value) => value.replaceAll('hunter2', '***'),
  path: (value) => value.replace(/=.*$/, '=***'),
  userAgent: (value) => value.replaceAll('hunter2', '***'),
  pseudonym: (kind, clear) => `psn(${kind}:${clear.length})`,
};

export function logEvent(message: string, change: Partial<LogEvent> = {}): LogEvent {
  return {
    eventId: 'event-1',
    logStream: 'stream-1',
    timestampMs: 1_795_341_600_500,
    ingestionMs: 1_795_341_601_000,
    message,
    ...change,
  };
}

export const GROUP = { account: '111122223333', region: 'eu-west-1', logGroup: '/apigw/orders' };

export function stageOf(change: Partial<StageInventory> = {}): StageInventory {
  return {
    account: '111122223333',
    region: 'eu-west-1',
    apiId: 'ord001',
    apiName: 'orders',
    stage: 'prod',
    protocol: 'REST',
    tags: {},
    accessLogGroup: GROUP,
    earlierFormats: [],
    detailedMetrics: false,
    authorizers: {
      auth1: {
        authorizerId: 'auth1',
        name: 'orders-authorizer',
        kind: 'lambda_request',
        logGroup: { account: '444455556666', region: 'eu-west-1', logGroup: '/aws/lambda/orders-authorizer' },
        ttlMs: 300_000,
      },
    },
    routes: { 'GET /orders/{id}': 'auth1', 'POST /orders': 'iam', 'ANY /health': 'none' },
    ...change,
  };
}
