import type { JsonValue } from '../../model/managed-resource.ts';
import type { Each } from '../each.ts';
import { isMap } from '../format/layers.ts';

/**
 * Texts with what is particular to a stage replaced by the expression that gives it, so that the same alarm of two stages
 * reads the same. Evaluated for the stage it came from, each template gives the text back.
 */
export function createTemplater({ key, stage }: Each): (value: JsonValue) => JsonValue {
  const names: readonly (readonly [string, string])[] = [
    [key, '${each.key}'],
    [stage.apiName, '${each.api.name}'],
    [stage.apiId, '${each.api.id}'],
    [stage.stage, '${each.stage}'],
    [stage.account, '${each.account}'],
    [stage.region, '${each.region}'],
  ];
  const byText = new Map([...names].reverse());
  // The longest first; `prod` inside `product` is a part of another word.
  const texts = [...byText.keys()]
    .filter((text) => text !== '')
    .sort((one, other) => other.length - one.length);
  const alternatives = texts.map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`(?<![A-Za-z0-9])(?:${alternatives.join('|')})(?![A-Za-z0-9])`, 'g');
  const templated = (value: JsonValue): JsonValue => {
    if (typeof value === 'string') return value.replaceAll(pattern, (text) => byText.get(text) ?? text);
    if (Array.isArray(value)) return value.map(templated);
    if (!isMap(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, templated(item)]));
  };
  return templated;
}

/** What a template says beside its expressions, as a label: `${each.api.name}-${each.stage}-5xx` is `5xx`. */
export function slugOf(template: string): string {
  const words =
    template
      .replaceAll(/\$\{[^{}]*\}/g, ' ')
      .toLowerCase()
      .match(/[a-z0-9]+/g) ?? [];
  return (
    words
      .join('-')
      .slice(0, 60)
      .replaceAll(/^-+|-+$/g, '') || 'alarm'
  );
}
