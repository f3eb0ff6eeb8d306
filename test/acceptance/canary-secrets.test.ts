import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRuntime } from '../../src/cli/worker/runtime.ts';
import type { GatewatchConfig } from '../../src/config/gatewatch-config.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { printConfigJson, printConfigYaml } from '../../src/config/print-config.ts';
import { createSystemClock } from '../../src/core/clock.ts';
import type { Logger } from '../../src/core/logger.ts';
import type { LaneSettings } from '../../src/pipeline/drain-lane.ts';
import { createTelemetry, type Telemetry } from '../../src/telemetry/telemetry.ts';
import { type LocalServer, startLocalServer } from '../http/local-server.ts';
import { RehearsedFleet } from '../pipeline/rehearsed-runtime.ts';
import { until } from '../support/fake-clock.ts';
import { textOf } from './truth.ts';

/** One for every secret a configuration can hold, and for the AWS key; none looks like a secret that a rule would find. */
const CANARY = {
  hec: 'canary-hec-a1b2c3d4e5',
  wrongHec: 'canary-wrong-hec-f6a7b8c9',
  dynatrace: 'canary-dynatrace-d0e1f2a3',
  key: 'canary-pseudonym-key-b4c5d6e7',
  oldKey: 'canary-old-pseudonym-key-f8a9b0c1',
  otlp: 'canary-otlp-header-d2e3f4a5',
  aws: 'canary-aws-secret-b6c7d8e9',
};

const QUICK: LaneSettings = { firstRetryMs: 10, maxRetryMs: 50, heldProbeMs: 40, batchesInFlight: 3 };

let fleet: RehearsedFleet;
let receiver: LocalServer;
let telemetry: Telemetry | undefined;
/** Whatever was shown to anybody, by the place it was shown at. */
const shown = new Map<string, string>();

beforeAll(async () => {
  fleet = await RehearsedFleet.start({
    minutes: 2,
    ratePerSecond: 4,
    historyToMs: Date.UTC(2026, 10, 22, 10, 0),
  });
  receiver = await startLocalServer(() => ({ status: 200 }));
});
afterAll(async () => {
  await telemetry?.shutdown();
  await receiver.close();
  await fleet.dispose();
});

function fileOf(name: string, text: string): string {
  writeFileSync(join(fleet.folder, name), text);
  return ['$', '{file:', name, '}'].join('');
}

function configText(): string {
  fileOf('pseudonym.key', CANARY.key);
  fileOf('hec.token', CANARY.wrongHec);
  fileOf('dynatrace.token', CANARY.dynatrace);
  const oldKey = `\n    - id: k0\n      secret: ${fileOf('old.key', CANARY.oldKey)}`;
  const header = fileOf('otlp.token', CANARY.otlp);
  return (
    fleet
      .configText('canary-secrets.db')
      .replace(/(redaction:\n {2}keys:\n(?: {4}.*\n)+)/, (keys) => `${keys.trimEnd()}${oldKey}\n`) +
    `telemetry:\n  otlp:\n    url: ${receiver.url}\n    headers:\n      authorization: ${header}\n`
  );
}

function load(text: string): GatewatchConfig {
  const path = join(fleet.folder, 'gatewatch.yaml');
  const loaded = loadConfig({ path, text, env: {}, readFile: (file) => readFileSync(file, 'utf8') });
  if (!loaded.ok) throw new Error(`Expected a valid configuration, got ${JSON.stringify(loaded.problems)}`);
  return loaded.config;
}

async function setTokens(): Promise<void> {
  const hec = [{ token: CANARY.hec, indexes: ['apigw'] }];
  const body = JSON.stringify({ hecTokens: hec, dynatraceTokens: [{ token: CANARY.dynatrace }] });
  const response = await fetch(`${fleet.rehearsal.sandbox.url}/_sandbox/tokens`, { method: 'POST', body });
  expect(response.status).toBe(200);
}

