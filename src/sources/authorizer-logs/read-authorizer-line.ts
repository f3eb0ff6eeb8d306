import { readConsoleLine } from './console-line.ts';
import type { ValueFinder } from './find-values.ts';
import { readJsonLine, readLambdaJson, readPlatformJson, readPowertools } from './json-lines.ts';
import { contentOfObject, contentOfText, parseJsonObject } from './line-content.ts';
import type { FormReader, LineContent, LineReading } from './line-reading.ts';
import { readPlatformText } from './platform-text.ts';
import type { AuthorizerPreset } from './settings.ts';

/**
 * Reads one line under a preset: platform lines of both modes first, then the preset's application lines. What is left
 * is an application line of unknown form, which belongs to an invocation only if its own values or its neighbours
 * in the stream say so.
 */
export function createLineReader(
  preset: AuthorizerPreset,
  finder: ValueFinder,
): (message: string) => LineReading {
  const forms = FORMS[preset];
  return (message) => {
    for (const form of forms) {
      const reading = form(message);
      if (reading !== undefined) return reading;
    }
    return readByOwnId(contentOf(message), finder);
  };
}

const jsonForms =
  (...forms: Parameters<typeof readJsonLine>[1]): FormReader =>
  (message) =>
    readJsonLine(message, forms);

/** A Powertools line may also come through `console`, and every function's errors come in the runtime's own form. */
const FORMS: Readonly<Record<AuthorizerPreset, readonly FormReader[]>> = {
  auto: [jsonForms(readPlatformJson, readPowertools, readLambdaJson), readPlatformText, readConsoleLine],
  text: [jsonForms(readPlatformJson), readPlatformText, readConsoleLine],
  lambda_json: [jsonForms(readPlatformJson, readLambdaJson), readPlatformText],
  powertools: [jsonForms(readPlatformJson, readPowertools), readPlatformText, readConsoleLine],
  custom: [jsonForms(readPlatformJson), readPlatformText, readConsoleLine],
};

function contentOf(message: string): LineContent {
  const text = message.trimEnd();
  const object = parseJsonObject(text);
  return object === undefined ? contentOfText(text) : contentOfObject(object, text);
}

function readByOwnId(content: LineContent, finder: ValueFinder): LineReading {
  const id = finder.find('lambdaRequestId', content);
  if (id === undefined || !/^[A-Za-z0-9-]{8,64}$/.test(id))
    return { kind: 'nameless', content, outside: false };
  return { kind: 'invocation', lambdaRequestId: id, line: 'application', content };
}
