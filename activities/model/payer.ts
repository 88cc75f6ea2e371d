/** Whose budget pays for a call of the model. */
export interface Payer { readonly tenant: string; readonly user: string }
