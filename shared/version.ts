/** As in package.json, which no bundle has beside it. */
export const VERSION = '0.1.0';
