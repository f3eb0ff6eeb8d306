import type { World } from '../world.ts';
import { AwsError } from './aws-errors.ts';

/** Who calls, where: read from the SigV4 `Authorization` header. Signatures are not checked: no secret is shared. */
export interface Caller {
  readonly account: string;
  readonly region: string;
  readonly accessKeyId: string;
  /** The key came from AssumeRole. */
  readonly assumed: boolean;
}

const CREDENTIAL = /Credential=([^/,\s]+)\/\d{8}\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request/;

/** Keys that AssumeRole hands out name their account; every other key belongs to the first account of the world. */
const ASSUMED_KEY = /^ASIA(\d{12})[A-Z0-9]*$/;

export function assumedAccessKey(account: string): string {
  return `ASIA${account}GW`;
}

/** Throws what AWS answers to an unsigned call or an unknown key. */
export function readCaller(authorization: string | undefined, world: World): Caller {
  const match = CREDENTIAL.exec(authorization ?? '');
  const accessKeyId = match?.[1];
  const region = match?.[2];
  if (accessKeyId === undefined || region === undefined) {
    throw new AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token', {
      status: 403,
    });
  }
  const assumed = ASSUMED_KEY.exec(accessKeyId)?.[1];
  const account = world.accounts.find((known) => assumed === undefined || known.accountId === assumed);
  if (account === undefined) {
    throw new AwsError(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
      {
        status: 403,
        queryCode: 'InvalidClientTokenId',
      },
    );
  }
  return { account: account.accountId, region, accessKeyId, assumed: assumed !== undefined };
}
