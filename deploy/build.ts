/** `npm run build`: the package's `dist/`. */
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';

await bundle({
  entry: 'src/cli/main.ts',
  file: 'cli/main.js',
  outDir: fileURLToPath(new URL('../dist', import.meta.url)),
});
