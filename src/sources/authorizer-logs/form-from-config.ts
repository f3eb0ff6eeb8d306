import type { AuthorizerRuleConfig } from '../log-config.ts';
import type { AuthorizerField, AuthorizerFormSettings, FieldPlace } from './settings.ts';

/** An entry of `authorizers:` as the reader of its lines needs it. */
export function formFromConfig(
  rule: Pick<AuthorizerRuleConfig, 'preset' | 'fields'>,
): AuthorizerFormSettings {
  const { allow, deny, ...places } = rule.fields;
  const fields: Partial<Record<AuthorizerField, FieldPlace>> = places;
  return {
    preset: rule.preset,
    fields,
    ...(allow !== undefined && { allow }),
    ...(deny !== undefined && { deny }),
  };
}
