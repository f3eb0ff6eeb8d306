import type { LogGroupRef } from '../model/inventory.ts';

/** Where a stage sends its access log. `elsewhere`: to something CloudWatch Logs cannot read back. */
export type AccessLogDestination =
  | { readonly kind: 'log_group'; readonly logGroup: LogGroupRef }
  | { readonly kind: 'elsewhere'; readonly service: string };

/** Reads `accessLogSettings.destinationArn`: a log-group ARN with or without `:*`, or a Firehose stream. */
export function accessLogDestination(destinationArn: string): AccessLogDestination {
  const match = /^arn:[^:]+:logs:([^:]+):(\d{12}):log-group:([^:]+)(:\*)?$/.exec(destinationArn);
  const [, region, account, logGroup] = match ?? [];
  if (region && account && logGroup) return { kind: 'log_group', logGroup: { account, region, logGroup } };
  return { kind: 'elsewhere', service: destinationArn.split(':')[2] || destinationArn };
}

export interface LambdaFunctionRef {
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
}

/**
 * The Lambda function behind an authorizer, from
 * `arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/arn:aws:lambda:REGION:ACCOUNT:function:NAME[:ALIAS]/invocations`.
 * `undefined` when the URI names none, or names it by a stage variable.
 */
export function lambdaFunctionOf(authorizerUri: string): LambdaFunctionRef | undefined {
  const match =
    /functions\/arn:[^:]+:lambda:([^:/]+):(\d{12}):function:([A-Za-z0-9_-]+)(:[^/]+)?\/invocations$/.exec(
      authorizerUri,
    );
  const [, region, account, functionName] = match ?? [];
  return region && account && functionName ? { region, account, functionName } : undefined;
}

/** Where Lambda writes unless the function says otherwise. */
export function defaultLambdaLogGroup(fn: LambdaFunctionRef): LogGroupRef {
  return { account: fn.account, region: fn.region, logGroup: `/aws/lambda/${fn.functionName}` };
}
