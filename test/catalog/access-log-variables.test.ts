import { describe, expect, it } from 'vitest';
import { accessLogVariable, listedAccessLogVariables } from '../../src/catalog/access-log-variables.ts';

describe('access-log variables', () => {
  it('drop the API key and everything that no row allows', () => {
    for (const name of [
      'identity.apiKey',
      'identity.clientCert.clientCertPem',
      'authorizer.claims',
      'brandNew.thing',
    ]) {
      expect(accessLogVariable(name).target.kind, name).toBe('drop');
    }
  });

  it('take an unlisted authorizer property for a context property, whatever it is called', () => {
    expect(accessLogVariable('authorizer.orgCustomerId').target).toEqual({ kind: 'context' });
    expect(accessLogVariable('authorizer.claims.sub').target).toEqual({ kind: 'context' });
    expect(accessLogVariable('authorizer.constructor').target).toEqual({ kind: 'context' });
    expect(accessLogVariable('constructor').target.kind).toBe('drop');
  });

  it('count only what a called authorizer sets as proof of a call', () => {
    const proofs = listedAccessLogVariables().filter((name) => accessLogVariable(name).provesAuthorizerCall);
    expect(proofs.sort()).toEqual([
      'authorizer.integrationLatency',
      'authorizer.integrationStatus',
      'authorizer.latency',
      'authorizer.requestId',
      'authorizer.status',
    ]);
  });

  it('give a shared field to the variable with the lowest rank, without ties', () => {
    const ranks = new Map<string, string>();
    for (const name of listedAccessLogVariables()) {
      const { target, rank } = accessLogVariable(name);
      if (target.kind !== 'text' && target.kind !== 'number') continue;
      const key = `${target.field} ${rank}`;
      expect(ranks.get(key), `${name} and ${ranks.get(key)} tie for ${key}`).toBeUndefined();
      ranks.set(key, name);
    }
  });
});
