import type { StageInventory } from '../../model/inventory.ts';
import type { CompiledFormat } from './compile-format.ts';
import { type Certainty, type ParsedAccessLine, type ParseFailure, parseFailure } from './parsed-line.ts';

/** A stage that writes to the log group, with a format it has or had. */
export interface AccessLineCandidate {
  readonly stage: StageInventory;
  readonly format: CompiledFormat;
}

export interface MatchedLine {
  readonly kind: 'matched';
  readonly format: CompiledFormat;
  readonly parsed: ParsedAccessLine;
  /** Absent when the line names a stage that the inventory does not hold; then `apiId` and `stageName` say which. */
  readonly stage?: StageInventory;
  readonly apiId?: string;
  readonly stageName?: string;
}

export interface AccessLineParser {
  /** Never throws. The answer depends on the line alone, not on the lines before it. */
  parse(message: string, logStream: string): MatchedLine | ParseFailure;
}

/**
 * Finds the format and the stage of each line of a log group by what the line holds: several stages, and formats of
 * earlier times, may share a group. A line that two formats read equally well and differently is refused, not guessed.
 */
export function createAccessLineParser(settings: {
  readonly candidates: readonly AccessLineCandidate[];
}): AccessLineParser {
  const options = groupByFormat(settings.candidates);
  const orders = new Map(options.map((first) => [first, [first, ...options.filter((one) => one !== first)]]));
  const lastOfStream = new Map<string, FormatOption>();
  return {
    parse(message, logStream) {
      if (options.length === 0) return parseFailure('no access-log format is known for this log group');
      const last = lastOfStream.get(logStream);
      const likely = likelyOption(options, message, last);
      const readings = readWith((likely && orders.get(likely)) ?? options, message);
      if (readings.kind === 'failed') return readings;
      const [first, ...others] = readings.found;
      const match = others.length === 0 ? resolveStage(first) : settle(readings.found.map(resolveStage));
      if (match.kind === 'matched') remember(lastOfStream, logStream, last, first.option);
      return match;
    },
  };
}

interface FormatOption {
  readonly format: CompiledFormat;
  readonly stages: readonly StageInventory[];
  readonly apiIdSlot: number;
  readonly stageSlot: number;
  /** No other format of the group has the same members: what it reads exactly, no other can. */
  readonly isUnmistakable: boolean;
}

interface Reading {
  readonly option: FormatOption;
  readonly parsed: ParsedAccessLine;
}

/** Streams come and go by the thousand; the hint for an old one is not worth its memory. */
const STREAMS_REMEMBERED = 4_096;

const RANK: Readonly<Record<Certainty, number>> = { exact: 0, clean: 1, recovered: 2 };

function groupByFormat(candidates: readonly AccessLineCandidate[]): readonly FormatOption[] {
  const byText = new Map<string, { format: CompiledFormat; stages: StageInventory[] }>();
  for (const { stage, format } of candidates) {
    const known = byText.get(format.text);
    if (known === undefined) byText.set(format.text, { format, stages: [stage] });
    else if (!known.stages.some((other) => isSameStage(other, stage))) known.stages.push(stage);
  }
  const formats = [...byText.values()];
  return formats.map(({ format, stages }) => ({
    format,
    stages,
    isUnmistakable:
      format.members !== undefined &&
      formats.every((other) => other.format === format || other.format.members !== format.members),
    apiIdSlot: format.variables.indexOf('apiId'),
    stageSlot: format.variables.indexOf('stage'),
  }));
}

/** The format to try first: the one of the stream's last line, or another one that the line begins like. */
function likelyOption(
  options: readonly FormatOption[],
  message: string,
  last: FormatOption | undefined,
): FormatOption | undefined {
  if (last !== undefined && message.startsWith(last.format.firstLiteral)) return last;
  return options.find((option) => message.startsWith(option.format.firstLiteral));
}

/** Formats that read the line with the greatest certainty. */
function readWith(
  options: readonly FormatOption[],
  message: string,
): { readonly kind: 'found'; readonly found: readonly [Reading, ...Reading[]] } | ParseFailure {
  let found: [Reading, ...Reading[]] | undefined;
  let best = Number.POSITIVE_INFINITY;
  let problem = '';
  for (const option of options) {
    const parsed = option.format.parse(message);
    if (parsed.kind === 'failed') {
      problem ||= parsed.problem;
      continue;
    }
    const rank = RANK[parsed.certainty];
    if (rank > best) continue;
    if (rank < best || found === undefined) found = [{ option, parsed }];
    else found.push({ option, parsed });
    best = rank;
    if (parsed.certainty === 'exact' && option.isUnmistakable) break;
  }
  if (found !== undefined) return { kind: 'found', found };
  return parseFailure(options.length === 1 ? problem : `none of ${options.length} formats fits: ${problem}`);
}

function resolveStage({ option, parsed }: Reading): MatchedLine | ParseFailure {
  const apiId = option.apiIdSlot < 0 ? undefined : parsed.values[option.apiIdSlot];
  const stageName = option.stageSlot < 0 ? undefined : parsed.values[option.stageSlot];
  const fitting = option.stages.filter(
    (stage) =>
      (apiId === undefined || stage.apiId === apiId) &&
      (stageName === undefined || stage.stage === stageName),
  );
  const [stage, second] = fitting;
  if (second !== undefined)
    return parseFailure(`ambiguous stage: ${fitting.length} stages write this format`);
  if (stage !== undefined) return { kind: 'matched', format: option.format, parsed, stage };
  if (apiId !== undefined && stageName !== undefined) {
    return { kind: 'matched', format: option.format, parsed, apiId, stageName };
  }
  return parseFailure('the line names an API or stage that writes no such format here');
}

/** One match, or several that say the same; a match with a known stage counts before one without. */
function settle(matches: readonly (MatchedLine | ParseFailure)[]): MatchedLine | ParseFailure {
  const matched = matches.filter((match) => match.kind === 'matched');
  const known = matched.filter((match) => match.stage !== undefined);
  const pool = known.length > 0 ? known : matched;
  const [first, ...others] = pool;
  if (first === undefined)
    return matches.find((match) => match.kind === 'failed') ?? parseFailure('no format');
  if (others.every((other) => saysTheSame(first, other))) return first;
  return parseFailure(`ambiguous stage: ${pool.length} formats of this log group fit the line`);
}

function saysTheSame(a: MatchedLine, b: MatchedLine): boolean {
  const sameStage =
    a.stage === undefined || b.stage === undefined ? a.stage === b.stage : isSameStage(a.stage, b.stage);
  if (!sameStage || a.apiId !== b.apiId || a.stageName !== b.stageName) return false;
  if (a.format.variables.length !== b.format.variables.length) return false;
  return a.format.variables.every((name, slot) => {
    const other = b.format.variables.indexOf(name);
    return other >= 0 && a.parsed.values[slot] === b.parsed.values[other];
  });
}

function isSameStage(a: StageInventory, b: StageInventory): boolean {
  return a.account === b.account && a.region === b.region && a.apiId === b.apiId && a.stage === b.stage;
}

function remember(
  lastOfStream: Map<string, FormatOption>,
  logStream: string,
  last: FormatOption | undefined,
  option: FormatOption | undefined,
): void {
  if (option === undefined || option === last) return;
  if (lastOfStream.size >= STREAMS_REMEMBERED) lastOfStream.clear();
  lastOfStream.set(logStream, option);
}
