import type { Reply } from '../http-exchange.ts';
import { AwsError, escapeXml } from './aws-errors.ts';
import { assumedAccessKey, type Caller } from './caller.ts';
import type { AwsContext } from './operation.ts';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';
const ROLE_ARN = /^arn:aws[a-z-]*:iam::(\d{12}):role\/(?:.*\/)?([\w+=,.@-]+)$/;

/** STS of the Query protocol: form in, XML out. */
export function runSts(context: AwsContext, caller: Caller, form: URLSearchParams): Reply {
  const action = form.get('Action');
  if (action === 'GetCallerIdentity') return callerIdentity(caller);
  if (action === 'AssumeRole') return assumeRole(context, caller, form);
  throw new AwsError('InvalidAction', `Could not find operation ${action}`);
}

function callerIdentity(caller: Caller): Reply {
  const arn = caller.assumed
    ? `arn:aws:sts::${caller.account}:assumed-role/gatewatch/sandbox`
    : `arn:aws:iam::${caller.account}:user/sandbox`;
  return xmlReply(
    'GetCallerIdentity',
    `<Arn>${arn}</Arn><UserId>${escapeXml(caller.accessKeyId)}</UserId><Account>${caller.account}</Account>`,
  );
}

/** Hands out a key that names the role's account. Refuses an unknown account and a wrong external id alike, as AWS does. */
function assumeRole(context: AwsContext, caller: Caller, form: URLSearchParams): Reply {
  const arn = form.get('RoleArn') ?? '';
  const match = ROLE_ARN.exec(arn);
  const account = match?.[1];
  const session = form.get('RoleSessionName') ?? '';
  if (match === null || account === undefined) throw new AwsError('ValidationError', `${arn} is invalid`);
  if (!/^[\w+=,.@-]{2,64}$/.test(session))
    throw new AwsError('ValidationError', 'RoleSessionName is invalid');
  const known = context.world.accounts.some((candidate) => candidate.accountId === account);
  const wanted = context.externalIds[account];
  if (!known || (wanted !== undefined && form.get('ExternalId') !== wanted)) throw refusal(caller, arn);
  const seconds = Number(form.get('DurationSeconds') ?? '3600');
  const expiration = new Date(context.hostNow() + seconds * 1_000).toISOString();
  const key = assumedAccessKey(account);
  return xmlReply(
    'AssumeRole',
    `<AssumedRoleUser><AssumedRoleId>AROASANDBOX:${escapeXml(session)}</AssumedRoleId>` +
      `<Arn>arn:aws:sts::${account}:assumed-role/${escapeXml(match[2] ?? '')}/${escapeXml(session)}</Arn></AssumedRoleUser>` +
      `<Credentials><AccessKeyId>${key}</AccessKeyId><SecretAccessKey>sandbox-secret</SecretAccessKey>` +
      `<SessionToken>sandbox-session</SessionToken><Expiration>${expiration}</Expiration></Credentials>`,
  );
}

function refusal(caller: Caller, arn: string): AwsError {
  const message = `User: arn:aws:iam::${caller.account}:user/sandbox is not authorized to perform: sts:AssumeRole on resource: ${arn}`;
  return new AwsError('AccessDenied', message, { status: 403 });
}

function xmlReply(action: string, result: string): Reply {
  const body =
    `<${action}Response xmlns="${NAMESPACE}"><${action}Result>${result}</${action}Result>` +
    `<ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></${action}Response>`;
  return { status: 200, headers: { 'content-type': 'text/xml' }, body };
}
