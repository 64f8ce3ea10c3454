// The page: two forms, each with a picture, and the answers of the API put into words. Texts of answers and of pictures
// are only ever set as text, never as markup.

const at = (id) => document.getElementById(id);
const KINDS = { "marked": "good", "message lost": "odd", "cannot tell": "odd", "no mark": "none" };
let about = null;
let token = "";

function made(tag, options = {}, ...children) {
  const { className, ...rest } = options;
  const element = Object.assign(document.createElement(tag), rest);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

async function ask(path, body, signal) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body) headers["Content-Type"] = "application/octet-stream";
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, { method: body ? "POST" : "GET", headers, body, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused("unreachable", "The program does not answer: see whether it still runs, then try again.");
  }
  if (response.ok) return response;
  const error = (await response.json().catch(() => ({}))).error;
  throw new Refused(error?.code ?? "failed", sentence(error?.message ?? `The server answered ${response.status}.`));
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

// --- pictures, dropped or chosen ---------------------------------------------------------------------------------

function picker(name, onChange) {
  const drop = at(`${name}-drop`), input = at(`${name}-file`), image = drop.querySelector("img");
  const chosen = { file: null };
  const take = (file) => {
    if (!file) return;
    chosen.file = file;
    at(`${name}-name`).textContent = `${file.name} · ${megabytes(file.size)}`;
    drop.querySelector(".ask").textContent = "Drop or choose another";
    show(image, file);
    onChange();
  };
  input.addEventListener("change", () => take(input.files[0]));
  for (const kind of ["dragover", "dragenter"]) {
    drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  return { chosen, take };
}

function show(image, blob) {
  if (image.src) URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blob);
  image.onload = () => { image.hidden = false; };
  image.onerror = () => { image.hidden = true; };  // a kind that is read here and not shown by browsers, or no picture
}

function megabytes(n) {
  return n < 1e6 ? `${Math.max(1, Math.round(n / 1e3))} kB` : `${+(n / 1e6).toFixed(1)} MB`;
}

// A file that went away or grew since it was chosen makes fetch fail without a reason: it is read first.
async function content(chosen) {
  if (!chosen.file) throw new Refused("empty", "Drop or choose a picture first.");
  if (chosen.file.size > about.max_bytes) {
    throw new Refused("too_large", `The file has ${megabytes(chosen.file.size)}, the limit is ${megabytes(about.max_bytes)}: scale the picture down.`);
  }
  try {
    return await chosen.file.arrayBuffer();
  } catch {
    throw new Refused("empty", "The file can no longer be read: choose it again.");
  }
}

// --- the last thing asked for in a form is what is shown; what came before is given up -----------------------------

function worker(form, result, words, act) {
  const button = form.querySelector("button.main");
  let asked = new AbortController();
  const stop = () => { asked.abort(); asked = new AbortController(); return asked.signal; };
  const run = async (extra) => {
    const signal = stop();
    result.replaceChildren(made("p", { className: "busy" }, words));
    button.setAttribute("aria-busy", "true");
    let shown, failed;
    try {
      shown = await act(signal, extra);
    } catch (error) {
      failed = error;
    }
    if (signal.aborted) return;
    button.removeAttribute("aria-busy");
    result.replaceChildren(...(failed ? failure(failed, run) : shown));
    if (failed?.code === "token") lockOut(failed.message);
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); run(); });
  return { run, forget: () => { stop(); button.removeAttribute("aria-busy"); result.replaceChildren(); } };
}

function failure(error, run) {
  const known = error instanceof Refused;
  const shown = [made("p", { className: "notice bad", role: "alert" }, known ? error.message : `This page failed: ${error.message}.`)];
  if (error.code === "already_marked") {
    const again = made("button", { type: "button" }, "Mark it once more");
    again.addEventListener("click", () => run({ again: "true" }));
    shown.push(made("div", { className: "row" }, again));
  }
  return shown;
}

function facts(pairs) {
  return made("dl", {}, ...pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .flatMap(([name, value]) => [made("dt", {}, name), made("dd", {}, value)]));
}

function notes(list) {
  return list.length ? [made("ul", {}, ...list.map((note) => made("li", {}, sentence(note))))] : [];
}

// --- marking -----------------------------------------------------------------------------------------------------

