import type { FleetRoute } from './fleet-model.ts';
import type { WebSocketFacts } from './traffic-access-line.ts';
import { playRequest, type RequestPlan } from './traffic-request.ts';
import { recordRequest, type Site } from './traffic-site.ts';
import type { Stagecraft } from './traffic-stagecraft.ts';

/** Requests of one connection on average, `$connect` and `$disconnect` included. */
export const REQUESTS_PER_CONNECTION = 7;

const MEAN_MESSAGES = 6;
const MEAN_GAP_MS = 8_000;
/** API Gateway closes a connection that was idle for ten minutes. */
const LONGEST_GAP_MS = 540_000;

/** Connects; if let in, sends messages from time to time and disconnects. */
export function openConnection(site: Site, connect: RequestPlan, craft: Stagecraft): void {
  const { random } = craft;
  const facts = { connectionId: `${random.letters(15)}=`, connectedMs: connect.startMs };
  const plan: RequestPlan = { ...connect, webSocket: { ...facts, eventType: 'CONNECT' } };
  const story = playRequest(plan, craft);
  const note = plan.special === undefined ? { twin: false } : { special: plan.special, twin: false };
  const opened = recordRequest(site, story, note, craft.ledger, random);
  if (story.response.status >= 300) return;
  const { special: _special, carelessly: _careless, ...rest } = plan;
  const member: RequestPlan = { ...rest, connection: { kind: 'connection', opened } };
  const messages = Math.floor(random.exponential(MEAN_MESSAGES));
  continueConnection(site, member, facts, messages, story.endMs, craft);
}

function continueConnection(
  site: Site,
  member: RequestPlan,
  facts: Pick<WebSocketFacts, 'connectionId' | 'connectedMs'>,
  messagesLeft: number,
  afterMs: number,
  craft: Stagecraft,
): void {
  const { random, agenda } = craft;
  const gapMs = random.chance(0.02)
    ? random.between(60_000, LONGEST_GAP_MS)
    : 100 + random.exponential(MEAN_GAP_MS);
  agenda.add(Math.round(afterMs + gapMs), (startMs) => {
    const route = routeOf(site, messagesLeft === 0 ? '$disconnect' : random.pick(MESSAGE_ROUTES));
    const webSocket: WebSocketFacts =
      messagesLeft === 0
        ? { ...facts, eventType: 'DISCONNECT' }
        : { ...facts, eventType: 'MESSAGE', messageId: `${random.letters(15)}=` };
    const story = playRequest({ ...member, route, startMs, webSocket }, craft);
    recordRequest(site, story, { twin: false }, craft.ledger, random);
    if (messagesLeft > 0) continueConnection(site, member, facts, messagesLeft - 1, story.endMs, craft);
  });
}

const MESSAGE_ROUTES = ['sendMessage', 'sendMessage', 'sendMessage', '$default'] as const;

function routeOf(site: Site, key: string): FleetRoute {
  return (
    site.api.routes.find((route) => route.path === key) ?? { method: '', path: key, auth: 'none', weight: 0 }
  );
}
