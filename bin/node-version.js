/* Plain JavaScript that Node.js 12 still parses: it has to run where nothing else of Spillway can. */

export const LEAST_NODE = '22.19.0';

/** True if this Node.js is new enough and runs TypeScript (some distributions build it without). */
export function isFit(running) {
  return isAtLeast(running.versions.node, LEAST_NODE) && Boolean(running.features.typescript);
}

/** One sentence for a person whose Node.js is unfit. */
export function refusalOf(running) {
  const found = isAtLeast(running.versions.node, LEAST_NODE)
    ? 'this Node.js ' + running.versions.node + ' does not run TypeScript'
    : 'this is Node.js ' + running.versions.node;
  return (
    'Spillway needs Node.js ' + LEAST_NODE + ' or newer, but ' + found +
    ': run `npm ci` in its folder, which brings a Node.js of its own, and start it through npm (`npm start`), or install Node.js 24.'
  );
}

function isAtLeast(version, least) {
  const have = version.split('.').map(Number);
  const want = least.split('.').map(Number);
  const first = want.findIndex((part, index) => part !== have[index]);
  return first === -1 || have[first] > want[first];
}
