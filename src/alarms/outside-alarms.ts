import type { AlarmClients } from '../aws/alarm-clients.ts';
import { UserError } from '../core/errors.ts';
import type { DesiredResource } from '../model/managed-resource.ts';

/** An alarm that a composite reads, or waits for, and that no file makes. */
interface OutsideName {
  readonly reader: DesiredResource;
  readonly name: string;
}

/**
 * Names in rules and `suppress.by` that are nobody's: CloudWatch refuses a composite over an alarm that does not exist,
 * and it would do so half-way through an apply. Accounts and Regions in `unread` are passed over.
 *
 * @throws {UserError} `alarm_outside` with every such name and where it is written.
 */
export async function refuseUnknownChildren(input: {
  readonly clients: AlarmClients;
  readonly desired: readonly DesiredResource[];
  readonly unread: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}): Promise<void> {
  const scopes = Map.groupBy(outsideNames(input.desired), ({ reader }) => scopeOf(reader));
  const missing: OutsideName[] = [];
  for (const [scope, group] of scopes) {
    if (input.unread.has(scope)) continue;
    const there = await existing(group, input.clients, input.signal);
    missing.push(...group.filter(({ name }) => !there.has(name)));
  }
  if (missing.length === 0) return;
  const lines = new Set(missing.map(missingText));
  throw new UserError('alarm_outside', [...lines].join('\n'));
}

function outsideNames(desired: readonly DesiredResource[]): readonly OutsideName[] {
  const ours = new Set(desired.map((resource) => `${scopeOf(resource)}/${resource.key.name}`));
  return desired
    .filter(({ key }) => key.type === 'composite_alarm')
    .flatMap((reader) =>
      reader.children
        .filter((name) => !name.startsWith('arn:') && !ours.has(`${scopeOf(reader)}/${name}`))
        .map((name) => ({ reader, name })),
    );
}

function scopeOf({ key }: DesiredResource): string {
  return `${key.account}/${key.region}`;
}

async function existing(
  group: readonly OutsideName[],
  clients: AlarmClients,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const [first] = group;
  if (first === undefined) return new Set();
  const { account, region } = first.reader.key;
  const names = [...new Set(group.map(({ name }) => name))];
  const there = new Set<string>();
  for await (const page of clients.describeAlarms({ account, region, names, signal })) {
    for (const alarm of page) there.add(alarm.name);
  }
  return there;
}

function missingText({ reader, name }: OutsideName): string {
  const suppressed = reader.properties.ActionsSuppressor === name;
  const { file, line } = reader.origins[suppressed ? 'suppress' : 'rule'] ??
    reader.origins.id ?? { file: reader.id, line: 1 };
  return (
    `Expected ${suppressed ? 'suppress.by' : 'the rule'} of ${reader.id} to name an alarm of the files or one that exists in ` +
    `${reader.key.account}, ${reader.key.region}, got ${name} (${file}:${line}): correct the name, or make that alarm first`
  );
}
