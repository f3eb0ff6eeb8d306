import type { CallNote } from './limited-calls.ts';

/** A call that lists what stands at a path of the API Gateway control plane, either generation. */
export function controlPlaneNote(operation: string, path: string, signal: AbortSignal): CallNote {
  return {
    operation,
    quota: 'ApiGatewayControlPlane',
    permission: `apigateway:GET on ${path}`,
    resource: path,
    signal,
  };
}
