import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inAscii } from '../../deploy/bundle.ts';
import { type LocalServer, startLocalServer } from '../http/local-server.ts';
import { RehearsedFleet } from '../pipeline/rehearsed-runtime.ts';
import { BundledCommand } from './bundled-command.ts';

const ROLE = 'arn:aws:iam::111122223333:role/worker';

let command: BundledCommand;
beforeAll(async () => {
  command = await BundledCommand.build();
}, 30_000);
afterAll(() => command?.dispose());

describe('the bundle, with no node_modules in reach', () => {
  it('tells its version and its commands', async () => {
    const { version } = JSON.parse(readFileSync(join(command.folder, 'package.json'), 'utf8'));
    const [told, help] = await Promise.all([command.run(['--version']), command.run(['--help'])]);
    expect(told).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('alarms') });
  });

  it('validates the alarms that come with the package', async () => {
    const { code, stdout, stderr } = await command.run(['alarms', 'validate']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^\d+ files are valid/);
  });

  it('carries the licences of what is in it, and is of ASCII alone', () => {
    const dist = join(command.folder, 'dist');
    const notices = readFileSync(join(dist, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
    expect(notices).toMatch(/^zod [\d.]+ \(MIT\)$/m);
    expect(notices).toContain('Permission is hereby granted, free of charge');
    for (const file of ['cli/main.js', 'lazy/start.js'])
      expect(readFileSync(join(dist, file), 'utf8')).not.toMatch(/[^\0-\x7f]/);
  });

  it('names functions and lines in a stack, and prints no long line of code with it', async () => {
    const manifest = join(command.folder, 'package.json');
    const text = readFileSync(manifest, 'utf8');
    const { code, stderr } = await runWith(manifest, '{"name":"other","type":"module"}');
    expect(readFileSync(manifest, 'utf8')).toBe(text);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/Expected the package\.json of gatewatch/);
    expect(stderr).toMatch(/at ownPackage .*dist\/lazy\/own-package\.js:\d+:\d{1,3}\)/);
    expect(stderr.length).toBeLessThan(3_000);
    const program = readFileSync(join(command.folder, 'dist/lazy/start.js'), 'utf8');
    expect(program.split('\n').length).toBeGreaterThan(20_000);
  });

  it('says in one line which Node it needs, before it loads what an older one lacks', async () => {
    const manifest = join(command.folder, 'package.json');
    const { engines, ...rest } = JSON.parse(readFileSync(manifest, 'utf8'));
    const start = join(command.folder, 'dist/lazy/start.js');
    const program = readFileSync(start, 'utf8');
    writeFileSync(start, `import 'node:of-a-later-node';\n${program}`);
    try {
      const ended = await runWith(manifest, JSON.stringify({ ...rest, engines: { node: '>=999.1.0' } }));
      expect(ended).toEqual({
        code: 1,
        stdout: '',
        stderr: `Expected Node >= 999.1.0 (engines in package.json of gatewatch), got ${process.version}: install Node 999.1.0 or newer, or start this with one that is.\n`,
      });
    } finally {
      writeFileSync(start, program);
    }
    expect(engines).toEqual({ node: expect.stringMatching(/^>=\d+\.\d+\.\d+$/) });
  });

  /** Tells its version beside another package.json, for as long as that takes. */
  async function runWith(manifest: string, text: string) {
    const before = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, text);
    try {
      return await command.run(['--version']);
    } finally {
      writeFileSync(manifest, before);
    }
  }
});

describe('a worker of the bundle', () => {
  let fleet: RehearsedFleet;
  let collector: LocalServer;
  beforeAll(async () => {
    collector = await startLocalServer(() => ({ status: 200 }));
    fleet = await RehearsedFleet.start({ minutes: 1, ratePerSecond: 2, historyToMs: Date.now() - 600_000 });
    const telemetry = `telemetry: { otlp: { url: '${collector.url}' } }\n`;
    writeFileSync(join(fleet.folder, 'gatewatch.yaml'), `${fleet.configText('bundle.db')}${telemetry}`);
  });
  afterAll(async () => {
    await fleet?.dispose();
    await collector?.close();
  });

  it('reads the whole fleet, delivers to both sinks and tells of itself over OTLP', async () => {
    const env = {
      AWS_ENDPOINT_URL: fleet.rehearsal.sandbox.url,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'AKIAREHEARSAL',
      AWS_SECRET_ACCESS_KEY: 'rehearsal',
    };
    const checked = await command.run(['config', 'check'], { cwd: fleet.folder, env });
    expect(checked).toMatchObject({ code: 0, stderr: '' });
    const { code, stderr } = await command.run(['once'], { cwd: fleet.folder, env });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    for (const sink of ['splunk', 'dynatrace']) {
      const accepted = await fetch(`${fleet.rehearsal.sandbox.url}/_sandbox/accepted/${sink}`);
      expect((await accepted.text()).split('\n').length).toBeGreaterThan(50);
    }
    expect(new Set(collector.received.map(({ path }) => path))).toEqual(
      new Set(['/v1/traces', '/v1/metrics']),
    );
  }, 30_000);
});

