// The words of the page, in the language in which it was sent: t("group.name") is found in static/texts/LANGUAGE.json.

const language = document.documentElement.lang;
const answer = await fetch(`static/texts/${language}.json`);
const texts = await answer.json();
const plurals = new Intl.PluralRules(language);

/** The text of a key; {words} in it are replaced by values. A text with forms is chosen by the value `count`. */
export function t(key, values = {}) {
  const [group, name] = key.split(".");
  let text = texts[group]?.[name];
  if (typeof text === "object") text = text[plurals.select(values.count)] ?? text.other;
  if (text === undefined) {
    console.error(`no text for ${key}`);
    return key;
  }
  return text.replace(/\{(\w+)\}/g, (_, word) => values[word]);
}

/** The text of a name that comes from elsewhere (a mood, a command, a mode), or undefined where there is none. */
export const named = (group, name) => texts[group]?.[name];

const weekday = (code, place) => new Intl.DateTimeFormat(code, { weekday: "short", timeZone: "UTC" }).format(Date.UTC(2024, 0, 1 + place)); // a year that began on a Monday
const DAYS = [...Array(7).keys()].map((place) => weekday("en", place));

/** "Mon 10:00", as the daemon says it, in the language of the page. */
export function dayAndTime(text = "") {
  const [day, time] = text.split(" "), place = DAYS.indexOf(day);
  return place < 0 ? text : `${weekday(language, place)} ${time}`;
}
