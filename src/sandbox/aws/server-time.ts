import type { Call, Reply } from '../http-exchange.ts';
import { AwsError } from './aws-errors.ts';
import type { AwsContext } from './operation.ts';

const SKEW_MS = 600_000;
/** How far a signature's time may be off. */
const SIGNATURE_LIFE_MS = 300_000;

/** AWS's clock less the host's, milliseconds; undefined where the two are not to be compared. */
function skewMs({ faults }: AwsContext): number | undefined {
  if (faults.isOn('aws-ahead')) return SKEW_MS;
  return faults.isOn('aws-behind') ? -SKEW_MS : undefined;
}

/** The reply with AWS's own time on it, which is what clients correct theirs by. */
export function dated(context: AwsContext, reply: Reply): Reply {
  const skew = skewMs(context);
  if (skew === undefined) return reply;
  const date = new Date(context.hostNow() + skew).toUTCString();
  return { ...reply, headers: { ...reply.headers, date } };
}

/** Refuses a signature that is too old or from the future, as AWS does when the clocks disagree. */
export function requireTimelySignature(context: AwsContext, call: Call): void {
  const skew = skewMs(context);
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(call.header('x-amz-date') ?? '') ?? [];
  if (skew === undefined || year === undefined) return;
  const signedMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const nowMs = context.hostNow() + skew;
  if (Math.abs(signedMs - nowMs) <= SIGNATURE_LIFE_MS) return;
  context.faults.strikes(skew > 0 ? 'aws-ahead' : 'aws-behind', 'signature');
  throw new AwsError(
    'InvalidSignatureException',
    `Signature expired or not yet valid: ${new Date(signedMs).toISOString()} is too far from ${new Date(nowMs).toISOString()}`,
    { status: 403 },
  );
}
