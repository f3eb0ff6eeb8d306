import { stringify } from 'yaml';
import { formatDuration } from '../core/duration.ts';
import { CENTRAL_ACCOUNT, FLEET, IDENTITY_ACCOUNT } from './fleet.ts';
import type { FleetAuthorizer, LogForm } from './fleet-model.ts';
import { CUSTOMER_BY_PRINCIPAL } from './traffic-people.ts';
import type { World } from './world.ts';

/** Where a rehearsal keeps its things. Paths may be relative to the configuration file. */
export interface RehearsalPlaces {
  /** Address of the sandbox, without a path. */
  readonly url: string;
  readonly journalPath: string;
  readonly pseudonymKeyFile: string;
  readonly hecTokenFile: string;
  readonly dynatraceTokenFile: string;
}

/** What the role of the second account asks for. */
export const REHEARSAL_EXTERNAL_ID = 'gatewatch-rehearsal';

/**
 * The `gatewatch.yaml` with which the product reads this world: what a user who knows the fleet would write. It says
 * what no listing tells: the format of the past, where one function logs, how another one writes, who the services are.
 */
export function rehearsalConfig(world: World, places: RehearsalPlaces): string {
  const historyMs = world.historyToMs - world.historyFromMs + world.longestLagMs;
  const firstRead = formatDuration(Math.ceil((historyMs + 600_000) / 600_000) * 600_000);
  return stringify(
    {
      version: 1,
      accounts: accountsOf(world),
      accessLogs: { earlierFormats: earlierFormats() },
      authorizers: FLEET.flatMap((api) => (api.authorizer === undefined ? [] : [ruleFor(api.authorizer)])),
      customers: { fromPrincipal: CUSTOMER_BY_PRINCIPAL },
      metrics: { firstRead, levels: ['stage', 'api', 'detailed'] },
      logs: { firstRead, slice: '1h' },
      redaction: { keys: [{ id: 'k1', secret: fileReference(places.pseudonymKeyFile) }] },
      journal: { path: places.journalPath },
      sinks: {
        splunk: {
          type: 'splunk_hec',
          url: places.url,
          token: fileReference(places.hecTokenFile),
          index: 'apigw',
        },
        dynatrace: {
          type: 'dynatrace_otlp',
          url: `${places.url}/api/v2/otlp`,
          token: fileReference(places.dynatraceTokenFile),
        },
      },
    },
    { lineWidth: 0 },
  );
}

function fileReference(path: string): string {
  return ['$', '{file:', path, '}'].join('');
}

function accountsOf(world: World): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    world.accounts.map(({ accountId, regions }) => [
      nameOf(accountId),
      {
        accountId,
        regions,
        ...(accountId === CENTRAL_ACCOUNT
          ? {}
          : { roleArn: `arn:aws:iam::${accountId}:role/gatewatch`, externalId: REHEARSAL_EXTERNAL_ID }),
      },
    ]),
  );
}

function nameOf(accountId: string): string {
  return accountId === IDENTITY_ACCOUNT ? 'identity' : 'central';
}

function earlierFormats(): readonly Readonly<Record<string, string>>[] {
  return FLEET.flatMap((api) =>
    api.stages.flatMap(({ name, earlierFormat }) =>
      earlierFormat === undefined ? [] : [{ api: api.name, stage: name, format: earlierFormat.text }],
    ),
  );
}

const PRESET_BY_FORM: Readonly<Record<LogForm, string>> = {
  text: 'text',
  lambda_json: 'lambda_json',
  powertools: 'powertools',
  pipe: 'custom',
};

function ruleFor({ name, function: fn }: FleetAuthorizer): Readonly<Record<string, unknown>> {
  const hasOwnGroup = fn.logGroup !== `/aws/lambda/${fn.name}`;
  const logGroup = { account: nameOf(fn.account), region: fn.region, name: fn.logGroup };
  return {
    match: { name },
    ...(hasOwnGroup ? { logGroup } : {}),
    preset: PRESET_BY_FORM[fn.form],
    ...(fn.form === 'pipe' ? { fields: PIPE_FIELDS } : {}),
  };
}

/** Reads `ts|AUTHZ|rid=…|verdict=ALLOWED|sub=…|org=…|why=…|gw=…`. */
const PIPE_FIELDS = {
  lambdaRequestId: { key: 'rid' },
  decision: { key: 'verdict' },
  allow: ['ALLOWED'],
  deny: ['REFUSED'],
  principal: { key: 'sub' },
  customer: { key: 'org' },
  reason: { key: 'why' },
  gatewayRequestId: { key: 'gw' },
};
