/** The secret stands behind `#`: no browser sends it, so that it comes into no log, and opening the link spends nothing. */
export function resumeUrl(publicUrl: string, secret: string): string {
  return `${publicUrl.replace(/\/+$/, '')}/o/#r=${secret}`;
}
