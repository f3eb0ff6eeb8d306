import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { createRedactor } from '../../src/redact/redactor.ts';

const k1 = { id: 'k1', secret: new Secret('0123456789abcdef0123456789abcdef') };
const k2 = { id: 'k2', secret: 'fedcba9876543210fedcba9876543210' };

describe('pseudonyms', () => {
  it('are the first 128 bits of a keyed hash over kind and name', () => {
    const expected = createHmac('sha256', '0123456789abcdef0123456789abcdef')
      .update('customer\nC-1')
      .digest('base64url');
    const redactor = createRedactor({ keys: [k1], pseudonymise: ['customer'] });
    expect(redactor.pseudonym('customer', 'C-1')).toBe(`psn_k1_${expected.slice(0, 22)}`);
  });

  it('differ between a principal and a customer of the same name', () => {
    const redactor = createRedactor({ keys: [k1], pseudonymise: ['customer', 'principal'] });
    expect(redactor.pseudonym('customer', 'x')).not.toBe(redactor.pseudonym('principal', 'x'));
  });

  it('come back unchanged under every live key, and are hashed again under an unknown one', () => {
    const redactor = createRedactor({ keys: [k2, k1], pseudonymise: ['principal'] });
    const old = createRedactor({ keys: [k1], pseudonymise: ['principal'] }).pseudonym('principal', 'svc');
    expect(redactor.pseudonym('principal', old)).toBe(old);
    expect(redactor.pseudonym('principal', old.replace('k1', 'k9'))).toMatch(/^psn_k2_/);
  });

  it('are looked up under every live key, the current one first', () => {
    const redactor = createRedactor({ keys: [k2, k1], pseudonymise: ['principal'] });
    const found = redactor.pseudonymsUnderEveryKey('principal', 'svc');
    expect(found.map((pseudonym) => pseudonym.slice(0, 7))).toEqual(['psn_k2_', 'psn_k1_']);
    expect(found[0]).toBe(redactor.pseudonym('principal', 'svc'));
  });

  it('stay the same however many other names came between', () => {
    const redactor = createRedactor({ keys: [k1], pseudonymise: ['principal'] });
    const before = redactor.pseudonym('principal', 'svc');
    for (let index = 0; index < 25_000; index += 1) redactor.pseudonym('principal', `other-${index}`);
    expect(redactor.pseudonym('principal', 'svc')).toBe(before);
  });

  it('do not stand for kinds that stay clear, which are still redacted as text', () => {
    const redactor = createRedactor({ keys: [k1], pseudonymise: ['customer'] });
    expect(redactor.pseudonym('principal', 'svc-1')).toBe('svc-1');
    expect(redactor.pseudonym('principal', 'ada@example.com')).toBe('[redacted:email]');
    expect(redactor.pseudonymsUnderEveryKey('principal', 'svc-1')).toEqual(['svc-1']);
  });

  it('leave an empty name empty', () => {
    expect(createRedactor({ keys: [k1], pseudonymise: ['principal'] }).pseudonym('principal', '')).toBe('');
  });

  it.each([
    ['no key', [], /at least one key/],
    ['a short secret', [{ id: 'k1', secret: 'short' }], /at least 16 characters, got 5/],
    ['one id twice', [k1, k1], /its own id/],
    ['an id with an underscore', [{ id: 'k_1', secret: k2.secret }], /got `k_1`/],
  ])('refuse %s', (_, keys, message) => {
    expect(() => createRedactor({ keys, pseudonymise: ['principal'] })).toThrow(message);
  });
});
