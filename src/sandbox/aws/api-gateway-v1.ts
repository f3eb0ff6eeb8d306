import { isObject } from '../../core/json.ts';
import { jsonReply, type Reply } from '../http-exchange.ts';
import type { WorldRestApi } from '../world.ts';
import { badRequest, notFound, pageOf } from './api-gateway-pages.ts';
import type { Caller } from './caller.ts';
import type { AwsContext } from './operation.ts';

type Item = Readonly<Record<string, unknown>>;

/** REST control-plane reads: lists come as `item` with `position`; stages come whole, without pages. */
export interface RestApiRead {
  readonly operation: string;
  readonly run: (context: AwsContext, caller: Caller, query: URLSearchParams) => Reply;
}

/** The read a path names (`/restapis/{id}/stages`), or undefined when the sandbox has none. */
export function restApiRead(method: string, path: string): RestApiRead | undefined {
  if (method !== 'GET') return undefined;
  const [root, id, part, name, ...rest] = path.split('/').filter(Boolean).map(decodeURIComponent);
  if (root !== 'restapis' || rest.length > 0) return undefined;
  if (id === undefined) return { operation: 'GetRestApis', run: getRestApis };
  if (part === undefined) {
    return {
      operation: 'GetRestApi',
      run: (context, caller) => jsonReply(200, findApi(context, caller, id).api),
    };
  }
  return name === undefined ? listOf(path, id, part) : oneOf(id, part, name);
}

function getRestApis(context: AwsContext, caller: Caller, query: URLSearchParams): Reply {
  const apis = context.world.restApis
    .filter((api) => api.account === caller.account && api.region === caller.region)
    .map((api) => api.api);
  return listReply(context, caller, '/restapis', apis, query);
}

function listOf(path: string, id: string, part: string): RestApiRead | undefined {
  switch (part) {
    case 'stages':
      return {
        operation: 'GetStages',
        run: (context, caller) => jsonReply(200, { item: findApi(context, caller, id).stages }),
      };
    case 'authorizers':
      return {
        operation: 'GetAuthorizers',
        run: (context, caller, query) =>
          listReply(context, caller, path, findApi(context, caller, id).authorizers, query),
      };
    case 'resources':
      return {
        operation: 'GetResources',
        run: (context, caller, query) =>
          listReply(context, caller, path, resourcesOf(findApi(context, caller, id), query), query),
      };
    default:
      return undefined;
  }
}

function oneOf(id: string, part: string, name: string): RestApiRead | undefined {
  const parts = {
    stages: {
      operation: 'GetStage',
      key: 'stageName',
      list: (api: WorldRestApi) => api.stages,
      what: 'stage',
    },
    authorizers: {
      operation: 'GetAuthorizer',
      key: 'id',
      list: (api: WorldRestApi) => api.authorizers,
      what: 'Authorizer',
    },
    resources: {
      operation: 'GetResource',
      key: 'id',
      list: (api: WorldRestApi) => api.resources,
      what: 'Resource',
    },
  };
  if (part !== 'stages' && part !== 'authorizers' && part !== 'resources') return undefined;
  const { operation, key, list, what } = parts[part];
  return {
    operation,
    run: (context, caller) => {
      const found = list(findApi(context, caller, id)).find((item) => item[key] === name);
      if (found === undefined) throw notFound(what);
      return jsonReply(200, found);
    },
  };
}

function findApi(context: AwsContext, caller: Caller, id: string): WorldRestApi {
  const found = context.world.restApis.find(
    (api) => api.api.id === id && api.account === caller.account && api.region === caller.region,
  );
  if (found === undefined) throw notFound('API');
  return found;
}

/** Methods are empty objects unless `embed=methods` asks for them. */
function resourcesOf(api: WorldRestApi, query: URLSearchParams): readonly Item[] {
  if (query.getAll('embed').includes('methods')) return api.resources;
  return api.resources.map((resource) => {
    const { resourceMethods, ...rest } = resource;
    if (!isObject(resourceMethods)) return rest;
    return {
      ...rest,
      resourceMethods: Object.fromEntries(Object.keys(resourceMethods).map((name) => [name, {}])),
    };
  });
}

function listReply(
  context: AwsContext,
  caller: Caller,
  path: string,
  items: readonly Item[],
  query: URLSearchParams,
): Reply {
  const embed = query.getAll('embed').join(',');
  if (embed !== '' && embed !== 'methods') throw badRequest(`Invalid embed: ${embed}`);
  const page = pageOf(context, items, {
    scope: [caller.account, caller.region, path, embed].join('\n'),
    token: query.get('position'),
    limit: query.get('limit'),
    maxLimit: 500,
  });
  return jsonReply(200, { item: page.items, ...(page.next === undefined ? {} : { position: page.next }) });
}
