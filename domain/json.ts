/** Any JSON value, as it travels over HTTP and through Temporal. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
