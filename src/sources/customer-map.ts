import type { CustomerSource } from '../model/request-record.ts';
import type { Redactor } from '../redact/redactor.ts';

/** Who a line speaks of, in clear: lives only between parsing and redaction. */
export interface ClearParty {
  readonly principal?: string;
  readonly customer?: string;
}

export interface Party {
  readonly principal?: string;
  readonly customer?: string;
  readonly customerSource?: CustomerSource;
}

/**
 * Names principal and customer for a part. The configured principal → customer map is asked in clear, before
 * pseudonyms are made; it counts only where the line itself names no customer.
 */
export function nameParty(
  clear: ClearParty,
  settings: {
    readonly redactor: Redactor;
    readonly customerOf: ReadonlyMap<string, string>;
    readonly ownSource: Extract<CustomerSource, 'authorizer_context' | 'authorizer_log'>;
  },
): Party {
  const { principal } = clear;
  const party: { -readonly [K in keyof Party]: Party[K] } = {};
  if (principal !== undefined) party.principal = settings.redactor.pseudonym('principal', principal);
  const customer =
    clear.customer ?? (principal === undefined ? undefined : settings.customerOf.get(principal));
  if (customer === undefined) return party;
  party.customer = settings.redactor.pseudonym('customer', customer);
  party.customerSource = clear.customer === undefined ? 'principal_map' : settings.ownSource;
  return party;
}
