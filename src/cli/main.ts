#!/usr/bin/env -S node --max-semi-space-size=8
import { nodeComplaint } from './node-version.ts';
import { ownPackage } from './own-package.ts';

const complaint = nodeComplaint(ownPackage().node, process.version);
if (complaint === undefined) {
  // Loaded after the check: what it imports ends an older Node with a stack.
  const { start } = await import('./start.ts');
  await start();
} else {
  process.stderr.write(`${complaint}\n`);
  process.exitCode = 1;
}
