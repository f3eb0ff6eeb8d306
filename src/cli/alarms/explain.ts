import { join } from 'node:path';
import type { AlarmInstance } from '../../alarms/alarm-instance.ts';
import type { Expansion } from '../../alarms/expand-alarms.ts';
import { presetOf } from '../../alarms/presets.ts';
import { UserError } from '../../core/errors.ts';
import type { Origin } from '../../model/managed-resource.ts';

const SHOWN = 10;

/**
 * Every field of one alarm and where it was written. Throws a `UserError` when no alarm, or several, fit, and with the
 * reason where it cannot be made.
 */
export function explainText(expansion: Expansion, wanted: string, dir: string, idTag: string): string {
  const instance = find(expansion, wanted, dir);
  const { resource, severity, receivers, preset } = instance;
  const fields = Object.entries(resource.properties).map(([name, value]) => {
    const origin = resource.origins[name];
    return `  ${name.padEnd(34)} ${JSON.stringify(value)}${origin === undefined ? '' : `   ${place(origin, dir)}`}`;
  });
  const ours = Object.entries(resource.origins)
    .filter(([name]) => /^[a-z]/.test(name) && name !== 'id')
    .map(([name, origin]) => `  ${name.padEnd(34)} ${place(origin, dir)}`);
  const why = preset === undefined ? [] : [`preset ${preset}: ${presetOf(preset)?.why ?? ''}`];
  const told = receivers.filter(({ sns }) => sns !== undefined).map(({ name, sns }) => `${name} (${sns})`);
  return `${[
    `${instance.id}   ${resource.key.type === 'composite_alarm' ? 'composite' : 'alarm'} ${resource.key.name}`,
    `in ${resource.key.account}, ${resource.key.region}; severity ${severity}; tells ${told.join(', ') || 'nobody'}; tag ${idTag}`,
    ...why,
    'what is sent:',
    ...fields,
    'made from:',
    ...ours,
  ].join('\n')}\n`;
}

/** The same as JSON: each field that is sent with its value and its place, and where our own were written. */
export function explainJson(expansion: Expansion, wanted: string, dir: string): string {
  const { id, resource, severity, receivers, preset } = find(expansion, wanted, dir);
  const from = (name: string) => {
    const origin = resource.origins[name];
    return origin === undefined ? {} : { from: place(origin, dir) };
  };
  const sent = Object.entries(resource.properties).map(([name, value]) => [name, { value, ...from(name) }]);
  const ours = Object.keys(resource.origins).filter((name) => /^[a-z]/.test(name) && name !== 'id');
  const told = {
    id,
    ...resource.key,
    severity,
    receivers: receivers.map(({ name }) => name),
    ...(preset === undefined ? {} : { preset }),
    fields: Object.fromEntries(sent),
    madeFrom: Object.fromEntries(ours.map((name) => [name, from(name).from])),
  };
  return `${JSON.stringify(told, null, 2)}\n`;
}

function find(expansion: Expansion, wanted: string, dir: string): AlarmInstance {
  const exact = expansion.instances.filter(
    ({ id, resource }) => id === wanted || resource.key.name === wanted,
  );
  const found = exact.length > 0 ? exact : expansion.instances.filter(({ id }) => id.includes(wanted));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const refusal = expansion.refusals.find(
    ({ id }) => id === wanted || (found.length === 0 && id.includes(wanted)),
  );
  if (refusal !== undefined) {
    throw new UserError(
      'alarm_refused',
      `${refusal.id} cannot be made: ${refusal.reason} (${place(refusal, dir)})`,
    );
  }
  const names = found.slice(0, SHOWN).map(({ id }) => id);
  throw new UserError(
    'alarm_unknown',
    found.length === 0
      ? `Expected the id or name of an alarm, got ${wanted}: \`gatewatch alarms plan --json\` lists them`
      : `Expected one alarm, got ${found.length} that hold "${wanted}": ${names.join(', ')}${found.length > SHOWN ? ', …' : ''}`,
  );
}

function place(origin: Origin, dir: string): string {
  return origin.line === 0 ? origin.file : `${join(dir, origin.file)}:${origin.line}`;
}
