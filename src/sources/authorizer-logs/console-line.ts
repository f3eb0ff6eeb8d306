import { contentOfText, loggedError, parseJsonObject } from './line-content.ts';
import {
  EMPTY_WORDS,
  isLambdaRequestId,
  type LineContent,
  type LineReading,
  type LoggedError,
} from './line-reading.ts';

const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/;
const LEVEL = /^(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL)$/;

/** What the Node runtime writes before an error that ended the invocation or the process. */
const RUNTIME_ERROR = /^(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection)\s{1,4}/;

const STACK =
  /^(?:Uncaught )?([A-Za-z_$][\w$.]{0,63}(?:Error|Exception)|Error): ([^\r\n]{0,2048})[\r\n]+\s+at /;

/**
 * A line of `console.*` in text mode: `<ISO time>\t<request id>\t<LEVEL>\t<text>`. Outside an invocation the id is the
 * word `undefined`. Python's logger puts `[LEVEL]` first.
 */
export function readConsoleLine(message: string): LineReading | undefined {
  const head = headOf(message);
  if (head === undefined) return undefined;
  const content = contentOfConsole(head.text);
  if (!isLambdaRequestId(head.id)) return { kind: 'nameless', content, outside: true };
  return {
    kind: 'invocation',
    lambdaRequestId: head.id,
    line: content.error === undefined ? 'application' : 'error',
    content,
  };
}

interface Head {
  readonly id: string;
  readonly text: string;
}

function headOf(message: string): Head | undefined {
  const first = message.indexOf('\t');
  const second = first < 0 ? -1 : message.indexOf('\t', first + 1);
  const third = second < 0 ? -1 : message.indexOf('\t', second + 1);
  if (third < 0 || third > 128) return undefined;
  const [a, b, c] = [
    message.slice(0, first),
    message.slice(first + 1, second),
    message.slice(second + 1, third),
  ];
  const text = message.slice(third + 1).trimEnd();
  if (ISO_TIME.test(a) && LEVEL.test(c)) return { id: b, text };
  const isPython = a.startsWith('[') && a.endsWith(']') && LEVEL.test(a.slice(1, -1)) && ISO_TIME.test(b);
  return isPython ? { id: c, text } : undefined;
}

function contentOfConsole(text: string): LineContent {
  const marker = RUNTIME_ERROR.exec(text)?.[0];
  const error = marker === undefined ? stackError(text) : runtimeError(text.slice(marker.length));
  if (error !== undefined) return { objects: [], words: EMPTY_WORDS, text, error };
  return contentOfText(text);
}

function runtimeError(text: string): LoggedError {
  const object = parseJsonObject(text);
  const error = object === undefined ? undefined : loggedError(object, true);
  return error ?? { type: 'Error', message: '', endedInvocation: true };
}

/** A stack trace that the function itself logged: it may have gone on and decided. */
function stackError(text: string): LoggedError | undefined {
  const match = STACK.exec(text);
  return match === null
    ? undefined
    : { type: match[1] ?? 'Error', message: match[2] ?? '', endedInvocation: false };
}
