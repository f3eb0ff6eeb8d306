import { invalidParameter } from './logs-model.ts';

/**
 * Space-delimited patterns of CloudWatch Logs: `[ip, user, …, status = 4*, bytes > 1000]`. A field in quotes or brackets
 * is one field; `...` stands for any number of fields, and conditions on one field may be joined by `||`.
 */
export function spacePattern(pattern: string): (message: string) => boolean {
  const inner = /^\s*\[(.*)\]\s*$/s.exec(pattern)?.[1];
  if (inner === undefined) throw invalidParameter(`Invalid filter pattern: ${pattern}`);
  const wanted = inner.split(',').map((part) => fieldTest(part.trim(), pattern));
  const gap = wanted.indexOf('gap');
  const before = gap < 0 ? wanted : wanted.slice(0, gap);
  const after = gap < 0 ? [] : wanted.slice(gap + 1);
  return (message) => {
    const fields = fieldsOf(message);
    const enough = gap < 0 ? fields.length === wanted.length : fields.length >= before.length + after.length;
    return enough && allFit(before, fields) && allFit(after, fields.slice(fields.length - after.length));
  };
}

type FieldTest = ((value: string) => boolean) | 'gap';

function allFit(tests: readonly FieldTest[], fields: readonly string[]): boolean {
  return tests.every((test, index) => test === 'gap' || test(fields[index] ?? ''));
}

function fieldTest(part: string, pattern: string): FieldTest {
  if (part === '...') return 'gap';
  const either = part.split('||').map((one) => conditionTest(one.trim(), pattern));
  return (value) => either.some((test) => test(value));
}

function conditionTest(part: string, pattern: string): (value: string) => boolean {
  const match = /^([A-Za-z_]\w*)(?:\s*(=|!=|<=|>=|<|>)\s*("?)([^"]*)\3)?$/.exec(part);
  if (match === null) throw invalidParameter(`Invalid filter pattern: ${pattern}`);
  const [, , sign, , operand = ''] = match;
  if (sign === undefined) return () => true;
  if (sign === '=' || sign === '!=') {
    const parts = operand.split('*').map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const expression = new RegExp(`^${parts.join('.*')}$`, 's');
    return (value) => expression.test(value) === (sign === '=');
  }
  const number = Number(operand);
  return (value) => {
    const actual = value === '' ? Number.NaN : Number(value);
    if (sign === '<') return actual < number;
    if (sign === '>') return actual > number;
    return sign === '<=' ? actual <= number : actual >= number;
  };
}

function fieldsOf(message: string): readonly string[] {
  return [...message.matchAll(/"([^"]*)"|\[([^\]]*)\]|(\S+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );
}
