import { isObject } from '../../src/core/json.ts';

/**
 * Where a value does not fit a JSON Schema (draft-07), as paths with the keyword that refused it. As much of the draft as
 * our own schemas use; a keyword that is not known here is an error, so that nothing passes unchecked.
 */
export function misfits(root: unknown, value: unknown): readonly string[] {
  return check(root, value, { root, path: '' });
}

interface At {
  readonly root: unknown;
  readonly path: string;
}

const REMARKS = new Set(['$schema', 'title', 'description', 'default', 'examples', 'format', 'definitions']);

function check(schema: unknown, value: unknown, at: At): readonly string[] {
  if (schema === false) return [`${at.path}: not allowed`];
  if (!isObject(schema)) return [];
  return Object.entries(schema).flatMap(([keyword, operand]) => {
    if (REMARKS.has(keyword)) return [];
    const judge = KEYWORDS[keyword];
    if (judge === undefined) throw new Error(`the keyword ${keyword} is not known to this checker`);
    return judge(operand, value, at, schema).map((misfit) =>
      misfit.includes(': ') ? misfit : `${at.path}: ${keyword}`,
    );
  });
}

type Judge = (
  operand: unknown,
  value: unknown,
  at: At,
  schema: Readonly<Record<string, unknown>>,
) => readonly string[];

const BAD = ['misfit'];

function when(isFine: boolean): readonly string[] {
  return isFine ? [] : BAD;
}

function bound(fits: (value: number, operand: number) => boolean): Judge {
  return (operand, value) => when(typeof value !== 'number' || fits(value, Number(operand)));
}

function size(of: (value: unknown) => number | undefined, isLeast: boolean): Judge {
  return (operand, value) => {
    const found = of(value);
    return when(found === undefined || (isLeast ? found >= Number(operand) : found <= Number(operand)));
  };
}

const lengthOf = (value: unknown) => (typeof value === 'string' ? value.length : undefined);
const itemsOf = (value: unknown) => (Array.isArray(value) ? value.length : undefined);

const KEYWORDS: Readonly<Record<string, Judge>> = {
  type: (operand, value) =>
    when(
      [operand]
        .flat()
        .some((type) => type === typeOf(value) || (type === 'number' && typeOf(value) === 'integer')),
    ),
  const: (operand, value) => when(operand === value),
  enum: (operand, value) => when(Array.isArray(operand) && operand.includes(value)),
  pattern: (operand, value) => when(typeof value !== 'string' || new RegExp(String(operand)).test(value)),
  minimum: bound((value, least) => value >= least),
  maximum: bound((value, most) => value <= most),
  exclusiveMinimum: bound((value, below) => value > below),
  exclusiveMaximum: bound((value, above) => value < above),
  multipleOf: bound((value, step) => value % step === 0),
  minLength: size(lengthOf, true),
  maxLength: size(lengthOf, false),
  minItems: size(itemsOf, true),
  maxItems: size(itemsOf, false),
  required: (operand, value) =>
    when(!isObject(value) || (Array.isArray(operand) && operand.every((name) => Object.hasOwn(value, name)))),
  properties: (operand, value, at) =>
    Object.entries(isObject(value) && isObject(operand) ? operand : {}).flatMap(([name, inner]) =>
      isObject(value) && Object.hasOwn(value, name) ? check(inner, value[name], below(at, name)) : [],
    ),
  additionalProperties: (operand, value, at, { properties }) => {
    const known = isObject(properties) ? properties : {};
    return Object.entries(isObject(value) ? value : {}).flatMap(([name, inner]) =>
      Object.hasOwn(known, name) ? [] : check(operand, inner, below(at, name)),
    );
  },
  propertyNames: (operand, value, at) =>
    Object.keys(isObject(value) ? value : {}).flatMap((name) => check(operand, name, below(at, name))),
  items: (operand, value, at) =>
    (Array.isArray(value) ? value : []).flatMap((item: unknown, index) =>
      check(operand, item, below(at, index)),
    ),
  anyOf: (operand, value, at) => when([operand].flat().some((inner) => check(inner, value, at).length === 0)),
  oneOf: (operand, value, at) =>
    when([operand].flat().filter((inner) => check(inner, value, at).length === 0).length === 1),
  allOf: (operand, value, at) => [operand].flat().flatMap((inner) => check(inner, value, at)),
  if: (operand, value, at, schema) =>
    check(operand, value, at).length === 0 ? check(schema.then ?? true, value, at) : [],
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema, judged with its `if`
  then: () => [],
  $ref: (operand, value, at) => {
    const steps = String(operand).replace('#/', '').split('/');
    const target = steps.reduce<unknown>((node, step) => (isObject(node) ? node[step] : undefined), at.root);
    if (target === undefined) throw new Error(`${String(operand)} points nowhere`);
    return check(target, value, at);
  },
};

function below(at: At, step: string | number): At {
  return { ...at, path: `${at.path}/${step}` };
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
