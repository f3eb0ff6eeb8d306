import { isObject } from '../core/json.ts';

export interface HecToken {
  readonly token: string;
  /** Indexes the token may write to, the first being its default. Absent: any, by default `main`. */
  readonly indexes?: readonly string[];
  /** Indexer acknowledgement is on: a channel is needed, an ack id is given. */
  readonly ack?: boolean;
  readonly disabled?: boolean;
}

export interface DynatraceToken {
  readonly token: string;
  /** Absent: `metrics.ingest`, `logs.ingest` and `events.ingest`. */
  readonly scopes?: readonly string[];
}

export interface SandboxTokens {
  readonly hec: readonly HecToken[];
  readonly dynatrace: readonly DynatraceToken[];
}

/** Tokens in force, changeable while it runs so that a rotation can be rehearsed. */
export class TokenStore {
  #tokens: SandboxTokens;

  constructor(tokens: SandboxTokens) {
    this.#tokens = tokens;
  }

  replace(tokens: Partial<SandboxTokens>): void {
    this.#tokens = { ...this.#tokens, ...tokens };
  }

  hec(token: string): HecToken | undefined {
    return this.#tokens.hec.find((known) => known.token === token);
  }

  dynatrace(token: string): DynatraceToken | undefined {
    return this.#tokens.dynatrace.find((known) => known.token === token);
  }
}

/** Reads `{hecTokens?: [{token, indexes?, ack?, disabled?}], dynatraceTokens?: [{token, scopes?}]}`; a string says why not. */
export function readTokens(value: unknown): Partial<SandboxTokens> | string {
  if (!isObject(value)) return 'Expected an object with hecTokens or dynatraceTokens.';
  const hec = value.hecTokens === undefined ? undefined : readList(value.hecTokens, readHecToken);
  const dynatrace =
    value.dynatraceTokens === undefined ? undefined : readList(value.dynatraceTokens, readDynatraceToken);
  if (typeof hec === 'string') return `hecTokens: ${hec}`;
  if (typeof dynatrace === 'string') return `dynatraceTokens: ${dynatrace}`;
  return { ...(hec === undefined ? {} : { hec }), ...(dynatrace === undefined ? {} : { dynatrace }) };
}

function readList<Token>(
  value: unknown,
  read: (item: Record<string, unknown>, token: string) => Token,
): readonly Token[] | string {
  if (!Array.isArray(value)) return 'expected a list.';
  const tokens: Token[] = [];
  for (const item of value) {
    if (!isObject(item) || typeof item.token !== 'string') return 'expected objects with a `token`.';
    tokens.push(read(item, item.token));
  }
  return tokens;
}

function readHecToken(item: Record<string, unknown>, token: string): HecToken {
  return {
    token,
    ...(Array.isArray(item.indexes) ? { indexes: item.indexes.map(String) } : {}),
    ack: item.ack === true,
    disabled: item.disabled === true,
  };
}

function readDynatraceToken(item: Record<string, unknown>, token: string): DynatraceToken {
  return { token, ...(Array.isArray(item.scopes) ? { scopes: item.scopes.map(String) } : {}) };
}
