import type { LogPart } from '../model/part.ts';
import type { CorrelationStore } from './correlation.ts';
import type { Invocation } from './invocation.ts';
import type { Waiting } from './waiting-room.ts';

/** What cannot be joined: the join threw while it was at it. */
export type Culprit = LogPart | Waiting | Invocation;

/** What a batch is at. `undefined` while a failure is nobody's fault among its lines: the journal is being asked. */
export interface Workplace {
  at: Culprit | undefined;
}

/** A journal that fails is not the fault of what was looked at last. */
export function blamingNobody(store: CorrelationStore, workplace: Workplace): CorrelationStore {
  const ask = <T>(question: () => T): T => {
    workplace.at = undefined;
    return question();
  };
  return {
    state: (kind, keys) => ask(() => store.state(kind, keys)),
    allState: (kind, prefix, from) => ask(() => store.allState(kind, prefix, from)),
    bodies: (recordIds) => ask(() => store.bodies(recordIds)),
  };
}
