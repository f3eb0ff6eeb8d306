/** Name of the pseudonym key file that `gatewatch init` makes beside the configuration. */
export const PSEUDONYM_KEY_FILE = 'pseudonym.key';

/**
 * What `gatewatch init` writes: the smallest useful file, with what most people change next as comments. It fits the
 * sandbox as it stands; on a real account only `accounts` and the two addresses change.
 */
export const STARTER_CONFIG = `# Gatewatch. Check it with:  gatewatch config check
# Every option with its default:  gatewatch config reference
version: 1

# AWS credentials, endpoints and proxies are the AWS SDK's own: profiles, roles, AWS_* variables.
accounts:
  central:
    accountId: "111122223333"
    regions: [eu-west-1]
  # Another account is read through a role in it:
  # identity:
  #   accountId: "444455556666"
  #   regions: [eu-west-1]
  #   roleArn: arn:aws:iam::444455556666:role/gatewatch
  #   externalId: $\{env:GATEWATCH_EXTERNAL_ID}

# Every API and stage is watched unless you say otherwise.
# inventory:
#   include: [{ name: "orders-*" }]
#   exclude: [{ stage: test }]

# Principals and customers leave as pseudonyms made with this key. Keep it: without it nobody can be looked up.
redaction:
  keys:
    - id: k1
      secret: $\{file:${PSEUDONYM_KEY_FILE}}

# Audit trail and delivery queue, on a local disk that survives a restart.
journal:
  path: gatewatch.db

# The addresses are https in production; http is accepted to this machine only (the sandbox).
sinks:
  splunk:
    type: splunk_hec
    url: $\{env:SPLUNK_HEC_URL}
    token: $\{env:SPLUNK_HEC_TOKEN}
  dynatrace:
    type: dynatrace_otlp
    url: $\{env:DT_OTLP_URL}
    token: $\{env:DT_TOKEN}
`;
