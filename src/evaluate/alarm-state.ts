/** `StateValue` of CloudWatch. A composite is INSUFFICIENT_DATA only right after it was created. */
export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** `TreatMissingData` of CloudWatch; `missing` when it is not set. */
export type MissingDataMode = 'missing' | 'ignore' | 'breaching' | 'notBreaching';

/** One place of the evaluation range: within the threshold, beyond it, or no data. */
export type Judgement = 'ok' | 'breaching' | 'missing';

/** The alarm stays as it is. */
export type Verdict = AlarmState | 'RETAIN';
