import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { optionReferenceMarkdown, optionRows } from '../../src/config/option-reference.ts';
import { configAsWritten, printConfigJson, printConfigYaml } from '../../src/config/print-config.ts';
import { childOf } from '../../src/documents/schema-lookup.ts';
import { KEY_TEXT, loadedConfig } from './example-config.ts';

test('the printed configuration has defaults and durations as written, and no secret', () => {
  const { config } = loadedConfig();
  const yaml = printConfigYaml(config);
  expect(parse(yaml)).toEqual(configAsWritten(config));
  expect(JSON.parse(printConfigJson(config))).toEqual(configAsWritten(config));
  expect(parse(yaml)).toMatchObject({
    metrics: { period: '1m', settle: '3m' },
    logs: { rereads: ['5m', '1h', '1d'] },
    redaction: { keys: [{ id: 'k1', secret: '***' }] },
    sinks: { 'splunk-main': { token: '***', maxBody: '2MiB', timeout: '30s' } },
  });
  expect(yaml).not.toMatch(/canary/);
  expect(yaml).not.toContain(KEY_TEXT);
});

test('the printed configuration loads again to the same settings once its secrets are put back', () => {
  const first = loadedConfig();
  const yaml = printConfigYaml(first.config).replaceAll('"***"', `"${KEY_TEXT}"`);
  expect(configAsWritten(loadedConfig(yaml).config)).toEqual(configAsWritten(first.config));
});

test('the JSON Schema describes durations and secrets as texts and allows references', () => {
  const schema = configJsonSchema();
  const at = (...path: string[]) => path.reduce(childOf, schema);
  const period = at('properties', 'metrics', 'properties', 'period');
  expect(period).toMatchObject({ type: 'string', default: '60s', examples: ['60s'] });
  const pattern = new RegExp(String(childOf(period, 'pattern')));
  expect(['60s', '1h30m', '$' + '{env:PERIOD}', 'soon'].map((text) => pattern.test(text))).toEqual([
    true,
    true,
    true,
    false,
  ]);
  expect(at('properties', 'server', 'properties', 'port')).toMatchObject({
    type: ['integer', 'string'],
    default: 9464,
  });
  expect(at('required')).toEqual(['version', 'accounts', 'redaction', 'sinks']);
  expect(at('additionalProperties')).toBe(false);
});

test('every option has a meaning, and every single value an example', () => {
  const rows = optionRows();
  expect(rows.length).toBeGreaterThan(60);
  expect(rows.filter((row) => row.meaning === '').map((row) => row.path)).toEqual([]);
  const bare = rows.filter((row) => row.type !== 'map' && row.type !== 'list' && row.example === '');
  expect(bare.map((row) => row.path)).toEqual([]);
});

test('the option reference is one table row per option', () => {
  const markdown = optionReferenceMarkdown();
  expect(markdown.split('\n').filter((line) => line.startsWith('| `')).length).toBe(optionRows().length);
  expect(markdown).toContain('| `metrics.period` | duration | `"60s"` |');
});
