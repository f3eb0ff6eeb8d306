import type { Random } from './random.ts';

/** Who sends requests. A suspended caller is denied; a limited one holds a policy that allows reading only. */
export interface Person {
  readonly id: string;
  /** Absent: the caller's token names no customer. */
  readonly customer?: string;
  readonly standing: 'good' | 'suspended' | 'limited';
  readonly sourceIp: string;
  readonly userAgent: string;
}

export interface People {
  /** Somebody, the few busy ones far more often than the many quiet ones. */
  anyone(): Person;
  /** Somebody whom no policy refuses. */
  anyoneWelcome(): Person;
}

/** Service principals whose customer only a configured map knows (`customers.fromPrincipal`). */
export const CUSTOMER_BY_PRINCIPAL: Readonly<Record<string, string>> = {
  'svc-inventory': 'cust-0007',
  'svc-shipping': 'cust-0019',
  'svc-analytics': 'cust-0101',
  'svc-mailer': 'cust-0155',
};

const PRINCIPALS = 2_000;
const CUSTOMERS = 200;
/** Zipf exponent: the busiest principal sends about one request in twenty. */
const SKEW = 0.8;

const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148',
  'okhttp/5.2.1',
  'python-requests/2.33.0',
  'axios/1.13.2',
  'curl/8.16.0',
  'Go-http-client/2.0',
];

export function createPeople(random: Random): People {
  const people = Array.from({ length: PRINCIPALS }, (_, rank) => personAt(rank, random));
  const cumulative = cumulativeWeights(PRINCIPALS);
  const total = cumulative.at(-1) ?? 1;
  const anyone = () => people[indexOf(cumulative, random.next() * total)] ?? personAt(0, random);
  return {
    anyone,
    anyoneWelcome: () => {
      let person = anyone();
      while (person.standing !== 'good') person = anyone();
      return person;
    },
  };
}

function personAt(rank: number, random: Random): Person {
  const base = {
    sourceIp: `${random.pick(['198.51.100', '203.0.113', '192.0.2'])}.${random.between(1, 254)}`,
    userAgent: random.pick(AGENTS),
  };
  const service = Object.keys(CUSTOMER_BY_PRINCIPAL)[(rank - 5) / 12];
  if (service !== undefined) return { ...base, id: service, standing: 'good' };
  const number = String(rank).padStart(4, '0');
  if (rank % 40 === 11) return { ...base, id: `guest-${number}`, standing: 'good' };
  return {
    ...base,
    id: `user-${number}`,
    customer: `cust-${String(random.between(1, CUSTOMERS)).padStart(4, '0')}`,
    standing: standingAt(rank),
  };
}

function standingAt(rank: number): Person['standing'] {
  if (rank % 25 === 3) return 'suspended';
  return rank % 20 === 8 ? 'limited' : 'good';
}

function cumulativeWeights(count: number): readonly number[] {
  let sum = 0;
  return Array.from({ length: count }, (_, rank) => {
    sum += (rank + 1) ** -SKEW;
    return sum;
  });
}

/** First index whose cumulative weight exceeds `value`. */
function indexOf(cumulative: readonly number[], value: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
