import type { AuthorizerLineKind } from '../../model/part.ts';

/** What an error line says went wrong, in clear. */
export interface LoggedError {
  readonly type: string;
  readonly message: string;
  /** True when the runtime reports it: the invocation itself failed. False when the function logged and went on. */
  readonly endedInvocation: boolean;
}

/** What a line holds besides its form: objects to look values up in, and text. All in clear. */
export interface LineContent {
  readonly objects: readonly Readonly<Record<string, unknown>>[];
  /** `key=value` words of the text part. */
  readonly words: ReadonlyMap<string, string>;
  readonly text: string;
  readonly error?: LoggedError;
}

export type LineReading =
  | {
      readonly kind: 'invocation';
      readonly lambdaRequestId: string;
      readonly line: AuthorizerLineKind;
      readonly durationMs?: number;
      /** Set when the platform says that the invocation broke. */
      readonly failure?: string;
      readonly content?: LineContent;
    }
  /** A platform line about no invocation; `rule` names it in counts. */
  | { readonly kind: 'outside'; readonly rule: string }
  /** An application line that names no invocation. `outside` = it says itself that there was none. */
  | { readonly kind: 'nameless'; readonly content: LineContent; readonly outside: boolean };

/** `undefined` = not a line of this form. Never throws. */
export type FormReader = (message: string) => LineReading | undefined;

export const EMPTY_WORDS: ReadonlyMap<string, string> = new Map();

const LAMBDA_REQUEST_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function isLambdaRequestId(value: unknown): value is string {
  return typeof value === 'string' && LAMBDA_REQUEST_ID.test(value);
}
