/** Width and height as the header has them, before any turning. */
export interface Dimensions { readonly width: number; readonly height: number }
