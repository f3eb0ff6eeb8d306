import type { CarelessHeaders } from './authorizer-logs.ts';
import type { Incidents } from './incidents.ts';
import type { Random } from './random.ts';
import type { Agenda } from './traffic-agenda.ts';
import type { HostileTexts } from './traffic-hostile.ts';
import type { People } from './traffic-people.ts';
import type { Ledger } from './traffic-site.ts';
import { createWheel, type Wheel } from './traffic-wheel.ts';

/** What every scenario draws on. */
export interface Stagecraft {
  readonly random: Random;
  readonly people: People;
  readonly agenda: Agenda;
  readonly ledger: Ledger;
  readonly incidents: Incidents;
  readonly userAgents: Wheel<string>;
  readonly pathSegments: Wheel<string>;
  readonly headers: Wheel<CarelessHeaders>;
}

export function createStagecraft(
  parts: Pick<Stagecraft, 'random' | 'people' | 'agenda' | 'ledger' | 'incidents'>,
  hostile: HostileTexts,
): Stagecraft {
  return {
    ...parts,
    userAgents: createWheel(hostile.userAgents, 30, parts.random),
    pathSegments: createWheel(hostile.pathSegments, 40, parts.random),
    headers: createWheel(hostile.headers, 40, parts.random),
  };
}
