/** 75 → "1 min 15 s" */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** 75 → "1 min", where the place is narrow */
export function shortDuration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d`;
}

/** 372 → "6 min", 23160 → "6 h", for what nobody knows more exactly */
export function roughly(seconds) {
  if (seconds < 100) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = seconds / 60;
  return minutes < 100 ? `${Math.round(minutes)} min` : `${Math.round(minutes / 60)} h`;
}

export function milliseconds(value) {
  if (value >= 10_000) return `${Math.round(value / 1000)} s`;
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  if (value >= 10 || value === 0) return `${Math.round(value)} ms`;
  return `${value.toFixed(1)} ms`;
}

export function megabytes(bytes) {
  return bytes >= 1e10 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}

export function count(value) {
  return value.toLocaleString("en");
}

export function percent(value) {
  return `${value >= 100 ? "100" : value.toFixed(value >= 99.9 ? 2 : 1)} %`;
}

/** Time of day, with or without milliseconds. */
export function timeOfDay(iso, fine = false) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const two = (value) => String(value).padStart(2, "0");
  const text = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return fine ? `${text}.${String(at.getMilliseconds()).padStart(3, "0")}` : text;
}

/** Time of day, and before it the day where that is not today. */
export function moment(iso) {
  const at = new Date(iso);
  const today = at.toDateString() === new Date().toDateString();
  return today
    ? timeOfDay(iso)
    : `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${timeOfDay(iso)}`;
}

/** ["a", "b", "c"] → "a, b and c" */
export function listed(words, most = 6) {
  if (words.length <= 1) return words[0] ?? "";
  if (words.length > most) return `${words.slice(0, most - 1).join(", ")} and ${words.length - most + 1} more`;
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** The place of an instance in words: a program is its own process. */
export function placeName(node) {
  return node.startsWith("program:") ? "own process" : node;
}
