/**
 * A JWT, or what gives one. The function is told which token was refused, if one was: a cache must
 * not answer with that again.
 */
export type Token = string | ((refused?: string) => string | Promise<string>);

export const tokenOf = async (token: Token, refused?: string): Promise<string> =>
  typeof token === "string" ? token : token(refused);
