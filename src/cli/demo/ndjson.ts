import { GatewatchError } from '../../core/errors.ts';

/** Reads newline-delimited JSON as it arrives, one row at a time: the whole answer is never in memory. */
export async function* readNdjson<T>(url: string, signal: AbortSignal): AsyncGenerator<T> {
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null) {
    throw new GatewatchError('ndjson', `Expected JSON lines from ${url}, got HTTP ${response.status}`);
  }
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line);
  }
  if (rest.trim() !== '') yield JSON.parse(rest);
}
