import { describe, expect, it } from 'vitest';
import { planSignal } from '../../src/alarms/log-signals.ts';
import { spacePattern } from '../../src/alarms/space-pattern.ts';
import { spacePattern as sandboxMatcher } from '../../src/sandbox/aws/space-filter-pattern.ts';
import { stage } from './files.ts';

const COMMON =
  '$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime]' +
  ' "$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength';
const WITH_PLACE = `${COMMON} $context.apiId $context.stage $context.error.responseType "$context.identity.userAgent"`;

function line(apiId: string, responseType: string): string {
  return `203.0.113.7 - - [22/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 500 12 ${apiId} prod ${responseType} "curl"`;
}

describe('a signal in a line of fields', () => {
  it('counts its own lines of the stage, whatever comes after the last field it asks for', () => {
    const plan = planSignal('auth.failures', stage('orders', { accessLogFormat: WITH_PLACE }));
    if (plan.kind !== 'filter') throw new Error(plan.reason);
    expect(plan.properties.filterPattern).toBe(
      '[f1, f2, f3, f4, f5, f6, f7, f8 = "id-orders", f9 = "prod", ' +
        'f10 = "AUTHORIZER_FAILURE" || f10 = "AUTHORIZER_CONFIGURATION_ERROR", ...]',
    );
    const counts = sandboxMatcher(String(plan.properties.filterPattern));
    expect(counts(line('id-orders', 'AUTHORIZER_FAILURE'))).toBe(true);
    expect(counts(line('id-orders', 'AUTHORIZER_CONFIGURATION_ERROR'))).toBe(true);
    expect(counts(`${line('id-orders', 'AUTHORIZER_FAILURE')} more`)).toBe(true);
    expect(counts(line('id-orders', '-'))).toBe(false);
    expect(counts(line('id-other', 'AUTHORIZER_FAILURE'))).toBe(false);
  });

  it.each([
    [
      'without API and stage',
      `${COMMON} $context.error.responseType`,
      'no field that is $context.apiId alone',
    ],
    [
      'with what a client writes before it',
      `"$context.identity.userAgent" $context.apiId $context.stage $context.error.responseType`,
      'may hold a space or a quote',
    ],
    [
      'with a time that is not in brackets',
      `$context.requestTime $context.apiId $context.stage $context.error.responseType`,
      'may hold a space or a quote',
    ],
    ['with commas', '$context.apiId,$context.stage,$context.error.responseType', 'alone'],
    ['with two spaces', '$context.apiId  $context.stage $context.error.responseType', 'no line of fields'],
  ])('is refused for a format %s', (_, accessLogFormat, words) => {
    const plan = planSignal('auth.failures', stage('orders', { accessLogFormat }));
    expect(plan).toMatchObject({ kind: 'refused', reason: expect.stringContaining(words) });
    expect(plan).toMatchObject({ reason: expect.stringContaining('alarms.publish: [auth.failures]') });
  });

  it('is refused without a field to count, which nobody else could publish either', () => {
    const accessLogFormat = '$context.apiId $context.stage $context.path';
    const plan = planSignal('auth.failures', stage('orders', { accessLogFormat }));
    expect(plan).toMatchObject({ reason: expect.stringContaining('no $context.error.responseType') });
    expect(plan).not.toMatchObject({ reason: expect.stringContaining('alarms.publish') });
  });

  it('is refused for a latency, since a hyphen is no number', () => {
    const format = '$context.apiId $context.stage $context.authorizer.latency';
    expect(planSignal('auth.latency', stage('orders', { accessLogFormat: format }))).toMatchObject({
      kind: 'refused',
    });
  });

  it('ends with its last field where nothing follows', () => {
    const made = spacePattern('$context.status $context.apiId', [{ variable: 'apiId', anyOf: ['a'] }]);
    expect(made).toEqual({ pattern: '[f1, f2 = "a"]' });
  });
});
