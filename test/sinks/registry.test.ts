import { expect, it } from 'vitest';
import { dynatraceOtlpConfig } from '../../src/sinks/dynatrace/config.ts';
import { createSinks } from '../../src/sinks/registry.ts';
import { splunkHecConfig } from '../../src/sinks/splunk/config.ts';
import { LOCALHOST_TLS } from '../http/localhost-tls.ts';
import { requestEntries } from './entries.ts';
import { PARTS } from './sink-harness.ts';
import { startFakeHec } from './splunk/fake-hec.ts';

const noFile = (path: string): string => {
  throw new Error(`Expected no file to be read, got ${path}`);
};

it('makes one sink per entry, in order, by its name', () => {
  const sinks = createSinks(
    {
      audit: splunkHecConfig.parse({
        type: 'splunk_hec',
        url: 'https://splunk.example.com:8088',
        token: 't',
        metrics: false,
      }),
      observe: dynatraceOtlpConfig.parse({
        type: 'dynatrace_otlp',
        url: 'https://dt.example.com/api/v2/otlp',
        token: 't',
        logs: false,
        maxBatch: 7,
      }),
    },
    { ...PARTS, readFile: noFile },
  );
  expect(sinks.map(({ name, streams, maxBatchEntries }) => ({ name, streams, maxBatchEntries }))).toEqual([
    { name: 'audit', streams: ['records', 'alarms'], maxBatchEntries: 1_000 },
    { name: 'observe', streams: ['metrics', 'alarms'], maxBatchEntries: 7 },
  ]);
});

it('trusts the authority in the file that is named', () => {
  const read: string[] = [];
  createSinks(
    {
      splunk: splunkHecConfig.parse({
        type: 'splunk_hec',
        url: 'https://splunk',
        token: 't',
        caFile: '/etc/ca.pem',
      }),
    },
    {
      ...PARTS,
      readFile: (path) => {
        read.push(path);
        return LOCALHOST_TLS.cert;
      },
    },
  );
  expect(read).toEqual(['/etc/ca.pem']);
});

it('sends through splunk-logging where that is asked for', async () => {
  const hec = await startFakeHec();
  const config = splunkHecConfig.parse({
    type: 'splunk_hec',
    url: hec.server.url,
    token: 'good',
    client: 'splunk_logging',
  });
  const [sink] = createSinks({ splunk: config }, { ...PARTS, readFile: noFile });
  const verdict = await sink?.send(requestEntries(2), new AbortController().signal);
  expect(verdict?.accepted).toEqual([1, 2]);
  expect(hec.server.received[0]?.headers).not.toHaveProperty('content-encoding');
  await sink?.close();
  await hec.close();
});
