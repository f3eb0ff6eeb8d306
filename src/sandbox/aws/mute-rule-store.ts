import type { MuteWindow } from '../../evaluate/mute-window.ts';
import type { StoredAlarm } from './alarm-model.ts';
import type { Caller } from './caller.ts';
import type { Fields } from './request-fields.ts';

type Scope = Pick<Caller, 'account' | 'region'>;

export interface StoredMute extends Scope {
  readonly name: string;
  readonly arn: string;
  /** As put, without name and tags; times are epoch seconds, as on the wire. */
  readonly properties: Fields;
  readonly alarms: ReadonlySet<string>;
  readonly window: MuteWindow;
  readonly oneTime: boolean;
  readonly expireMs: number;
  readonly updatedMs: number;
}

/** Alarm mute rules of all accounts and Regions. */
export class MuteRules {
  readonly #mutes = new Map<string, StoredMute>();

  put(mute: StoredMute): void {
    this.#mutes.set(mute.arn, mute);
  }

  get(scope: Scope, name: string): StoredMute | undefined {
    return this.#mutes.get(muteArn(scope, name));
  }

  delete(scope: Scope, name: string): void {
    this.#mutes.delete(muteArn(scope, name));
  }

  of(scope: Scope): readonly StoredMute[] {
    return [...this.#mutes.values()]
      .filter(({ account, region }) => account === scope.account && region === scope.region)
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Whether the actions of an alarm are muted now. */
  silences(alarm: StoredAlarm, nowMs: number): boolean {
    return this.of(alarm).some(({ alarms, window }) => alarms.has(alarm.name) && window.isActiveAt(nowMs));
  }
}

export function muteArn({ account, region }: Scope, name: string): string {
  return `arn:aws:cloudwatch:${region}:${account}:alarm-mute-rule:${name}`;
}
