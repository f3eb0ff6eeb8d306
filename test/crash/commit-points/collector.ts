import { json } from '../../http/local-server.ts';
import { startFakeHec } from '../../sinks/splunk/fake-hec.ts';

export interface Collector {
  readonly url: string;
  /** Ids of events as they were taken, repeats included. */
  taken(): readonly string[];
  close(): Promise<void>;
}

/** An event collector that refuses the token of its first request. */
export async function startCollector(): Promise<Collector> {
  const hec = await startFakeHec();
  let requests = 0;
  hec.intercept = () => {
    requests += 1;
    return requests === 1 ? json(403, { text: 'Invalid token', code: 4 }) : undefined;
  };
  return {
    url: hec.server.url,
    taken: () => hec.indexed.map(({ fields }) => String(fields.event_id)),
    close: () => hec.close(),
  };
}
