declare module '@joplin/turndown-plugin-gfm' {
  import type { Plugin } from 'turndown';
  const plugins: { readonly tables: Plugin; readonly strikethrough: Plugin };
  export default plugins;
}
