import type { FleetRoute, SpecialScenario } from './fleet-model.ts';
import type { People, Person } from './traffic-people.ts';
import { playRequest, type RequestPlan } from './traffic-request.ts';
import { recordGarbage, recordRequest, type Site } from './traffic-site.ts';
import type { Stagecraft } from './traffic-stagecraft.ts';
import { openConnection } from './traffic-web-socket.ts';
import { createWheel } from './traffic-wheel.ts';

/** Sends what arrives at one stage: ordinary requests, and in turn everything special that the API is there for. */
export interface Scene {
  arrive(atMs: number): void;
}

/** One arrival in about this many is special. */
const SPECIAL_GAP = 14;

export function createScene(site: Site, craft: Stagecraft): Scene {
  const specials = createWheel(site.api.specials, SPECIAL_GAP, craft.random);
  const routes = weightedRoutes(site.api.routes);
  const guarded = weightedRoutes(site.api.routes.filter((route) => route.auth !== 'none'));
  const isWebSocket = site.api.protocol === 'WEBSOCKET';
  return {
    arrive: (atMs) => {
      const special = specials.turn();
      const isGuarded = guarded.length > 0 && (special !== undefined || isWebSocket);
      const route = craft.random.pick(isGuarded ? guarded : routes);
      if (isLoose(special)) playLoose(site, special, atMs, craft);
      else playArrival(site, planFor(site, route, atMs, special, craft), craft);
    },
  };
}

function playArrival(site: Site, plan: RequestPlan, craft: Stagecraft): void {
  if (site.api.protocol === 'WEBSOCKET') {
    openConnection(site, plan, craft);
    return;
  }
  switch (plan.special) {
    case 'forged_request_id':
      play(site, { ...plan, forgedRequestId: craft.random.uuid() }, craft);
      return;
    case 'reused_request_id':
      playReused(site, plan, craft);
      return;
    case 'overlapping_request_id':
      playOverlapping(site, plan, craft);
      return;
    default:
      play(site, plan, craft);
  }
}

/** Lines and invocations that belong to no request. */
type LooseScenario = 'garbage_access_line' | 'garbage_authorizer_line' | 'console_test';

function isLoose(special: SpecialScenario | undefined): special is LooseScenario {
  return (
    special === 'garbage_access_line' || special === 'garbage_authorizer_line' || special === 'console_test'
  );
}

function playLoose(site: Site, special: LooseScenario, atMs: number, craft: Stagecraft): void {
  const { ledger, random } = craft;
  if (special === 'garbage_access_line') recordGarbage(site, atMs, ledger, random);
  else if (special === 'console_test') playConsoleTest(site, atMs, craft);
  else if (site.runtime !== undefined) {
    ledger.truth.addLine({ ...site.runtime.writeGarbage(atMs), of: 'authorizer' });
  }
}

/** Somebody presses "Test" in the console: an invocation, but neither access line nor metric. */
function playConsoleTest(site: Site, atMs: number, { people, ledger }: Stagecraft): void {
  if (site.runtime === undefined) return;
  const person = people.anyoneWelcome();
  const invocation = site.runtime.invoke({
    causeMs: atMs,
    calledMs: atMs,
    ending: 'allow',
    reason: 'token_valid',
    principal: person.id,
    ...(person.customer === undefined ? {} : { customer: person.customer }),
    ...(site.api.authorizer?.type === 'REQUEST' ? { gatewayRequestId: 'test-invoke-request' } : {}),
  });
  const { id, name } = site.api;
  const about = { apiId: id, apiName: name, stage: site.stage.name, scenario: 'console_test' };
  ledger.truth.addInvocation(about, invocation, 'authorizer_only');
}

/** The same id again, half a minute or more later, from somebody else: within the cache's life, never overlapping. */
function playReused(site: Site, plan: RequestPlan, craft: Stagecraft): void {
  const forged = { ...plan, forgedRequestId: craft.random.uuid() };
  play(site, forged, craft);
  const other = otherThan(plan.person, craft.people);
  craft.agenda.add(plan.startMs + craft.random.between(35_000, 100_000), (startMs) => {
    play(site, { ...forged, startMs, person: other, token: other.id, userAgent: other.userAgent }, craft);
  });
}

/**
 * Two clients, one id, at the same time. Both miss the cache, and each request's interval holds both invocations, so
 * that an access line which names nothing better cannot say which was its own.
 */
function playOverlapping(site: Site, plan: RequestPlan, craft: Stagecraft): void {
  const { random } = craft;
  const twin = (startMs: number, person: Person): RequestPlan => ({
    ...plan,
    startMs,
    person,
    token: `once-${random.uuid()}`,
    forgedRequestId,
    pace: { authorizerMs: 80 + random.int(40), integrationMs: 900 },
  });
  const forgedRequestId = random.uuid();
  const other = otherThan(plan.person, craft.people);
  play(site, twin(plan.startMs, plan.person), craft, true);
  craft.agenda.add(plan.startMs + 15, (startMs) => play(site, twin(startMs, other), craft, true));
}

function otherThan(person: Person, people: People): Person {
  let other = people.anyoneWelcome();
  while (other.id === person.id) other = people.anyoneWelcome();
  return other;
}

function play(site: Site, plan: RequestPlan, craft: Stagecraft, twin = false): void {
  const story = playRequest(plan, craft);
  const note = plan.special === undefined ? { twin } : { special: plan.special, twin };
  recordRequest(site, story, note, craft.ledger, craft.random);
}

function planFor(
  site: Site,
  route: FleetRoute,
  startMs: number,
  special: SpecialScenario | undefined,
  craft: Stagecraft,
): RequestPlan {
  const person = special === undefined ? craft.people.anyone() : craft.people.anyoneWelcome();
  const hasSegment = route.path.includes('{');
  const carelessly = route.auth === 'lambda' ? craft.headers.turn() : undefined;
  return {
    api: site.api,
    stage: site.stage,
    ...(site.desk === undefined ? {} : { desk: site.desk }),
    route,
    startMs,
    ...(special === undefined ? {} : { special }),
    person,
    token: person.id,
    userAgent: craft.userAgents.turn() ?? person.userAgent,
    segment: (hasSegment ? craft.pathSegments.turn() : undefined) ?? `id-${craft.random.digits(6)}`,
    ...(carelessly === undefined ? {} : { carelessly }),
  };
}

/** Each route as often as its weight, so that a plain pick is a weighted one. */
function weightedRoutes(routes: readonly FleetRoute[]): readonly FleetRoute[] {
  return routes.flatMap((route) =>
    route.path.startsWith('$') && route.path !== '$connect'
      ? []
      : Array.from({ length: route.weight }, () => route),
  );
}
