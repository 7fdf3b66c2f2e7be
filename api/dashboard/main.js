// The page as a whole: who looks, what is shown, and when it is asked for again.

import { drawCalendar } from "./calendar.js";
import { Client } from "./client.js";
import { closeExplanation, explain, refreshExplanation } from "./explain.js";
import { drawBalance, drawRecency, drawShares } from "./groups.js";
import { shifted, weekOf, yearOf } from "./iso.js";
import { byId, change, make, number, plural, timeOf } from "./page.js";
import { drawProgress, drawRecords, fillExercises, toggleRecords } from "./records.js";
import * as session from "./session.js";
import { drawWeeks } from "./weeks.js";

const LOOK_MS = 5000; // how often freshness is asked for when nothing changes
const GATHER_MS = 100; // changes that come together are shown together

let client = null;
let shown = null; // what was drawn last, to be drawn again when the window changes
let end = null; // the last week shown
let year = null; // the year of the calendar
let running = null;
let connected = false;
let meta = null;
let turn = 0; // of the refreshes, so that a slow one does not undo the one after it

// -- who looks

function begin() {
  session.takeFromAddress();
  if (session.token() === null) signIn();
  else look();
}

function signIn(reason = null) {
  leave();
  session.forget();
  show("sign-in");
  byId("sign-out").hidden = byId("choose-user").hidden = true;
  say(reason, false);
  byId("token").focus();
}

function look() {
  leave();
  const user = session.user();
  byId("choose-user").hidden = !session.isAdmin();
  byId("user").value = user === null || user === "me" ? "" : user;
  byId("sign-out").hidden = false;
  say(null);
  if (user === null) {
    show(null);
    byId("user").focus();
    return;
  }
  show("loading");
  client = new Client(session.token(), user, fresh);
  refresh(client);
  follow(client);
}

function leave() {
  client?.stop();
  client = shown = end = year = running = meta = null;
  closeExplanation();
  byId("freshness").hidden = byId("stale").hidden = true;
}

// -- what is shown

function show(what) {
  for (const id of ["sign-in", "loading", "empty", "figures"]) byId(id).hidden = id !== what;
}

function say(trouble, again = true) {
  byId("trouble").hidden = trouble === null;
  byId("trouble").querySelector("p").textContent = trouble ?? "";
  byId("trouble").querySelector("button").hidden = !again;
}

function fresh(found) {
  meta = found;
  tellFreshness();
}

function tellFreshness() {
  if (meta === null) return;
  const time = meta.as_of.time;
  const when = time === null ? "nothing is complete yet" : `as of ${timeOf(time)}, ${number(meta.lag_seconds)} s behind`;
  byId("freshness").hidden = false;
  byId("freshness").dataset.state = meta.stale ? "stale" : connected ? "live" : "away";
  byId("freshness").textContent = `${meta.stale ? "stale" : connected ? "live" : "connecting"}, ${when}`;
  const left = meta.quarantined ? ` ${plural(meta.quarantined, "row")} could not be read and ${meta.quarantined === 1 ? "is" : "are"} left out; the week's explanation says why.` : "";
  const text = (meta.stale ? `These figures may be out of date: ${meta.reason}.` : "") + left;
  byId("stale").hidden = text === "";
  if (byId("stale").textContent !== text) byId("stale").textContent = text; // said once, not each time
}

async function refresh(by) {
  const mine = ++turn;
  try {
    const figures = await ask(by);
    if (by.stopped || mine !== turn) return;
    say(null);
    if (figures.streak.longest === 0) {
      show("empty");
      return;
    }
    show("figures");
    shown = figures;
    draw();
    await refreshExplanation(by);
  } catch (error) {
    failed(by, error);
  }
}

function failed(by, error) {
  if (by.stopped) return;
  if (error.status === undefined) throw error; // a defect of this page, not an answer
  if (error.status === 401) signIn(`Sign in again: ${error.message}.`);
  else if (error.status === 404) show(null);
  if (error.status !== 401) say(`No new figures: ${error.message}`);
}

async function ask(by) {
  const [streak, now, recency] = await Promise.all([
    by.ask("streak"),
    by.ask("year-over-year"),
    by.ask("muscle-groups/recency"),
  ]);
  running = now.weeks.find((week) => week.partial)?.week ?? running;
  end ??= begun(recency);
  year ??= yearOf(end);
  const weeks = await weeksUntil(by, now);
  const span = { start: weeks[0].week, end: weeks.at(-1).week };
  const [groups, balance, calendar, exercises, records] = await Promise.all([
    by.ask("muscle-groups", span),
    by.ask("muscle-groups/balance"),
    by.ask("calendar", { year }),
    by.askAll("exercises", "exercises"),
    by.askAll("records", "records"),
  ]);
  const exercise = fillExercises(exercises, records);
  const progress = exercise === null ? null : await by.ask(`exercises/${exercise}/progress`, { ...span, fill: "zero" });
  return { by, streak, now, recency, weeks, groups, balance, calendar, exercises, records, progress };
}

