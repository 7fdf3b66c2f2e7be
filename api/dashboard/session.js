// Who looks: a token and, for an administrator, whose figures. Both are kept in this tab alone.

const TOKEN = "tonnage.token";
const USER = "tonnage.user";

export const token = () => sessionStorage.getItem(TOKEN);

/** Return the user to ask for: "me" for the token's own; null where one must be chosen. */
export const user = () => sessionStorage.getItem(USER) ?? (hasOwnUser() ? "me" : null);

/** Begin with a token, and with its own user unless another one is given. */
export function begin(token, user = null) {
  sessionStorage.setItem(TOKEN, token);
  if (user === null) sessionStorage.removeItem(USER);
  else choose(user);
}

export function choose(user) {
  sessionStorage.setItem(USER, user);
}

export function forget() {
  sessionStorage.removeItem(TOKEN);
  sessionStorage.removeItem(USER);
}

/** Take `#token=…&user=…` out of the address, so that no bookmark or history keeps it. */
export function takeFromAddress() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (!fragment.has("token")) return;
  begin(fragment.get("token"), fragment.get("user"));
  history.replaceState(null, "", location.pathname + location.search);
}

export const isAdmin = () => String(claims().scope ?? "").split(/[ ,]/).includes("admin");

const hasOwnUser = () => !isAdmin() || "sub" in claims() || "user_id" in claims();

/** Read what the token says of itself; the API alone judges whether it is right. */
function claims() {
  try {
    const bytes = atob(token().split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(bytes) ?? {};
  } catch {
    return {}; // the API will refuse it, in words
  }
}
