/* Stops an unfit Node.js with one sentence, before a tool of ours fails with a stack trace. */
import { isFit, refusalOf } from './node-version.js';

if (!isFit(process)) {
  process.stderr.write(refusalOf(process) + '\n');
  process.exit(2);
}
