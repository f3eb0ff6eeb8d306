import { GetIntegrationsCommand } from '@aws-sdk/client-apigatewayv2';
import type { AlarmCall, AlarmScope } from './alarm-scope.ts';
import { pagedListing } from './paged-listing.ts';
import { required } from './required-member.ts';

/** An integration of an HTTP or WebSocket API, and how long it may take. */
export interface DescribedIntegration {
  readonly integrationId: string;
  readonly timeoutMs?: number;
}

export function listIntegrations(
  scoped: AlarmScope,
  call: AlarmCall & { readonly apiId: string },
): AsyncIterable<readonly DescribedIntegration[]> {
  const path = `/v2/apis/${call.apiId}/integrations`;
  const note = {
    ...scoped.note(call, 'GetIntegrations', 'ApiGatewayControlPlane', path),
    permission: `apigateway:GET on ${path}`,
  };
  return pagedListing('GetIntegrations', async (token) => {
    const command = new GetIntegrationsCommand({
      ApiId: call.apiId,
      ...(token === undefined ? {} : { NextToken: token }),
    });
    const page = await scoped.calls.send(command, (sent, options) => scoped.apis.send(sent, options), note);
    const items = (page.Items ?? []).map((item) => ({
      integrationId: required(item.IntegrationId, 'IntegrationId', 'an integration'),
      ...(item.TimeoutInMillis === undefined ? {} : { timeoutMs: item.TimeoutInMillis }),
    }));
    return { items, next: page.NextToken };
  });
}
