/** What is used of libheif-js, which describes only the functions of the library below its own classes. */
declare module 'libheif-js/wasm-bundle.js' {
  interface Channel {
    readonly width: number;
    readonly height: number;
    /** Bytes from one row to the next. */
    readonly stride: number;
    /** Within the memory of the module: not copied. */
    readonly data: Uint8Array;
  }
  interface HeifImage {
    readonly handle: object;
    is_primary(): boolean;
    get_width(): number;
    get_height(): number;
  }
  const libheif: {
    readonly HeifDecoder: new () => { decode(bytes: Uint8Array): readonly HeifImage[] };
    readonly heif_colorspace: { readonly heif_colorspace_RGB: object };
    readonly heif_chroma: { readonly heif_chroma_interleaved_RGB: object };
    /** `channels` is missing when it failed. */
    heif_js_decode_image2(
      handle: object, colorspace: object, chroma: object,
    ): Promise<{ readonly channels?: readonly Channel[] }> | { readonly channels?: readonly Channel[] };
  };
  export default libheif;
}
