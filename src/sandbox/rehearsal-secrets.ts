import { IDENTITY_ACCOUNT } from './fleet.ts';
import { REHEARSAL_EXTERNAL_ID } from './rehearsal-config.ts';
import type { DynatraceToken, HecToken } from './tokens.ts';

/** What the stand-ins ask for. Made up and public: they open nothing but a sandbox on this machine. */
export const REHEARSAL_HEC_TOKEN = '5a4db0c5-0000-4000-8000-000000000001';
/** As the first, with indexer acknowledgement on. */
export const REHEARSAL_HEC_ACK_TOKEN = '5a4db0c5-0000-4000-8000-000000000002';
export const REHEARSAL_DYNATRACE_TOKEN = 'dt0c01.SANDBOX.REHEARSAL';

/** Indexes the tokens may write to, the first being the one the rehearsal's configuration names. */
const INDEXES = ['apigw', 'main'];

export const rehearsalHecTokens: readonly HecToken[] = [
  { token: REHEARSAL_HEC_TOKEN, indexes: INDEXES },
  { token: REHEARSAL_HEC_ACK_TOKEN, indexes: INDEXES, ack: true },
];

export const rehearsalDynatraceTokens: readonly DynatraceToken[] = [{ token: REHEARSAL_DYNATRACE_TOKEN }];

/** External id each role asks for, by account. */
export const rehearsalExternalIds: Readonly<Record<string, string>> = {
  [IDENTITY_ACCOUNT]: REHEARSAL_EXTERNAL_ID,
};
