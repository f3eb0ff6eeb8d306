/**
 * `node test/bench/schedule.ts [--rate N] [--seconds N] [--scale N] [--call-ms N]`: how long after its lines can be read a
 * request reaches a destination when nothing costs time but calls by their quota: what schedule and quota leave of the
 * aim, whatever the machine. The real worker over virtual time, on a smaller scale. Exits 1 if something was lost or doubled.
 */
import { parseArgs } from 'node:util';
import { ROUND_MS } from './bench-traffic.ts';
import { print, seconds, spreadText } from './live/report.ts';
import { runModel } from './live/scale-model.ts';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '300' },
    scale: { type: 'string', default: '20' },
    'call-ms': { type: 'string', default: '100' },
  },
});

const [rate, scale] = [Number(values.rate), Number(values.scale)];
const { expected, whole, waiting, rounds, missing, unjoined, repeated, revised, callsPerSecond } =
  await runModel({
    phases: [
      { requestsPerSecond: rate / scale, rounds: Math.ceil((Number(values.seconds) * 1_000) / ROUND_MS) },
    ],
    scale,
    callMs: Number(values['call-ms']),
    tailMs: 400_000,
  });
print(
  `${rate} requests a second for ${values.seconds} s, on a scale of 1 to ${scale} (${expected.lines} lines)`,
);
print(`all lines readable   ${spreadText(whole)}`);
print(`partner never comes  ${spreadText(waiting)}`);
print(`missing ${missing}, not joined ${unjoined}, repeated ${repeated}, revised ${revised}`);
print(`p99 of each round    ${rounds.map(({ p99 }) => seconds(p99)).join(' ')}`);
print(`${callsPerSecond.toFixed(1)} calls a second`);
if (missing + unjoined + repeated > 0) process.exitCode = 1;
