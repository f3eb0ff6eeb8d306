/** A value that a field of a space-delimited line must have one of. */
export interface FieldCondition {
  /** `$context` variable without `$context.`. */
  readonly variable: string;
  readonly anyOf: readonly string[];
}

/** Variables whose values never hold a space, so that one of them is one field without quotes. */
const ONE_WORD = new Set([
  'accountId',
  'apiId',
  'authorizer.integrationLatency',
  'authorizer.latency',
  'authorizer.requestId',
  'authorizer.status',
  'domainName',
  'error.responseType',
  'extendedRequestId',
  'httpMethod',
  'identity.accountId',
  'identity.caller',
  'identity.sourceIp',
  'identity.user',
  'integrationLatency',
  'integrationStatus',
  'protocol',
  'requestId',
  'requestTimeEpoch',
  'resourceId',
  'resourcePath',
  'responseLatency',
  'responseLength',
  'stage',
  'status',
]);
/** In quotes or brackets also what has spaces; what a client writes may hold a quote, which would end the field early. */
const WRITTEN_BY_US = new Set([...ONE_WORD, 'requestTime', 'routeKey']);

const TOKEN = /\[([^\]]*)\]|"([^"]*)"|([^\s"[\]]+)/g;
const VARIABLE = /\$context\.([A-Za-z0-9_.]*[A-Za-z0-9_])/g;

/**
 * Filter pattern for a line of fields with one space between them (Common Log Format and its like), or a text that says
 * why no pattern is exact. Fields are counted, so a field before the last one asked for that may hold a space or a quote
 * would shift all others. Source: CloudWatch Logs user guide, "Using filter patterns", space-delimited events.
 */
export function spacePattern(
  format: string,
  conditions: readonly FieldCondition[],
): { readonly pattern: string } | { readonly reason: string } {
  const fields = fieldsOf(format);
  if (fields === undefined) return { reason: 'it is no line of fields with single spaces between them' };
  const places = conditions.map(({ variable }) => fields.findIndex((field) => field.only === variable));
  const missing = conditions.find((_, index) => (places[index] ?? -1) < 0);
  if (missing !== undefined) return { reason: `it has no field that is $context.${missing.variable} alone` };
  const last = Math.max(...places);
  const loose = fields.slice(0, last).find(({ isSolid }) => !isSolid);
  if (loose !== undefined) {
    return {
      reason: `${loose.text} may hold a space or a quote, and stands before a field that is asked for`,
    };
  }
  const parts = fields.slice(0, last + 1).map((_, index) => {
    const condition = conditions[places.indexOf(index)];
    const name = `f${index + 1}`;
    return condition === undefined
      ? name
      : condition.anyOf.map((value) => `${name} = "${value}"`).join(' || ');
  });
  return { pattern: `[${[...parts, ...(last + 1 < fields.length ? ['...'] : [])].join(', ')}]` };
}

interface Field {
  readonly text: string;
  /** The variable that is the whole field. */
  readonly only: string | undefined;
  /** It is one field in every line. */
  readonly isSolid: boolean;
}

function fieldsOf(format: string): readonly Field[] | undefined {
  const line = format.trim();
  const tokens = [...line.matchAll(TOKEN)];
  if (tokens.map(([text]) => text).join(' ') !== line) return undefined;
  return tokens.map(([text, bracketed, quoted, bare]) => {
    const inner = bracketed ?? quoted ?? bare ?? '';
    const variables = [...inner.matchAll(VARIABLE)].map((match) => match[1] ?? '');
    const known = bare === undefined ? WRITTEN_BY_US : ONE_WORD;
    const [only] = variables;
    return {
      text,
      only: inner === `$context.${only}` ? only : undefined,
      isSolid: variables.every((variable) => known.has(variable)),
    };
  });
}
