// Muscle groups: shares of the weeks shown, balance against the weeks before, recency.

import { byId, day, fillTable, make, number, plural, share } from "./page.js";

const WORDS = { ok: "ok", undertrained: "undertrained", overemphasized: "overemphasized" };

export function drawShares({ muscle_groups: groups }, weeks) {
  const held = Object.entries(groups).sort(([, a], [, b]) => b.volume - a.volume);
  byId("shares-hint").textContent = held.length
    ? `Volume from ${weeks[0].week} to ${weeks.at(-1).week}`
    : "No workout in these weeks.";
  fillTable(
    byId("shares"),
    ["Group", "Volume|number", "Share|share"],
    held.map(([group, { volume, percentage }]) => [
      group,
      number(volume),
      bar(percentage / 100),
    ]),
  );
}

function bar(part) {
  const filled = make("span.filled");
  filled.style.width = `${Math.max(0, Math.min(1, part)) * 100}%`;
  return make("span.bar", {}, make("span.track", {}, filled), make("span.value", {}, share(part)));
}

export function drawBalance({ baselineShare, currentShare, status, weeks, recent, threshold }) {
  const trained = Object.values(baselineShare).some((each) => each !== 0);
  byId("balance-hint").textContent = trained
    ? `Share of the last ${plural(recent, "week")} against that of the last ${weeks}; a group is ok` +
      ` within ±${share(threshold)} of its own.`
    : `No volume in the last ${plural(weeks, "week")}.`;
  byId("balance").hidden = !trained;
  fillTable(
    byId("balance"),
    ["Group", `${weeks} weeks|number`, `${recent} weeks|number`, "Status"],
    Object.keys(status).map((group) => [
      group,
      share(baselineShare[group]),
      share(currentShare[group]),
      make(`span.status.${WORDS[status[group]] ?? "ok"}`, {}, status[group]),
    ]),
  );
}

export function drawRecency({ recency }) {
  fillTable(
    byId("recency"),
    ["Group", "Days|number", "On"],
    Object.entries(recency).map(([group, { days, date }]) => [
      group,
      days === null ? "–" : number(days),
      date === null ? "never" : day(date),
    ]),
  );
}
