import { z } from 'zod';
import { duration, glob, text } from '../core/config-fields.ts';

/** How log groups are read: lag, patience and re-reads. */
export const logsConfig = z
  .strictObject({
    lagAllowance: duration()
      .prefault('60s')
      .meta({
        description:
          'How long after its timestamp an event may become readable before it counts as late, a duration. Live reading reaches back this far, or as far as 99 of 100 events need (at most two minutes, or this); a group with so much traffic that this takes long is read back less far, and once more at this age. When events need more than this, the log and /readyz say so.',
        examples: ['60s'],
      }),
    maxHold: duration({ minMs: 1_000, maxMs: 3_600_000 })
      .prefault('5m')
      .meta({
        description:
          'Longest time a request waits for its authorizer lines before it leaves as `access_only`, a duration.',
        examples: ['5m'],
      }),
    rereads: z
      .array(duration({ minMs: 60_000 }))
      .max(10)
      .prefault(['5m', '1h', '24h'])
      .meta({
        description:
          'Ages at which a closed window is read again for late events, durations. Each costs read quota, of what reading the new leaves. What is later than the last age is found by `gatewatch backfill` only.',
        examples: [['5m', '1h', '24h']],
      }),
    firstRead: duration()
      .prefault('1h')
      .meta({
        description: 'How far back a log group is read when it is read for the first time, a duration.',
        examples: ['24h'],
      }),
    slice: duration({ minMs: 60_000, maxMs: 3_600_000 })
      .prefault('10m')
      .meta({
        description: 'Span read in one go when catching up, a duration. Live reading goes on beside it.',
        examples: ['10m'],
      }),
  })
  .meta({ description: 'How log groups are read.' });

const earlierFormat = z
  .strictObject({
    api: glob().meta({ description: 'API name or id, as a pattern.', examples: ['orders'] }),
    stage: glob()
      .prefault('*')
      .meta({ description: 'Stage, as a pattern.', examples: ['prod'] }),
    format: text()
      .max(32_768)
      .meta({
        description: 'The access-log format as it was, verbatim.',
        examples: ['$context.requestId $context.status'],
      }),
  })
  .meta({ description: 'A format that lines of the past still carry.' });

export const accessLogsConfig = z
  .strictObject({
    earlierFormats: z
      .array(earlierFormat)
      .prefault([])
      .meta({ description: 'Formats that stages had before; tried after the current one.' }),
  })
  .meta({ description: 'Access logs.' });

const PRESETS = ['auto', 'text', 'lambda_json', 'powertools', 'custom'] as const;

const aliases = z.array(text()).min(1);

/** Where one value stands in an authorizer's line: at one of several JSON paths, or after `key=`. */
const fieldPlace = z.union([z.strictObject({ path: aliases }), z.strictObject({ key: text() })]).meta({
  description:
    'Either `path`: a list of JSON paths, the first present wins; or `key`: the word before `=` or `:`.',
});

function place(what: string, example: string) {
  return fieldPlace.exactOptional().meta({
    description: `Where ${what} stands in a line.`,
    examples: [{ path: [example] }, { key: example }],
  });
}

const authorizerFields = z
  .strictObject({
    decision: place('the decision', 'decision'),
    allow: aliases.exactOptional().meta({ description: 'Words that mean allow.', examples: [['Allow']] }),
    deny: aliases.exactOptional().meta({ description: 'Words that mean deny.', examples: [['Deny']] }),
    reason: place('the reason', 'reason'),
    principal: place('the principal', 'principalId'),
    customer: place('the customer', 'orgCustomerId'),
    gatewayRequestId: place('the API Gateway request id', 'requestContext.requestId'),
    connectionId: place('the WebSocket connection id', 'requestContext.connectionId'),
    lambdaRequestId: place('the Lambda request id', 'requestId'),
  })
  .meta({ description: 'Where the values stand; what is absent is taken from the preset.' });

const DEFAULT_CUSTOMER_PROPERTIES = [
  'orgCustomerId',
  'x_org_customer_id',
  'customerId',
  'claims.org_customer_id',
];

const authorizerContext = z
  .strictObject({
    customer: aliases.prefault(DEFAULT_CUSTOMER_PROPERTIES).meta({
      description: 'Authorizer context properties that carry the customer; the first present wins.',
      examples: [['orgCustomerId']],
    }),
    principal: aliases.prefault(['principalId', 'claims.sub']).meta({
      description: 'Authorizer context properties that carry the principal; the first present wins.',
      examples: [['principalId']],
    }),
  })
  .prefault({})
  .meta({ description: 'Context properties, as `$context.authorizer.PROPERTY` renders them.' });

const authorizerRule = z
  .strictObject({
    match: z
      .strictObject({
        name: glob()
          .exactOptional()
          .meta({ description: 'Authorizer name, as a pattern.', examples: ['legacy-*'] }),
        function: glob()
          .exactOptional()
          .meta({ description: 'Name of its Lambda function, as a pattern.', examples: ['authz-*'] }),
      })
      .refine((match) => match.name !== undefined || match.function !== undefined, {
        params: { expected: 'name, function or both', remedy: 'write name: "*" to match every authorizer' },
      })
      .meta({ description: 'Which authorizers the entry is about; both must match when both are given.' }),
    logGroup: z
      .strictObject({
        account: text().meta({ description: 'Name of an entry of `accounts`.', examples: ['central'] }),
        region: text().meta({ description: 'Region of the log group.', examples: ['eu-west-1'] }),
        name: text()
          .max(512)
          .meta({ description: 'Log group name.', examples: ['/custom/authz'] }),
      })
      .exactOptional()
      .meta({
        description: 'Where the function logs, when that is not `/aws/lambda/FUNCTION` in its own account.',
      }),
    preset: z
      .enum(PRESETS)
      .prefault('auto')
      .meta({
        description:
          'Form of the lines; `auto` tries each form on each line, `custom` relies on `fields` alone.',
        examples: ['powertools'],
      }),
    fields: authorizerFields.prefault({}),
    context: authorizerContext,
  })
  .meta({ description: 'How one kind of authorizer logs.' });

export const authorizersConfig = z.array(authorizerRule).meta({
  description:
    'How authorizers log, first match wins. An authorizer that matches nothing is read with every preset.',
});

export const customersConfig = z
  .strictObject({
    fromPrincipal: z
      .record(z.string(), text())
      .prefault({})
      .meta({
        description:
          'Principal to customer, for requests where neither context nor authorizer log names one.',
        examples: [{ 'svc-1': 'C-1' }],
      }),
  })
  .meta({ description: 'Who the customer is.' });

export type LogsConfig = z.infer<typeof logsConfig>;
export type AccessLogsConfig = z.infer<typeof accessLogsConfig>;
export type AuthorizerRuleConfig = z.infer<typeof authorizerRule>;
export type AuthorizersConfig = z.infer<typeof authorizersConfig>;
export type FieldPlaceConfig = z.infer<typeof fieldPlace>;
export type CustomersConfig = z.infer<typeof customersConfig>;
