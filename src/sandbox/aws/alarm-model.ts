import type { AlarmState } from '../../evaluate/alarm-state.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import type { Fields } from './request-fields.ts';

export type AlarmKind = 'metric' | 'composite';

export interface HistoryItem {
  readonly alarmName: string;
  readonly kind: AlarmKind;
  readonly type: 'ConfigurationUpdate' | 'StateUpdate' | 'Action';
  readonly atMs: number;
  readonly summary: string;
  /** JSON text, as `HistoryData` carries it. */
  readonly data: string;
}

/** One alarm as the stand-in keeps it. `properties` are those of the last put, without name and tags. */
export interface StoredAlarm {
  readonly kind: AlarmKind;
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly arn: string;
  properties: Fields;
  readonly tags: Map<string, string>;
  state: AlarmState;
  reason: string;
  reasonData: string | undefined;
  stateUpdatedMs: number;
  transitionedMs: number;
  configuredMs: number;
  suppressedBy: string | undefined;
}

export function alarmArn(caller: Pick<Caller, 'account' | 'region'>, name: string): string {
  return `arn:aws:cloudwatch:${caller.region}:${caller.account}:alarm:${name}`;
}

export function missingParameter(name: string): AwsError {
  return new AwsError('MissingRequiredParameterException', `The parameter ${name} is required.`, {
    queryCode: 'MissingParameter',
  });
}

export function combinationError(why: string): AwsError {
  return new AwsError('InvalidParameterCombinationException', why, {
    queryCode: 'InvalidParameterCombination',
  });
}

export function resourceNotFound(what: string): AwsError {
  return new AwsError('ResourceNotFoundException', `${what} does not exist.`, {
    status: 404,
    queryCode: 'ResourceNotFound',
  });
}

export function resourceConflict(why: string): AwsError {
  return new AwsError('ResourceConflict', why, { status: 409 });
}

/** Names of actions by state, as the API spells them. */
export const ACTION_LIST: Readonly<Record<AlarmState, string>> = {
  ALARM: 'AlarmActions',
  OK: 'OKActions',
  INSUFFICIENT_DATA: 'InsufficientDataActions',
};
