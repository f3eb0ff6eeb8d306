import type { IncomingMessage, ServerResponse } from 'node:http';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { GatewatchError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { oneLine } from './one-line.ts';

/** Our own metrics in the Prometheus text format, version 0.0.4. Has no server of its own. */
export interface PrometheusPage {
  readonly reader: PrometheusExporter;
  /** The page. Rejects with `GatewatchError` when collecting failed. */
  text(): Promise<string>;
  /**
   * Answers one request with the page, or with 503 and the reason. The exporter's own handler would answer 200 with an
   * empty page then, which looks healthy.
   */
  serve(request: IncomingMessage, response: ServerResponse): void;
}

export function createPrometheusPage(logger: Logger): PrometheusPage {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer('', false, undefined, false, true);
  const text = async (): Promise<string> => {
    const { resourceMetrics, errors } = await reader.collect();
    if (errors.length > 0) {
      throw new GatewatchError('metrics_not_collected', errors.map(messageOf).join('; '));
    }
    return `${serializer.serialize(resourceMetrics).trimEnd()}\n`;
  };
  return { reader, text, serve: (_request, response) => void answer(response, text, logger) };
}

async function answer(response: ServerResponse, text: () => Promise<string>, logger: Logger): Promise<void> {
  try {
    const page = await text();
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(page);
  } catch (error) {
    const reason = messageOf(error);
    logger.warn({ reason }, 'the metrics page could not be made');
    response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(oneLine(`metrics could not be collected: ${reason}`));
  }
}
