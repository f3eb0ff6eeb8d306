import type { AccessPart } from '../model/part.ts';
import { deciderOf, type Joined } from './assemble.ts';
import type { LineVerdict } from './decide.ts';
import type { Invocation } from './invocation.ts';
import { outcomeWithoutPartner } from './route-part.ts';

export interface GatewayLine {
  readonly key: string;
  readonly part: AccessPart;
}

export type GatewayMatch =
  | { readonly kind: 'matched'; readonly invocation: Invocation }
  | { readonly kind: 'ambiguous'; readonly candidates: readonly Invocation[] }
  | { readonly kind: 'none' };

/**
 * Pairs lines and invocations that share one gateway request id. On REST the id is the client's to choose, so it proves
 * nothing alone: a line is matched only if exactly one invocation ran inside it and that invocation ran inside no other
 * line. On HTTP APIs the gateway makes the id, and one line with one invocation is a pair whatever the clocks say.
 */
export function matchByGatewayId<L extends GatewayLine>(
  lines: readonly L[],
  invocations: readonly Invocation[],
  contains: (line: L, invocation: Invocation) => boolean,
): ReadonlyMap<string, GatewayMatch> {
  const result = new Map<string, GatewayMatch>();
  const only = invocations[0];
  if (lines.length === 1 && invocations.length === 1 && only !== undefined) {
    const line = lines[0];
    if (line !== undefined && line.part.stage.protocol === 'HTTP') {
      return new Map([[line.key, { kind: 'matched', invocation: only }]]);
    }
  }
  const candidatesOf = new Map<string, Invocation[]>();
  const holders = new Map<string, number>();
  for (const line of lines) {
    const inside = invocations.filter((invocation) => contains(line, invocation));
    candidatesOf.set(line.key, inside);
    for (const invocation of inside) holders.set(invocation.key, (holders.get(invocation.key) ?? 0) + 1);
  }
  for (const [key, inside] of candidatesOf) {
    const first = inside[0];
    if (first === undefined) result.set(key, { kind: 'none' });
    else if (inside.length === 1 && holders.get(first.key) === 1) {
      result.set(key, { kind: 'matched', invocation: first });
    } else result.set(key, { kind: 'ambiguous', candidates: inside });
  }
  return result;
}

export function joinedByGatewayId(match: GatewayMatch, verdict: LineVerdict): Joined {
  if (match.kind === 'none') return { outcome: outcomeWithoutPartner(verdict), joinKey: 'none' };
  if (match.kind === 'ambiguous') return { outcome: 'ambiguous', joinKey: 'none' };
  const { invocation } = match;
  const failed = verdict.decision === 'error';
  return {
    outcome: failed ? 'authorizer_error' : 'matched',
    joinKey: 'gateway_request_id',
    decider: deciderOf(invocation),
    invocation,
  };
}
