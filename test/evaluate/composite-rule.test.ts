import { describe, expect, it } from 'vitest';
import type { AlarmState } from '../../src/evaluate/alarm-state.ts';
import { childrenOf, holds, parseRule, printRule } from '../../src/evaluate/composite-rule.ts';

const states: Readonly<Record<string, AlarmState>> = {
  a: 'ALARM',
  b: 'OK',
  c: 'INSUFFICIENT_DATA',
  'name with (brackets), "quotes"': 'ALARM',
};
const stateOf = (alarm: string): AlarmState => states[alarm] ?? 'INSUFFICIENT_DATA';

describe('parseRule', () => {
  it.each<[string, boolean]>([
    ['ALARM(a)', true],
    ['OK(a)', false],
    ['NOT ALARM(b)', true],
    ['INSUFFICIENT_DATA("c")', true],
    ['ALARM(a) AND OK(b) AND TRUE', true],
    ['(ALARM(a) AND ALARM(b)) OR OK(b)', true],
    ['FALSE OR NOT (OK(b) OR ALARM(b))', false],
    ['ALARM("name with (brackets), \\"quotes\\"")', true],
    ['AT_LEAST(1, ALARM, (a, b, c))', true],
    ['AT_LEAST(2, ALARM, (a, b, c))', false],
    ['AT_LEAST(60%, NOT OK, (a, b, c))', true],
    ['AT_LEAST(67%, NOT OK, (a, b, c))', false],
    ['AT_LEAST(50%, NOT OK, ("arn:aws:cloudwatch:eu-west-1:1:alarm:x"))', true],
  ])('%s is %s', (rule, expected) => {
    expect(holds(parseRule(rule), stateOf)).toBe(expected);
  });

  it('lists each child once, in order of appearance', () => {
    const rule = parseRule('(ALARM(b) OR ALARM(a)) AND NOT AT_LEAST(1, OK, (c, b))');
    expect(childrenOf(rule)).toEqual(['b', 'a', 'c']);
  });

  it('prints a rule that reads back the same, with names put in place', () => {
    const rule = parseRule('(ALARM(a) AND NOT OK(b)) OR AT_LEAST(50%, NOT OK, (a, c))');
    const printed = printRule(rule);
    expect(printed).toBe('(ALARM("a") AND NOT OK("b")) OR AT_LEAST(50%, NOT OK, ("a", "c"))');
    expect(parseRule(printed)).toEqual(rule);
    expect(printRule(parseRule('ALARM(a)'), (name) => `core/"${name}"`)).toBe('ALARM("core/\\"a\\"")');
  });

  it.each([
    ['ALARM(a) AND ALARM(b) OR ALARM(c)', /parentheses around each group/],
    ['ALARM(a) ALARM(b)', /Expected AND, OR or the end .* got "ALARM" at character 10/],
    ['ALRM(a)', /Expected ALARM\(…\).*got "ALRM" at character 1/],
    ['ALARM()', /Expected the name or ARN of an alarm/],
    ['ALARM("a)', /closing quote/],
    ['AT_LEAST(x, ALARM, (a))', /a number of alarms/],
    ['ALARM(a', /Expected "\)" .* got its end/],
  ])('refuses %s with the place', (rule, message) => {
    expect(() => parseRule(rule)).toThrow(message);
  });
});
