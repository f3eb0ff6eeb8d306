import type { Reply } from '../http-exchange.ts';
import { AwsError, escapeXml } from './aws-errors.ts';
import type { Caller } from './caller.ts';

const NAMESPACE = 'http://sns.amazonaws.com/doc/2010-03-31/';
const TOPIC = /^arn:aws[a-z-]*:sns:([a-z0-9-]+):(\d{12}):([A-Za-z0-9_-]{1,256})$/;

/** In the lines for people. */
const LONGEST_REASON = 120;

export interface Topic {
  readonly arn: string;
  /** Endpoints with a confirmed subscription. */
  readonly subscribers: readonly string[];
}

export interface SnsDelivery {
  readonly topicArn: string;
  readonly atMs: number;
  readonly subscribers: readonly string[];
  readonly message: Readonly<Record<string, unknown>>;
}

/** Topics of the fleet and what was published to them. A topic nobody knows fails the action, as on AWS. */
export class SnsLog {
  readonly #topics: ReadonlyMap<string, Topic>;
  readonly deliveries: SnsDelivery[] = [];

  constructor(topics: readonly Topic[]) {
    this.#topics = new Map(topics.map((topic) => [topic.arn, topic]));
  }

  topicsOf(scope: Pick<Caller, 'account' | 'region'>): readonly Topic[] {
    return [...this.#topics.values()].filter((topic) => {
      const [, region, account] = TOPIC.exec(topic.arn) ?? [];
      return region === scope.region && account === scope.account;
    });
  }

  topic(arn: string): Topic | undefined {
    return this.#topics.get(arn);
  }

  /** What was published, for people: when, which state, which alarm, who was told, and why. */
  *lines(): Generator<string> {
    for (const { atMs, subscribers, message } of this.deliveries) {
      const who = subscribers.length === 0 ? 'nobody is subscribed' : `to ${subscribers.join(', ')}`;
      const time = new Date(atMs).toISOString().slice(11, 19);
      const why = String(message.NewStateReason).replaceAll(/arn:aws:cloudwatch:[^,\s]*?:alarm:/g, '');
      yield `${time}  ${String(message.NewStateValue).padEnd(6)} ${String(message.AlarmName)} ${who}: ${why.slice(0, LONGEST_REASON)}`;
    }
  }

  publish(arn: string, message: Readonly<Record<string, unknown>>, atMs: number): string {
    const topic = this.#topics.get(arn);
    if (topic === undefined) return 'Topic does not exist';
    this.deliveries.push({ topicArn: arn, atMs, subscribers: topic.subscribers, message });
    return 'delivered';
  }
}

const SNS_ACTIONS = new Set(['ListTopics', 'GetTopicAttributes', 'ListSubscriptionsByTopic']);

export function isSnsAction(action: string): boolean {
  return SNS_ACTIONS.has(action);
}

/** SNS of the Query protocol: form in, XML out. Only what somebody needs to check where an alarm goes. */
export function runSns(sns: SnsLog, caller: Caller, form: URLSearchParams): Reply {
  const action = form.get('Action') ?? '';
  switch (action) {
    case 'ListTopics':
      return xmlReply(
        action,
        membersXml(
          'Topics',
          sns.topicsOf(caller).map((topic) => `<TopicArn>${escapeXml(topic.arn)}</TopicArn>`),
        ),
      );
    case 'GetTopicAttributes':
      return xmlReply(action, attributesXml(topicOf(sns, form)));
    case 'ListSubscriptionsByTopic':
      return xmlReply(action, subscriptionsXml(topicOf(sns, form)));
    default:
      throw new AwsError('InvalidAction', `Could not find operation ${action}`);
  }
}

function topicOf(sns: SnsLog, form: URLSearchParams): Topic {
  const topic = sns.topic(form.get('TopicArn') ?? '');
  if (topic === undefined) throw new AwsError('NotFound', 'Topic does not exist', { status: 404 });
  return topic;
}

function attributesXml(topic: Topic): string {
  const attributes = {
    TopicArn: topic.arn,
    SubscriptionsConfirmed: String(topic.subscribers.length),
    SubscriptionsPending: '0',
    Policy: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Action: 'SNS:Publish',
          Resource: topic.arn,
        },
      ],
    }),
  };
  const entries = Object.entries(attributes).map(
    ([key, value]) => `<entry><key>${key}</key><value>${escapeXml(value)}</value></entry>`,
  );
  return `<Attributes>${entries.join('')}</Attributes>`;
}

function subscriptionsXml(topic: Topic): string {
  return membersXml(
    'Subscriptions',
    topic.subscribers.map(
      (endpoint, index) =>
        `<TopicArn>${escapeXml(topic.arn)}</TopicArn><Protocol>email</Protocol><Owner>000000000000</Owner>` +
        `<SubscriptionArn>${escapeXml(`${topic.arn}:sub-${index}`)}</SubscriptionArn><Endpoint>${escapeXml(endpoint)}</Endpoint>`,
    ),
  );
}

function membersXml(name: string, members: readonly string[]): string {
  return `<${name}>${members.map((member) => `<member>${member}</member>`).join('')}</${name}>`;
}

function xmlReply(action: string, result: string): Reply {
  const body =
    `<${action}Response xmlns="${NAMESPACE}"><${action}Result>${result}</${action}Result>` +
    `<ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></${action}Response>`;
  return { status: 200, headers: { 'content-type': 'text/xml' }, body };
}
