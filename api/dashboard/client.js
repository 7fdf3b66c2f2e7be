// The API as this page asks it: one token, one user, answers or errors in words.

export class Refused extends Error {
  /** @param {number} status of HTTP; 0 where the API did not answer at all */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const SILENCE_MS = 60_000; // `live` says far more often that it is alive
const RETRY_MS = [500, 1000, 2000, 5000, 15_000];

const pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });

export class Client {
  /** @param {(meta: object) => void} onMeta told of the freshness that each answer carries */
  constructor(token, user, onMeta) {
    this.token = token;
    this.user = user;
    this.onMeta = onMeta;
    this.stopping = new AbortController();
  }

  /** Stop everything that is under way. */
  stop() {
    this.stopping.abort();
  }

  get stopped() {
    return this.stopping.signal.aborted;
  }

  /** Ask a question about the user. Parameters that are null are left out. */
  async ask(question, parameters = {}) {
    const given = Object.entries(parameters).filter(([, value]) => value != null);
    const query = given.length ? `?${new URLSearchParams(given)}` : "";
    // Answers of the browser's cache would carry the freshness of then.
    const response = await this.#fetch(question + query, { cache: "no-store" });
    const answer = await response.json();
    this.onMeta(answer.meta);
    return answer;
  }

  /** Ask for a list, page by page. */
  async askAll(question, field) {
    const found = [];
    let cursor = null;
    do {
      const answer = await this.ask(question, { limit: 500, cursor });
      found.push(...answer[field]);
      cursor = answer.next_cursor;
    } while (cursor !== null);
    return found;
  }

  /**
   * Follow the user's changes until stopped; comes back by itself, and misses nothing.
   * @param {(name: string, data: object) => void} onEvent
   * @param {(connected: boolean) => void} onConnection
   */
  async follow(onEvent, onConnection) {
    let last = null;
    let failures = 0;
    while (!this.stopped) {
      try {
        const headers = last === null ? {} : { "Last-Event-ID": last };
        for await (const event of this.#events(headers)) {
          failures = 0;
          last = event.id ?? last;
          onConnection(true);
          onEvent(event.name, JSON.parse(event.data));
        }
      } catch (error) {
        if (error.status === 401 || error.status === 404) return;
      }
      if (this.stopped) return;
      onConnection(false);
      await pause(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)], this.stopping.signal);
    }
  }

  async *#events(headers) {
    const silence = new AbortController();
    const signal = AbortSignal.any([silence.signal, this.stopping.signal]);
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      // EventSource can't send the token.
      const response = await this.#fetch("live", { headers, signal, cache: "no-store" });
      let text = "";
      for await (const chunk of chunks(response.body)) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        const parts = (text + chunk).split("\n\n");
        text = parts.pop();
        yield* parts.map(parsed).filter((event) => event.name);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #fetch(question, { headers = {}, ...options } = {}) {
    const bearer = { Authorization: `Bearer ${this.token}` };
    let response;
    try {
      response = await fetch(`v1/users/${encodeURIComponent(this.user)}/${question}`, {
        signal: this.stopping.signal,
        ...options,
        headers: { ...bearer, ...headers },
      });
    } catch (error) {
      throw error.name === "AbortError" ? error : new Refused(0, "The API does not answer.");
    }
    if (response.ok) return response;
    const detail = await response.json().then((problem) => problem.detail, () => null);
    throw new Refused(response.status, detail ?? `The API answered ${response.status}.`);
  }
}

async function* chunks(body) {
  // Not every browser can iterate over a stream itself.
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // it may have failed already, which was thrown
  }
}

function parsed(text) {
  const fields = {};
  for (const line of text.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return { id: fields.id, name: fields.event, data: fields.data };
}
