/** Base of every error Gatewatch throws on purpose: a stable `code` for machines, a sentence for people, `cause` kept. */
export class GatewatchError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'GatewatchError';
    this.code = code;
  }
}

/** What a user wrote is wrong: the CLI prints the message alone, without a stack, and exits 1. */
export class UserError extends GatewatchError {
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.name = 'UserError';
  }
}

/** A window could not be read whole. The checkpoint must not move; the window is read again. */
export class IncompleteReadError extends GatewatchError {
  constructor(message: string, options?: ErrorOptions) {
    super('incomplete_read', message, options);
    this.name = 'IncompleteReadError';
  }
}

/**
 * The other side refuses us for a reason that retrying cannot mend (denied role, wrong token, missing group).
 * The unit is held, said once, and probed slowly.
 */
export class HeldError extends GatewatchError {
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.name = 'HeldError';
  }
}

/** Another worker has taken the journal over: this one must stop committing at once. */
export class FencedError extends GatewatchError {
  constructor(message: string, options?: ErrorOptions) {
    super('fenced', message, options);
    this.name = 'FencedError';
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function assertNever(value: never, what: string): never {
  throw new GatewatchError('unreachable', `Unexpected ${what}: ${JSON.stringify(value)}`);
}

/** The journal's file cannot be trusted any more: opening it anew moves it aside and begins a fresh one. */
export class JournalDamagedError extends GatewatchError {
  constructor(message: string, options?: ErrorOptions) {
    super('journal_damaged', message, options);
    this.name = 'JournalDamagedError';
  }
}
