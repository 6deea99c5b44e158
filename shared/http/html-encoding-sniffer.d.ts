declare module 'html-encoding-sniffer' {
  /** @returns the WHATWG name of the encoding */
  export default function sniffEncoding(bytes: Uint8Array, options?: { transportLayerEncodingLabel?: string; defaultEncoding?: string; maxPrescanBytes?: number }): string;
}