async function mark(signal, extra = {}) {
  const body = await content(toMark.chosen);
  const message = at("message").value;
  if (!message) throw new Refused("request", "Write a message first: a name, a number or a sentence.");
  const asked = new URLSearchParams({ message, key: at("key").value, fidelity: at("fidelity").value, ...extra });
  const name = markedName(toMark.chosen.file.name);
  const response = await ask(`mark?${asked}`, body, signal);
  const receipt = JSON.parse(response.headers.get("Watermark-Receipt"));
  const file = new File([await response.blob()], name);
  const image = made("img", { alt: "The marked picture", hidden: true });
  show(image, file);
  const load = made("a", { className: "button main", href: image.src, download: name }, "Download");
  const check = made("button", { type: "button" }, "Read it back");
  check.addEventListener("click", () => { toRead.take(file); at("read-result").scrollIntoView({ block: "nearest" }); });
  const done = receipt.already_marked ? "Marked already: this is the picture as it was." : "Marked, and read back.";
  return [
    made("p", { className: "notice good" }, made("strong", {}, done), look(receipt)),
    image,
    made("div", { className: "row" }, load, check),
    facts([["Message", receipt.message], ["Key", receipt.key], ["File", `${name}, ${megabytes(file.size)}`],
      ["Likeness", receipt.fidelity === null ? null : `${receipt.fidelity.toFixed(0)} of 100 (SSIMULACRA2)`],
      ["Reserve", receipt.reserve === null ? null : `${Math.round(100 * receipt.reserve)} % of the errors that are corrected is free`]]),
    ...notes(receipt.notes),
  ];
}

function look({ fidelity, already_marked: already }) {
  if (already || fidelity === null) return "";
  if (fidelity >= 89) return "Nobody will see it.";
  return fidelity >= 83 ? "Hardly anybody will see it, side by side." : "A trained eye may see it, side by side.";
}

function markedName(name) {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? `${name.slice(0, dot)}-marked${name.slice(dot)}` : `${name}-marked`;
}

// --- reading -----------------------------------------------------------------------------------------------------

async function read(signal) {
  const body = await content(toRead.chosen);
  const expected = at("expected").value;
  const asked = new URLSearchParams({ map: "true", ...(expected ? { message: expected } : {}) });
  const found = await (await ask(`read?${asked}`, body, signal)).json();
  const known = found.found ? found.message ?? found.message_hex : null;
  const wrong = found.bit_error_rate === null ? null : `${(100 * found.bit_error_rate).toFixed(1)} % of the bits`;
  return [
    made("p", { className: `notice ${KINDS[found.verdict]}` }, made("strong", {}, found.sentence)),
    facts([["Message", known], ["Key", found.key], ["Scheme", found.found ? found.scheme : null], ["Wrong", wrong],
      ["p-value", found.p_value < 1e-300 ? "below 1e-300" : found.p_value.toPrecision(2)]]),
    ...notes(found.notes),
    ...(found.map ? [mapOf(found.map)] : []),
  ];
}

function mapOf(base64) {
  const image = made("img", { alt: "Map of where in the picture the mark is", hidden: true });
  show(image, new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type: "image/png" }));
  return made("details", {}, made("summary", {}, "Where in the picture the mark is"), image,
    made("p", { className: "soft" }, "Red: the mark is missing, as where something was pasted in or painted over. Blue: it cannot be said."));
}

// --- beginning ---------------------------------------------------------------------------------------------------

function lockOut(message) {
  token = "";
  sessionStorage.removeItem("token");
  at("desk").hidden = true;
  at("door").hidden = false;
  at("trouble").hidden = !message;
  at("trouble").textContent = message ?? "";
  at("token").focus();
}

async function begin() {
  try {
    about = await (await ask("about")).json();
  } catch (error) {
    if (error.code === "token" || (error.code === "rate" && !about)) {
      lockOut(token ? error.message : "");
    } else {
      at("trouble").hidden = false;
      at("trouble").textContent = error.message;
    }
    return;
  }
  if (token) sessionStorage.setItem("token", token);
  at("trouble").hidden = at("door").hidden = true;
  at("key").replaceChildren(...about.keys.map((name) => made("option", { value: name }, name)));
  at("limits").textContent = `Up to ${megabytes(about.max_bytes)} and ${about.max_pixels / 1e6} megapixels a picture, ${about.per_minute} pictures a minute. `
    + (about.keys.length > 1 ? `${about.keys.length} keys are tried in reading. ` : "") + `Version ${about.version}.`;
  at("desk").hidden = false;
}

const marking = worker(at("mark"), at("mark-result"), "Marking, and reading it back …", mark);
const reading = worker(at("read"), at("read-result"), "Looking for a mark …", read);
const toMark = picker("mark", marking.forget);
const toRead = picker("read", () => reading.run());
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
at("door").addEventListener("submit", (event) => { event.preventDefault(); token = at("token").value.trim(); begin(); });

// The token comes behind the #, which no browser sends anywhere, and does not stay in the address bar.
token = new URLSearchParams(location.hash.slice(1)).get("token") ?? sessionStorage.getItem("token") ?? "";
if (location.hash) history.replaceState(null, "", location.pathname);
begin();
