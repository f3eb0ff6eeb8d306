import type { Check } from '../../src/cli/demo/check.ts';
import { compareJournal } from '../../src/cli/demo/compare-journal.ts';
import { compareSplunk } from '../../src/cli/demo/compare-sinks.ts';
import { indexJournal } from '../../src/cli/demo/journal-index.ts';
import type { Runtime } from '../../src/cli/worker/runtime.ts';
import type { AcceptedEvent } from '../../src/sandbox/splunk-hec.ts';
import type { RehearsedFleet } from '../pipeline/rehearsed-runtime.ts';

async function* each<T>(items: Iterable<T>): AsyncIterable<T> {
  yield* items;
}

/** What does not hold when the journal is compared with what the generator wrote down by now; empty when all does. */
export async function untrueOfJournal(fleet: RehearsedFleet, runtime: Runtime): Promise<string[]> {
  const journal = await indexJournal(runtime.journal);
  const truth = each(fleet.rehearsal.world.truth(fleet.nowMs));
  const { checks } = await compareJournal(truth, journal, runtime.redactor);
  return findingsOf(checks);
}

/** The same for what Splunk took in, beside how often it got a record twice. */
export async function untrueOfSplunk(fleet: RehearsedFleet, runtime: Runtime) {
  const accepted = ndjson<AcceptedEvent>(await textOf(fleet, 'accepted/splunk'));
  const { check, repeats } = await compareSplunk(each(accepted), await indexJournal(runtime.journal));
  return { findings: findingsOf([check]), repeats };
}

export async function textOf(fleet: RehearsedFleet, path: string): Promise<string> {
  const response = await fetch(`${fleet.rehearsal.sandbox.url}/_sandbox/${path}`);
  return response.text();
}

function findingsOf(checks: readonly Check[]): string[] {
  return checks.flatMap(({ name, failed, findings }) =>
    failed === 0 ? [] : [`${name}: ${failed}`, ...findings],
  );
}

function ndjson<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