/** Modules of the SDK that nothing loads before the chain comes to them. */
describe('the bundle finds credentials', () => {
  let aws: LocalServer;
  beforeAll(async () => {
    aws = await startLocalServer(({ path, body }) => {
      if (path === '/container') return { status: 200, body: JSON.stringify(keys('AKIACONTAINER')) };
      if (body.includes('AssumeRoleWithWebIdentity')) return { status: 200, body: webIdentityAnswer() };
      return { status: 403, body: JSON.stringify({ __type: 'AccessDeniedException', message: 'no' }) };
    });
    const files = {
      'aws-token': 'a.b.c',
      'aws-profile': '[other]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = secret\n',
      'credentials.yaml': CREDENTIALS_CONFIG,
      'k.key': '0123456789abcdef0123456789abcdef',
      'hec.token': 'token',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(command.folder, name), text);
  });
  afterAll(() => aws?.close());

  it.each<[string, string, () => NodeJS.ProcessEnv]>([
    ['in a profile', 'AKIAPROFILE', () => ({ AWS_PROFILE: 'other' })],

    [
      'of a web identity',
      'AKIAWEBIDENTITY',
      () => ({ AWS_WEB_IDENTITY_TOKEN_FILE: 'aws-token', AWS_ROLE_ARN: ROLE }),
    ],
    [
      'of a container',
      'AKIACONTAINER',
      () => ({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${aws.url}/container` }),
    ],
  ])('%s', async (_, key, variables) => {
    aws.received.length = 0;
    const env = {
      AWS_ENDPOINT_URL: aws.url,
      AWS_REGION: 'eu-west-1',
      AWS_SHARED_CREDENTIALS_FILE: 'aws-profile',
      AWS_CONFIG_FILE: 'none',
      AWS_EC2_METADATA_DISABLED: 'true',
      ...variables(),
    };
    const { stderr } = await command.run(['alarms', 'coverage', '-c', 'credentials.yaml'], { env });
    const signed = aws.received.map(({ headers }) => headers.authorization ?? '');
    expect(signed.join('\n'), stderr).toContain(`Credential=${key}/`);
  });
});

const CREDENTIALS_CONFIG = `version: 1
accounts: { central: { accountId: '111122223333', regions: [eu-west-1] } }
redaction: { keys: [{ id: k1, secret: '\${file:k.key}' }] }
journal: { path: credentials.db }
sinks:
  splunk: { type: splunk_hec, url: 'http://127.0.0.1:9', token: '\${file:hec.token}', index: apigw }
`;

function keys(id: string) {
  const Expiration = new Date(Date.now() + 3_600_000).toISOString();
  return {
    AccessKeyId: id,
    SecretAccessKey: 'secret',
    Token: 'session',
    SessionToken: 'session',
    Expiration,
  };
}

function webIdentityAnswer(): string {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = keys('AKIAWEBIDENTITY');
  return `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
    <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${AccessKeyId}</AccessKeyId>
    <SecretAccessKey>${SecretAccessKey}</SecretAccessKey><SessionToken>${SessionToken}</SessionToken>
    <Expiration>${Expiration}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
    </AssumeRoleWithWebIdentityResponse>`;
}

describe('a program in ASCII', () => {
  it('means the same', () => {
    const program = `(() => ['…é🚪', \`→\${1}\`, /[é🚪]/u.test('🚪'), '\\\\…'])()`;
    const escaped = inAscii(program);
    expect(escaped).not.toMatch(/[^\0-\x7f]/);
    // biome-ignore lint/security/noGlobalEval: what it evaluates is written above
    expect(eval(escaped)).toEqual(['…é🚪', '→1', true, '\\…']);
  });

  it('is refused where an escape would change the meaning', () => {
    expect(() => inAscii('/\\é/')).toThrow('Expected no backslash before a character beyond ASCII');
  });
});
