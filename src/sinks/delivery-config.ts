import { duration, text, wholeNumber } from '../core/config-fields.ts';

/** Options that every sink has for how it delivers; spread into its schema. */
export const deliveryOptions = {
  maxBatch: wholeNumber(1, 10_000)
    .prefault(1_000)
    .meta({ description: 'Journal entries per batch, a count.', examples: [1_000] }),
  maxInFlight: wholeNumber(1, 64)
    .prefault(4)
    .meta({ description: 'Bodies under way at once, a count.', examples: [4] }),
  timeout: duration({ minMs: 1_000, maxMs: 300_000 })
    .prefault('30s')
    .meta({ description: 'Longest wait for one answer, a duration.', examples: ['30s'] }),
  caFile: text()
    .exactOptional()
    .meta({
      description: 'PEM file with the certificate authority to trust, relative to the configuration file.',
      examples: ['gateway-ca.pem'],
    }),
};
