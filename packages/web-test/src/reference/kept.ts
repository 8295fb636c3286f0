/** Texts that are kept in this tab's session. Where storage is forbidden, nothing is kept. */

export function keep(name: string, text: string): void {
  try {
    sessionStorage.setItem(name, text);
  } catch {
    // storage is forbidden
  }
}

export function kept(name: string): string {
  try {
    return sessionStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}
