// A week's explanation: every set that counts, every row left out and why.

import { byId, day, make, number, plural, dayOf } from "./page.js";

const dialog = byId("explanation");
let shown = null;

byId("close-explanation").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => (shown = null));
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

/** Show where a week's figures come from. */
export async function explain(client, week) {
  shown = week;
  byId("explanation-title").textContent = week;
  byId("explanation-body").replaceChildren(make("p.hint", {}, "Loading…"));
  if (!dialog.open) dialog.showModal();
  await refreshExplanation(client);
}

/** Show the explanation that is open as it is now. */
export async function refreshExplanation(client) {
  const week = shown;
  if (week === null) return;
  let content;
  try {
    content = told(await client.ask(`weeks/${week}/explain`));
  } catch (error) {
    if (client.stopped) return;
    content = [make("p", {}, error.status === 404 ? "No workout in this week." : error.message)];
  }
  if (shown === week) byId("explanation-body").replaceChildren(...content);
}

/** Show the explanation of the week in which something was done, at a time. */
export async function explainWeekOf(client, time) {
  // Which week that is, the time zone of the deployment says, which the API knows.
  const found = await client.ask("weekly-volume", { start: time, end: time });
  const [held] = found.weekly_volumes;
  if (held) await explain(client, held.week);
}

export function closeExplanation() {
  dialog.close();
}

function told(week) {
  const { total_volume: volume, workout_count: count, set_count: sets, rep_count: reps } = week.figures;
  const running = week.partial ? " so far" : "";
  const sum = `${number(volume)}${running}: ${plural(count, "workout")}, ${plural(sets, "set")}, ${plural(reps, "repetition")}`;
  return [
    make("p.sum", {}, sum),
    week.agrees ? null : make("p.notice.warning", {}, "A change is just arriving: in a moment these sets and the week's figure agree."),
    ...week.workouts.map(workout),
  ].filter((each) => each !== null);
}

function workout(each) {
  return make(
    "section.workout",
    {},
    make("h3", {}, `${day(each.day)}${each.name ? `, ${each.name}` : ""}`),
    make("p.hint", {}, `${number(each.total_volume)}, workout ${each.workout_id}`),
    each.exercises.length || each.left_out.length ? null : make("p.hint", {}, "No exercises."),
    make("ul.exercises", {}, ...each.exercises.map(exercise)),
    ...each.left_out.map(leftOut),
  );
}

function exercise(each) {
  return make(
    "li",
    {},
    make("strong", {}, nameOf(each)),
    ` ${each.muscle_group}, ${number(each.volume)}`,
    make("ol.sets", {}, ...each.sets.map((set) => make("li", {}, setText(set)))),
  );
}

const setText = ({ reps, weight, volume }) =>
  weight === null ? `${reps} × no weight` : `${reps} × ${number(weight)} = ${number(volume)}`;

function leftOut(row) {
  const lists = `reps ${row.reps_per_set ?? "none"}, weights ${row.weights_per_set ?? "none"}`;
  return make(
    "div.notice.warning",
    {},
    make("p", {}, `Left out: ${nameOf(row)} (${row.reason})`),
    make("code", {}, lists),
  );
}

const nameOf = (each) => each.exercise ?? `exercise ${each.exercise_id}`;

/** Make the button that shows the evidence of a record. */
export function evidenceButton(client, { date, set, workout_id: id }) {
  const where = set === null ? "whole workout" : `set ${set}`;
  return make(
    "button.link",
    { type: "button", title: `Workout ${id}`, onclick: () => explainWeekOf(client, date) },
    `${dayOf(date)}, ${where}`,
  );
}
