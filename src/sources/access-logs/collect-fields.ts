import type { Handling, NumberField, TextField } from '../../catalog/access-log-variables.ts';
import { ACCESS_FIELDS, type AccessFields } from '../../model/request-record.ts';
import type { Redactor } from '../../redact/redactor.ts';
import type { CompiledFormat } from './compile-format.ts';
import type { ParsedAccessLine } from './parsed-line.ts';
import { parseClfTime, parseEpochTime, type RequestTime } from './request-time.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type JoinName = 'authorizerRequestId' | 'authzRequestId' | 'authzApigwRequestId';

/** What one line says, redacted, before the inventory has its say. */
export interface CollectedLine {
  readonly fields: AccessFields;
  readonly time?: RequestTime;
  readonly joins: Readonly<Partial<Record<JoinName, string>>>;
}

export type FieldCollector = (line: ParsedAccessLine, redactor: Redactor) => CollectedLine;

type Step =
  | {
      readonly kind: 'text';
      readonly slot: number;
      readonly field: TextField;
      readonly clean: Clean;
      readonly other: string;
    }
  | {
      readonly kind: 'number';
      readonly slot: number;
      readonly field: NumberField;
      readonly name: string;
      readonly other: string;
    }
  | { readonly kind: 'other'; readonly slot: number; readonly name: string; readonly clean: Clean }
  | { readonly kind: 'join'; readonly slot: number; readonly key: JoinName };

type Clean = (value: string, redactor: Redactor) => string;

/** API Gateway writes this where a client sent an `x-amzn-RequestId` that is no UUID. */
const REPLACED_REQUEST_ID = 'UUID_REPLACED_INVALID_REQUEST_ID';

const ID = /^[A-Za-z0-9+/=_.:;-]{1,256}$/;
const PLAIN = /^[ -~]{1,256}$/;

/** Plans once per format which slot fills which field; the plan then runs once per line. */
export function createFieldCollector(format: CompiledFormat): FieldCollector {
  const steps = planSteps(format);
  const epochSlots = timeSlots(format, 'epoch');
  const clfSlots = timeSlots(format, 'clf');
  return (line, redactor) => {
    const fields: Writable<AccessFields> = {};
    const to: Target = { fields, joins: {}, other: undefined, redactor };
    for (const step of steps) {
      const value = line.values[step.slot];
      if (value !== undefined) runStep(step, value, to);
    }
    if (fields.requestId === REPLACED_REQUEST_ID) {
      delete fields.requestId;
      keepOther(to, 'requestId', REPLACED_REQUEST_ID);
    }
    if (to.other !== undefined) fields.other = to.other;
    const { joins } = to;
    const time = firstTime(line, epochSlots, parseEpochTime) ?? firstTime(line, clfSlots, parseClfTime);
    return time === undefined ? { fields, joins } : { fields, joins, time };
  };
}

interface Target {
  readonly fields: Writable<AccessFields>;
  readonly joins: Partial<Record<JoinName, string>>;
  other: Record<string, string> | undefined;
  readonly redactor: Redactor;
}

function runStep(step: Step, value: string, to: Target): void {
  switch (step.kind) {
    case 'text':
      if (to.fields[step.field] === undefined) to.fields[step.field] = step.clean(value, to.redactor);
      else if (step.other !== '') keepOther(to, step.other, step.clean(value, to.redactor));
      return;
    case 'number':
      if (!isExact(value)) keepOther(to, step.name, value);
      else if (to.fields[step.field] === undefined) to.fields[step.field] = Number(value);
      else if (step.other !== '') keepOther(to, step.other, value);
      return;
    case 'other':
      keepOther(to, step.name, step.clean(value, to.redactor));
      return;
    case 'join':
      to.joins[step.key] = cleanId(value, to.redactor);
  }
}

/** False for an integer beyond 2^53: no number of ours holds it, so it is kept as text. */
function isExact(value: string): boolean {
  return value.length < 16 || value.includes('.') || Number.isSafeInteger(Number(value));
}

/** In the order in which records are stored, whatever the order of the format. */
function planSteps(format: CompiledFormat): readonly Step[] {
  return rankedSteps(format).toSorted(
    (a, b) => placeOf(a) - placeOf(b) || compareTexts(otherOf(a), otherOf(b)),
  );
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const FIELD_PLACES = new Map(Object.keys(ACCESS_FIELDS).map((name, place) => [name, place]));

function placeOf(step: Step): number {
  return 'field' in step ? (FIELD_PLACES.get(step.field) ?? FIELD_PLACES.size) : FIELD_PLACES.size;
}

function otherOf(step: Step): string {
  return step.kind === 'other' ? step.name : '';
}

/** Where two variables fill one field, the one that ranks first comes first. */
function rankedSteps(format: CompiledFormat): readonly Step[] {
  const ranked = format.template.slots
    .map((slot, index) => ({ ...slot, index }))
    .filter((slot, index, all) => all.findIndex((other) => other.name === slot.name) === index)
    .toSorted((a, b) => a.variable.rank - b.variable.rank);
  return ranked.flatMap(({ name, variable, index: slot }): Step[] => {
    const other = variable.whenTaken === 'other' ? name : '';
    const { target } = variable;
    switch (target.kind) {
      case 'text':
        return [{ kind: 'text', slot, field: target.field, clean: CLEAN[target.handling], other }];
      case 'number':
        return [{ kind: 'number', slot, field: target.field, name, other }];
      case 'other':
        return [{ kind: 'other', slot, name, clean: CLEAN[target.handling] }];
      case 'join':
        return [{ kind: 'join', slot, key: target.key }];
      default:
        return [];
    }
  });
}

const CLEAN: Readonly<Record<Handling, Clean>> = {
  id: cleanId,
  plain: (value, redactor) => (PLAIN.test(value) ? value : redactor.text(value)),
  text: (value, redactor) => redactor.text(value),
  path: (value, redactor) => redactor.path(value),
  user_agent: (value, redactor) => redactor.userAgent(value),
};

/** Ids take part in joins and stay as they are, unless they do not look like ids at all. */
function cleanId(value: string, redactor: Redactor): string {
  return ID.test(value) ? value : redactor.text(value);
}

function keepOther(to: Target, name: string, value: string): void {
  to.other ??= {};
  to.other[name] = value;
}

function timeSlots(format: CompiledFormat, form: 'clf' | 'epoch'): readonly number[] {
  return format.template.slots.flatMap(({ variable: { target } }, slot) =>
    target.kind === 'time' && target.form === form ? [slot] : [],
  );
}

function firstTime(
  line: ParsedAccessLine,
  slots: readonly number[],
  parse: (text: string) => RequestTime | undefined,
): RequestTime | undefined {
  for (const slot of slots) {
    const value = line.values[slot];
    const time = value === undefined ? undefined : parse(value);
    if (time !== undefined) return time;
  }
  return undefined;
}
