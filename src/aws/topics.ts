import { GetTopicAttributesCommand } from '@aws-sdk/client-sns';
import { HeldError } from '../core/errors.ts';
import type { AlarmCall, AlarmScope } from './alarm-scope.ts';

/** `missing`: no such topic. Counts are of confirmed subscriptions. */
export type TopicState =
  | { readonly kind: 'missing' }
  | { readonly kind: 'found'; readonly subscriptions: number; readonly policy: string };

export async function topicState(
  scoped: AlarmScope,
  call: AlarmCall & { readonly arn: string },
): Promise<TopicState> {
  const command = new GetTopicAttributesCommand({ TopicArn: call.arn });
  const note = scoped.note(call, 'GetTopicAttributes', 'Topics', call.arn);
  try {
    const answer = await scoped.calls.send(command, (sent, options) => scoped.sns.send(sent, options), note);
    return {
      kind: 'found',
      subscriptions: Number(answer.Attributes?.SubscriptionsConfirmed ?? '0'),
      policy: answer.Attributes?.Policy ?? '',
    };
  } catch (error) {
    if (error instanceof HeldError && error.code === 'aws_not_found') return { kind: 'missing' };
    throw error;
  }
}
