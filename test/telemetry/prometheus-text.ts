export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusText {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/;
const SUFFIX = /_(bucket|sum|count)$/;

/**
 * Reads the text format 0.0.4 as strictly as its description does: throws for a line that is none, a sample without its
 * TYPE before it, a family told twice, and a page that does not end in a line feed.
 */
export function parsePrometheusText(page: string): PrometheusText {
  if (!page.endsWith('\n')) throw new Error('the last line must end with a line feed');
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of page.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('#')) readComment(line, types);
    else samples.push(readSample(line, types));
  }
  return { types, samples };
}

function readComment(line: string, types: Map<string, string>): void {
  const [, keyword, name, rest] = /^# (\S+) (\S+) (.*)$/.exec(line) ?? [];
  if (keyword !== 'TYPE' || name === undefined || rest === undefined) return;
  if (types.has(name)) throw new Error(`two TYPE lines for ${name}`);
  if (!['counter', 'gauge', 'histogram'].includes(rest)) throw new Error(`no type: ${line}`);
  types.set(name, rest);
}

function readSample(line: string, types: ReadonlyMap<string, string>): Sample {
  const [, name, labels, number] = SAMPLE.exec(line) ?? [];
  if (name === undefined || number === undefined) throw new Error(`no sample: ${line}`);
  const family = types.has(name) ? name : name.replace(SUFFIX, '');
  if (!types.has(family)) throw new Error(`no TYPE before ${line}`);
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  if (Number.isNaN(value) && number !== 'NaN') throw new Error(`no number: ${line}`);
  return { name, labels: readLabels(labels ?? ''), value };
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const [whole, name, value] = LABEL.exec(rest) ?? [];
    if (whole === undefined || name === undefined || value === undefined)
      throw new Error(`no labels: ${text}`);
    labels[name] = value.replace(/\\(.)/g, (_match, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    rest = rest.slice(whole.length);
  }
  return labels;
}
