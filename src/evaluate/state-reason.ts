import { COMPARISON_WORDS } from './comparison.ts';
import type { AlarmSettings, Evaluation } from './evaluate-alarm.ts';

/** `StateReason` in CloudWatch's words, with the values that decided and the times they are of (UTC). */
export function stateReason(settings: AlarmSettings, evaluation: Evaluation): string {
  const real = evaluation.slots.filter((slot) => slot.value !== undefined);
  const newest = real.slice(-settings.evaluationPeriods);
  if (newest.length === 0) return reasonWithoutData(settings);
  const breaching = evaluation.judgements.filter((judgement) => judgement !== 'missing');
  const crossed = breaching.slice(-newest.length).filter((one) => one === 'breaching').length;
  const alarming = evaluation.verdict === 'ALARM';
  const shown = alarming ? crossed : newest.length - crossed;
  const values = newest.map((slot) => `${shortNumber(slot.value ?? 0)} (${stampOf(slot.startMs)})`);
  const transition = alarming
    ? `(minimum ${points(settings.datapointsToAlarm)} for OK -> ALARM transition)`
    : `(minimum ${points(settings.evaluationPeriods - settings.datapointsToAlarm + 1)} for ALARM -> OK transition)`;
  const filled =
    evaluation.filled === 0
      ? ''
      : ` and ${points(evaluation.filled, 'missing ')} ${evaluation.filled === 1 ? 'was' : 'were'} treated as [${modeWord(settings)}]`;
  return (
    `Threshold Crossed: ${shown} out of the last ${points(newest.length)} [${values.reverse().join(', ')}] ` +
    `${shown === 1 ? 'was' : 'were'} ${alarming ? '' : 'not '}${COMPARISON_WORDS[settings.comparison]} the threshold ` +
    `(${settings.threshold})${filled} ${transition}.`
  );
}

function reasonWithoutData(settings: AlarmSettings): string {
  const periods = `${settings.evaluationPeriods} period${settings.evaluationPeriods === 1 ? '' : 's'}`;
  if (settings.missingData === 'missing') {
    return `Insufficient Data: ${points(settings.evaluationPeriods)} were unknown.`;
  }
  return (
    `Threshold Crossed: no datapoints were received for ${periods} and ` +
    `${points(settings.evaluationPeriods, 'missing ')} were treated as [${modeWord(settings)}].`
  );
}

function modeWord(settings: AlarmSettings): string {
  return { missing: 'Missing', ignore: 'Ignored', breaching: 'Breaching', notBreaching: 'NonBreaching' }[
    settings.missingData
  ];
}

function points(count: number, adjective = ''): string {
  return `${count} ${adjective}datapoint${count === 1 ? '' : 's'}`;
}

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(12)));
}

/** `dd/mm/yy hh:mm:ss`, as CloudWatch writes it. */
function stampOf(ms: number): string {
  const iso = new Date(ms).toISOString();
  return `${iso.slice(8, 10)}/${iso.slice(5, 7)}/${iso.slice(2, 4)} ${iso.slice(11, 19)}`;
}
