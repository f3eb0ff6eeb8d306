/**
 * `node test/bench/undelivered.ts [rows]`: rows are committed while one HEC never answers and an OTLP endpoint takes all.
 * Prints the most memory that was held, and what is delivered. The measured process is the worker's bundle, started as it
 * is deployed; the destinations are in this one.
 */
import { fork } from 'node:child_process';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { compiled, LAUNCH_ENVIRONMENT, LAUNCH_FLAGS } from './compiled.ts';
import type { Measured, UndeliveredTask } from './messages.ts';

const rows = Number(process.argv[2] ?? 200_000);
const silent = await listen(() => undefined);
const taking = await listen((response) => response.writeHead(200).end());
const measured = await measureIn({ rows, silentUrl: silent.url, takingUrl: taking.url });
process.stdout.write(
  `${rows} rows  peak ${measured.peakRssMb.toFixed(0)} MB  ${measured.cpuSeconds.toFixed(1)} CPU s  ${Object.entries(
    measured.notes,
  )
    .map(([sink, accepted]) => `${sink} ${accepted}`)
    .join(', ')}\n`,
);
for (const { server } of [silent, taking]) {
  server.closeAllConnections();
  server.close();
}

async function measureIn(task: UndeliveredTask): Promise<Measured> {
  const child = fork(await compiled('test/bench/undelivered-run.ts'), {
    execArgv: [...process.execArgv, '--disable-warning=ExperimentalWarning', ...LAUNCH_FLAGS],
    env: { ...process.env, ...LAUNCH_ENVIRONMENT },
  });
  return new Promise((resolve, reject) => {
    child.once('message', (answer) => resolve(answer as Measured));
    child.once('exit', (code, signal) =>
      reject(new Error(`Expected an answer, but the process ended with ${signal ?? code}`)),
    );
    child.send(task);
  });
}

/** Takes whatever is sent; `answer` decides whether anything comes back. */
async function listen(
  answer: (response: ServerResponse) => void,
): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Expected a port');
  return { server, url: `http://127.0.0.1:${address.port}` };
}