/** Return the last week to show at first: the running one, or the last that was trained. */
function begun({ recency }) {
  const last = Object.values(recency).map((each) => each.date).filter((date) => date !== null).sort().at(-1);
  if (last === undefined) return running;
  const week = weekOf(last);
  return week < shifted(running, 1 - weekCount()) ? week : running;
}

const weekCount = () => Number(byId("span").value);

/** Return the weeks to show, each with that of the year before. */
async function weeksUntil(by, now) {
  const years = [...new Set([yearOf(shifted(end, 1 - weekCount())), yearOf(end)])];
  const answers = await Promise.all(
    years.map((each) => (each === now.year ? now : by.ask("year-over-year", { year: each }))),
  );
  const weeks = answers.flatMap((each) => each.weeks).filter((week) => week.week !== null && week.week <= end);
  return weeks.slice(-weekCount());
}

function draw() {
  const { by, streak, now, recency, weeks, groups, balance, calendar, exercises, records, progress } = shown;
  drawHighlights(streak, now);
  drawWeeks(weeks, (week) => explain(by, week));
  byId("later").disabled = end >= running;
  drawShares(groups, weeks);
  drawBalance(balance);
  drawRecency(recency);
  drawCalendar(calendar);
  byId("year-after").disabled = year >= yearOf(running);
  drawRecords(by, exercises, records, "Each links to the week of the workout that holds it.");
  if (progress !== null) {
    drawProgress(by, progress, records.filter((each) => each.exercise_id === progress.exercise_id));
  }
}

function drawHighlights(streak, { year: thisYear, weeks, toDate }) {
  const week = weeks.find((each) => each.partial);
  const tiles = [
    ["This week", week ? number(week.totalVolume) : "–", week ? plural(week.workoutCount, "workout") : ""],
    ["Streak", plural(streak.current, "week"), `longest ${plural(streak.longest, "week")}`],
    [
      `${thisYear} so far`,
      number(toDate.totalVolume),
      toDate.deltaPct === null ? "nothing to compare a year before" : `${change(toDate.deltaPct)} on a year before`,
    ],
  ];
  byId("highlights").replaceChildren(
    ...tiles.map(([title, value, note]) =>
      make("li.card", {}, make("span.hint", {}, title), make("strong", {}, value), make("span.hint", {}, note)),
    ),
  );
}

// -- when it is asked for again

function follow(by) {
  let due = null;
  let again = false;
  const soon = () => {
    if (due !== null) {
      again = true;
      return;
    }
    due = setTimeout(async () => {
      await refresh(by);
      due = null;
      if (again) {
        again = false;
        soon();
      }
    }, GATHER_MS);
  };
  by.follow(
    (name, data) => (name === "ready" ? fresh(data.meta) : soon()),
    (is) => {
      connected = is;
      tellFreshness();
    },
  );
  lookAtFreshness(by);
}

async function lookAtFreshness(by) {
  while (!by.stopped) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    if (by.stopped) return;
    if (document.hidden) continue;
    // After a failure, all is asked for: some of it may be missing.
    if (byId("trouble").hidden) await by.ask("streak").catch((error) => failed(by, error));
    else await refresh(by);
  }
}

// -- what the reader does

function go(change) {
  change();
  if (client !== null) refresh(client);
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  session.begin(byId("token").value.trim());
  byId("token").value = "";
  look();
});
byId("choose-user").addEventListener("submit", (event) => {
  event.preventDefault();
  session.choose(byId("user").value.trim());
  look();
});
byId("sign-out").addEventListener("click", () => signIn());
byId("trouble").querySelector("button").addEventListener("click", () => go(() => {}));
byId("span").addEventListener("change", () => go(() => {}));
byId("exercise").addEventListener("change", () => go(() => {}));
byId("earlier").addEventListener("click", () => go(() => (end = shifted(end, -weekCount()))));
byId("later").addEventListener("click", () =>
  go(() => {
    const later = shifted(end, weekCount());
    end = later < running ? later : running;
  }),
);
byId("year-before").addEventListener("click", () => go(() => year--));
byId("year-after").addEventListener("click", () => go(() => year++));
byId("more-records").addEventListener("click", () => {
  toggleRecords();
  draw();
});
document.addEventListener("visibilitychange", () => document.hidden || go(() => {}));
addEventListener("hashchange", begin);

let width = innerWidth;
addEventListener("resize", () => {
  if (shown !== null && innerWidth !== width) draw();
  width = innerWidth;
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown !== null && draw());

byId("span").value = innerWidth < 700 ? 12 : 26;
begin();
