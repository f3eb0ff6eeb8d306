import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/redact/redactor.ts';
import { createRandom } from '../../src/sandbox/random.ts';
import { createHostileTexts } from '../../src/sandbox/traffic-hostile.ts';

const redactor = createRedactor({ keys: [], pseudonymise: [] });
const LINES: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => JSON.stringify({ event: { value } }),
  (value) => JSON.stringify({ message: JSON.stringify({ value }) }),
  (value) => `2026-11-03T10:00:00Z|DEBUG|value=${value}|decision=deny`,
  (value) => `<request><userAgent>${value}</userAgent></request>`,
  (value) => `203.0.113.7 - - "GET /x" 200 512 "${value}"`,
];

describe('secrets of the rehearsal', () => {
  it.each([1, 2, 3])(
    'do not survive in user agents, paths or careless authorizer lines (seed %i)',
    (seed) => {
      const texts = createHostileTexts(createRandom(seed, 'hostile'));
      const careless = texts.headers.flatMap((headers) => [
        JSON.stringify(headers),
        `DEBUG|authorization=${headers.authorization}|cookie=${headers.cookie}|x=1`,
        `event ${JSON.stringify({ authorizationToken: headers.authorization, headers })}`,
      ]);
      const written = [
        ...texts.userAgents.map((agent) => redactor.userAgent(agent)),
        ...texts.pathSegments.map((segment) => redactor.path(`/orders/${segment}`)),
        ...[...texts.userAgents, ...texts.pathSegments, ...careless].flatMap((text) =>
          LINES.map((line) => redactor.text(line(text))),
        ),
      ].join('\n');
      expect(texts.secrets.filter((secret) => written.includes(secret))).toEqual([]);
    },
  );
});
