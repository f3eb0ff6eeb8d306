import { jsonReply, type Reply } from '../http-exchange.ts';
import type { WorldV2Api } from '../world.ts';
import { notFound, pageOf } from './api-gateway-pages.ts';
import type { Caller } from './caller.ts';
import type { AwsContext } from './operation.ts';

type Item = Readonly<Record<string, unknown>>;

/** HTTP and WebSocket control-plane reads: every list is `items` with `nextToken`. */
export interface V2Read {
  readonly operation: string;
  readonly run: (context: AwsContext, caller: Caller, query: URLSearchParams) => Reply;
}

interface Part {
  readonly list: string;
  readonly one: string;
  readonly key: string;
  readonly items: (api: WorldV2Api) => readonly Item[];
}

const PARTS: Readonly<Record<string, Part>> = {
  stages: { list: 'GetStages', one: 'GetStage', key: 'stageName', items: (api) => api.stages },
  authorizers: {
    list: 'GetAuthorizers',
    one: 'GetAuthorizer',
    key: 'authorizerId',
    items: (api) => api.authorizers,
  },
  routes: { list: 'GetRoutes', one: 'GetRoute', key: 'routeId', items: (api) => api.routes },
  integrations: {
    list: 'GetIntegrations',
    one: 'GetIntegration',
    key: 'integrationId',
    items: (api) => api.integrations ?? [],
  },
};

/** The read a path names (`/v2/apis/{id}/routes`), or undefined when the sandbox has none. */
export function v2Read(method: string, path: string): V2Read | undefined {
  if (method !== 'GET') return undefined;
  const [version, apis, id, partName, name, ...rest] = path
    .split('/')
    .filter(Boolean)
    .map(decodeURIComponent);
  if (version !== 'v2' || apis !== 'apis' || rest.length > 0) return undefined;
  if (id === undefined) return { operation: 'GetApis', run: getApis };
  if (partName === undefined) {
    return {
      operation: 'GetApi',
      run: (context, caller) => jsonReply(200, findApi(context, caller, id).api),
    };
  }
  const part = PARTS[partName];
  if (part === undefined) return undefined;
  return name === undefined ? listOf(path, id, part) : oneOf(id, part, name);
}

function getApis(context: AwsContext, caller: Caller, query: URLSearchParams): Reply {
  const apis = context.world.v2Apis
    .filter((api) => api.account === caller.account && api.region === caller.region)
    .map((api) => api.api);
  return listReply(context, caller, '/v2/apis', apis, query);
}

function listOf(path: string, id: string, part: Part): V2Read {
  return {
    operation: part.list,
    run: (context, caller, query) =>
      listReply(context, caller, path, part.items(findApi(context, caller, id)), query),
  };
}

function oneOf(id: string, part: Part, name: string): V2Read {
  return {
    operation: part.one,
    run: (context, caller) => {
      const found = part.items(findApi(context, caller, id)).find((item) => item[part.key] === name);
      if (found === undefined) throw notFound(part.key);
      return jsonReply(200, found);
    },
  };
}

function findApi(context: AwsContext, caller: Caller, id: string): WorldV2Api {
  const found = context.world.v2Apis.find(
    (api) => api.api.apiId === id && api.account === caller.account && api.region === caller.region,
  );
  if (found === undefined) throw notFound('API');
  return found;
}

function listReply(
  context: AwsContext,
  caller: Caller,
  path: string,
  items: readonly Item[],
  query: URLSearchParams,
): Reply {
  const page = pageOf(context, items, {
    scope: [caller.account, caller.region, path].join('\n'),
    token: query.get('nextToken'),
    limit: query.get('maxResults'),
    maxLimit: 100,
  });
  return jsonReply(200, { items: page.items, ...(page.next === undefined ? {} : { nextToken: page.next }) });
}