/** Keeps what was handed to the log as it was, deeper than any line of it shows. */
function keeping(logger: Logger, kept: string[]): Logger {
  const at = (level: keyof Logger): Logger['info'] => {
    return (fields, message) => {
      kept.push(inspect({ ...fields, message }, { depth: 12, showHidden: true }));
      logger[level](fields, message);
    };
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

it('no secret of the configuration is shown anywhere: sinks, journal, logs, metrics, errors, printed forms', async () => {
  process.env.AWS_SECRET_ACCESS_KEY = CANARY.aws;
  await setTokens();
  const config = load(configText());
  const lines: string[] = [];
  const kept: string[] = [];
  const { otlp } = config.telemetry ?? {};
  telemetry = createTelemetry({
    version: 'test',
    instanceId: 'test',
    clock: createSystemClock(),
    logLevel: 'debug',
    logDestination: { write: (line) => void lines.push(line) },
    ...(otlp === undefined ? {} : { otlp }),
  });
  const { meter, tracer } = telemetry;
  const logger = keeping(telemetry.logger, kept);
  const runtime = await createRuntime(config, { ...fleet.deps(), logger, meter, tracer, lanes: QUICK });
  const stop = new AbortController();
  const running = runtime.worker.run(stop.signal);
  const isHeld = (sink: string) =>
    runtime.lanes.some(({ id, status }) => id.sink === sink && status.held !== undefined);
  // First with a wrong token, so that refusals and their reasons are among what is searched.
  await until(() => isHeld('splunk'), 'the wrong token holds Splunk');
  shown.set('held reasons', JSON.stringify(runtime.lanes.map(({ status }) => status)));
  fileOf('hec.token', CANARY.hec);
  const pending = async () =>
    (await runtime.journal.lanes()).reduce((sum, lane) => sum + (lane.pending ?? 0), 0);
  const taken = async () => (await textOf(fleet, 'accepted/splunk')).length;
  await until(async () => (await taken()) > 10_000 && (await pending()) === 0, 'everything is delivered');
  shown.set('/metrics', await telemetry.metricsText());
  shown.set('dead letters', JSON.stringify(await runtime.journal.deadLetters()));
  shown.set('ledger', JSON.stringify(await runtime.journal.ledger(0, fleet.nowMs)));
  // Files as they stand while the worker runs: its write-ahead log is full of what is not yet in the main file.
  for (const name of readdirSync(fleet.folder).filter((one) => one.startsWith('canary-secrets.db'))) {
    shown.set(name, readFileSync(join(fleet.folder, name), 'latin1'));
  }
  stop.abort(new Error('the test is over'));
  await running;
  await runtime.close();
  await telemetry.shutdown();
  shown.set('Splunk', await textOf(fleet, 'accepted/splunk'));
  shown.set('Dynatrace', await textOf(fleet, 'accepted/dynatrace'));
  shown.set('our own log', lines.join(''));
  shown.set('what was logged, as objects', kept.join('\n'));
  shown.set('OTLP bodies', receiver.received.map(({ body }) => body.toString('latin1')).join('\n'));
  shown.set('config print', printConfigYaml(config) + printConfigJson(config));
  shown.set('config in a dump', inspect(config, { depth: 20, showHidden: true }) + JSON.stringify(config));
  shown.set('runtime in a dump', inspect(runtime, { depth: 12, showHidden: true }));
  shown.set('errors', errorsOver(config));

  expect(receiver.received.some(({ headers }) => headers.authorization === CANARY.otlp)).toBe(true);
  expect(shown.get('canary-secrets.db-wal')?.length).toBeGreaterThan(10_000);
  expect(shown.get('/metrics')).toContain('gatewatch_lane_accepted_total');
  expect(shown.get('held reasons')).toMatch(/token/);
  expect(shown.get('what was logged, as objects')).toContain('lane held');
  expect(shown.get('config in a dump')).toContain('***');
  expect(shown.get('errors')).toContain('redaction.keys[0].secret');
  for (const [place, text] of shown) {
    const leaked = Object.entries(CANARY).filter(([, canary]) =>
      written(canary).some((form) => text.includes(form)),
    );
    expect(leaked, `secrets in ${place}`).toEqual([]);
  }
}, 60_000);

/** A secret may be quoted, escaped, or packed for a header. */
function written(canary: string): readonly string[] {
  return [
    canary,
    canary.toUpperCase(),
    Buffer.from(canary).toString('base64').replace(/=*$/, ''),
    Buffer.from(canary).toString('hex'),
    canary.replaceAll('-', ''),
  ];
}

/** What a person sees of errors that a configuration with secrets can lead to. */
function errorsOver(config: GatewatchConfig): string {
  const said: unknown[] = [new Error(`sinks: ${Object.values(config.sinks).map(({ token }) => token)}`)];
  for (const name of ['hec.token', 'pseudonym.key']) {
    fileOf(name, 'short');
    const wrong = configLike();
    said.push(loadConfig(wrong), loadConfig({ ...wrong, text: `${wrong.text}\n${CANARY.hec}: [1\n` }));
    said.push(loadConfig({ ...wrong, text: wrong.text.replace(/token: .*/g, `token: [${CANARY.hec}]`) }));
    said.push(
      loadConfig({ ...wrong, text: wrong.text.replace(/secret: .*/g, `secret: "${CANARY.key}\\q"`) }),
    );
  }
  return said
    .map((error) => `${inspect(error, { depth: 12, showHidden: true })}\n${JSON.stringify(error)}`)
    .join('\n');
}

function configLike() {
  const path = join(fleet.folder, 'gatewatch.yaml');
  return {
    path,
    text: fleet.configText('x.db'),
    env: {},
    readFile: (file: string) => readFileSync(file, 'utf8'),
  };
}
