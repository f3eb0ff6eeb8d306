/** Words that, in a name, announce a secret value. `sid` and the like count only as whole names. */
const SECRET_WORD =
  /passw(?:or)?d|passphrase|pwd|token|secret|credential|authori[sz]ation|cookie|(?:api|access|private|signing|shared|encryption|functions|subscription)[-_.]?key|signature|session[-_.]?id|(?<![a-z])(?:sid|jwt|otp|cvv2?|cvc2?|pin|ssn|csrf|xsrf)(?![a-z])/i;

/** Names that only speak about a secret: its kind, age, id, or how it was judged. */
const TELLS_ABOUT =
  /(?:type|kind|use|name|names|length|len|count|size|status|state|expiry|expires|expiresin|expiration|ttl|latency|latencyms|duration|source|sources|version|arn|url|uri|endpoint|algorithm|alg|issuer|required|present|valid|enabled|error|exception|provider|keyid|tokenid|secretid|credentialid)$/;

const MAY_END_IN = /^(?:api|access|private|signing|shared|encryption|functions|subscription)keyid$/;

/** Opaque positions in a list, handed out by AWS and by databases: they open nothing. */
const PAGE_TOKENS = new Set(['nexttoken', 'pagetoken', 'continuationtoken', 'clientrequesttoken']);

/** Names repeat on every line; how each was judged is kept until callers have made up too many. */
const known = new Map<string, boolean>();
const KNOWN_LIMIT = 5_000;

/**
 * True when a field, header or parameter of this name holds a secret: `password`, `X-Api-Key`, `authorizationToken`,
 * `Set-Cookie`. False for names that talk about one: `token_type`, `apiKeyId`, `nextToken`.
 */
export function isSecretName(name: string): boolean {
  let answer = known.get(name);
  if (answer === undefined) {
    answer = judge(name);
    if (known.size >= KNOWN_LIMIT) known.clear();
    if (name.length <= 64) known.set(name, answer);
  }
  return answer;
}

function judge(name: string): boolean {
  if (!SECRET_WORD.test(name)) return false;
  const letters = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (PAGE_TOKENS.has(letters) || MAY_END_IN.test(letters)) return false;
  return !TELLS_ABOUT.test(letters);
}
