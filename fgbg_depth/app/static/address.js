// The address is the state of the page. Every change goes through it: links with data-go, the form with the filters,
// tabs, Next and Previous, and the browser's own Back and Forward. The server then sends the parts that differ (visit.py).
const STEP_KEYS = { ArrowLeft: -1, ArrowRight: 1 };
const KEPT = new Set(['tab', 'row', 'sort', 'seed', 'shown']);  // when filters are cleared
const GIVE_UP_MS = 20000;
let number = 0;      // of the last request
let busy = null;     // the request that the server is answering
let waiting = null;  // what to ask next; steps that are made meanwhile are added up, so that none is lost
let answer = null;   // the last one
let typing = 0;      // timer: a field is applied when nothing was typed for a moment
let visible = null;  // name of the visible tab
let early = null;    // name of the tab that the visitor clicked before the first answer

const parameters = () => new URLSearchParams(location.search);
const tabOf = (query) => new URLSearchParams(query).get('tab') ?? 'samples';

function write(query, method) {
  const own = new URLSearchParams(query);
  for (const [name, value] of parameters()) if (name.startsWith('__')) own.set(name, value);  // gradio's and the Hub's
  const text = own.toString().replaceAll('%2F', '/');
  history[method]({}, '', text ? `?${text}` : location.pathname);
}

// Where the visitor was, for the way back
function remember() {
  const focus = document.activeElement?.closest?.('[data-focus]')?.dataset.focus;
  history.replaceState({ ...history.state, scroll: scrollY, focus }, '');
}

function go(query, options = {}) {  // query: text, or values to change in the present one
  if (typeof query !== 'string') {
    const changed = parameters();
    for (const [name, value] of Object.entries(query)) value === null || value === '' ? changed.delete(name) : changed.set(name, value);
    query = `?${changed}`;
  }
  remember();
  write(query, 'pushState');
  ask({ query: location.search, ...options });
}

function step(by) { ask({ step: by }); }

function ask(request) {
  const steps = (waiting?.step ?? 0) + (request.step ?? 0);
  waiting = { ...waiting, ...request, step: request.query === undefined || steps ? steps : 0 };
  send();
}

function send() {
  if (busy && Date.now() - busy.time < GIVE_UP_MS) return;
  if (!waiting || !answer) return;
  busy = { ...waiting, query: location.search, number: ++number, time: Date.now() };
  waiting = null;
  const { query, step: by = 0, random = false } = busy;
  document.documentElement.classList.add('fg-busy');
  trigger('input', { query, step: by, random, number, tab: visible ?? 'samples', shown: answer.shown ?? {} });
}

function received() {
  let found;
  try { found = JSON.parse(props.value || '{}'); } catch { return; }
  if (found.go) return go(found.go, { top: true });  // a handler asks for another address
  for (const message of found.messages ?? []) say(message);
  const request = busy;
  if (found.query !== undefined) {
    const first = !answer;
    answer = found;
    visible ??= found.tab;
    if (first || !request || location.search === request.query) {
      const moved = !first && request && (request.step || request.random) && new URLSearchParams(found.query).get('row') !== parameters().get('row');
      if (moved) remember();
      write(found.query, moved ? 'pushState' : 'replaceState');
    }
    describe();
    requestAnimationFrame(() => requestAnimationFrame(() => place(request)));
    if (first && early && found.tab === 'samples') openEarly();
  }
}

function openEarly() {
  const tab = early;
  early = null;
  if (tab !== tabOf(location.search)) go({ tab });
}

function answered() {  // also after an error
  document.documentElement.classList.remove('fg-busy');
  busy = null;
  send();
}

function describe() {  // the position of the row, and how many filters are set
  if (!answer) return;
  for (const place of document.querySelectorAll('[data-place]')) {
    const { position, count, order } = answer;
    const of = count === null ? '' : ` of ${count.toLocaleString('en')}`;
    place.textContent = position === null ? `not among the ${count ?? ''} filtered rows` : `${(position + 1).toLocaleString('en')}${of}, ${order}`;
  }
  for (const set of document.querySelectorAll('[data-set]')) set.textContent = answer.set ? `(${answer.set})` : '';
  const now = parameters();
  for (const field of document.querySelectorAll('[data-form] [name]')) {
    if (field !== document.activeElement || !typing) field.value = now.get(field.name) ?? '';
  }
  for (const link of document.querySelectorAll('[data-tab="3d"]')) link.hidden = !answer.has_depth;
  for (const link of document.querySelectorAll('[data-tab="compare"]')) link.hidden = !answer.can_compare;
}

function place(request) {  // where the page is scrolled to, and what has the focus
  if (!request) return;
  const back = request.back;
  if (back) {
    if (back.scroll !== undefined) scrollTo(0, back.scroll);
    if (back.focus) focusOn(`[data-focus="${CSS.escape(back.focus)}"]`);
    return;
  }
  const top = document.querySelector('#fg-tabs');
  if (request.top && top && top.getBoundingClientRect().top < 0) top.scrollIntoView();
  if (request.opened) focusOn('#fg-view .fg-title');
  else if (request.focus && document.activeElement === document.body) focusOn(`[data-focus="${CSS.escape(request.focus)}"]`);
}

function focusOn(selector) { document.querySelector(selector)?.focus({ preventScroll: true }); }

function say(message) {  // as text: a message may name what a stranger typed
  let box = document.querySelector('.fg-messages');
  if (!box) {
    box = document.body.appendChild(document.createElement('div'));
    box.className = 'fg-messages';
    box.setAttribute('role', 'status');
  }
  const item = document.createElement('p');
  item.textContent = message;
  const close = item.appendChild(document.createElement('button'));
  close.type = 'button';
  close.textContent = '×';
  close.setAttribute('aria-label', 'close this message');
  close.onclick = () => item.remove();
  box.replaceChildren(...[...box.children].slice(-2), item);
  setTimeout(() => item.remove(), 12000);
}

async function copyLink(button) {
  const words = button.textContent;
  const field = document.createElement('input');
  try {
    await navigator.clipboard.writeText(location.href);
  } catch {  // no permission, or the page is not served by https
    document.body.append(field);
    field.value = location.href;
    field.select();
    document.execCommand('copy');
    field.remove();
    button.focus({ preventScroll: true });
  }
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = words; }, 1500);
}

function applyForm(form) {
  clearTimeout(typing);
  typing = 0;
  const values = {};
  for (const field of form.elements) {
    if (!field.name) continue;
    if (!field.checkValidity()) return;
    values[field.name] = field.name === 'seed' && field.value === '0' ? '' : field.value;
  }
  const now = parameters();
  if (Object.entries(values).every(([name, value]) => (now.get(name) ?? '') === value)) return;
  go({ ...values, p: '' });
}

document.addEventListener('input', (event) => {
  const form = event.target.closest?.('[data-form]');
  if (form) {
    clearTimeout(typing);
    typing = setTimeout(() => applyForm(form), event.target.matches('select') ? 0 : 500);
  }
});
document.addEventListener('change', (event) => {
  const form = event.target.closest?.('[data-form]');
  if (form) applyForm(form);
});
document.addEventListener('submit', (event) => {
  const form = event.target.closest?.('[data-form]');
  if (!form) return;
  event.preventDefault();
  applyForm(form);
});

document.addEventListener('click', (event) => {
  const find = (name) => event.target.closest?.(`[data-${name}]`);
  const link = find('go');
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    const kind = link.dataset.go;
    const options = { focus: link.dataset.focus, top: kind !== 'keep', opened: kind === 'row' };
    if (link.dataset.tab) return go({ tab: link.dataset.tab }, options);
    const query = new URLSearchParams(link.getAttribute('href'));
    const row = parameters().get('row');
    if ('keep' in link.dataset && row && !query.get('row')) query.set('row', row);
    go(`?${query}`, options);
  } else if (find('step')) step(Number(find('step').dataset.step));
  else if (find('random')) ask({ random: true });
  else if (find('copylink')) copyLink(find('copylink'));
  else if (find('clear')) {
    const kept = new URLSearchParams([...parameters()].filter(([name]) => KEPT.has(name) || name.startsWith('__')));
    go(`?${kept}`);
  } else if (find('fold')) {
    const open = find('fold').closest('form').classList.toggle('fg-open');
    find('fold').setAttribute('aria-expanded', String(open));
  }
});

document.addEventListener('keydown', (event) => {
  const by = STEP_KEYS[event.key];
  if (!by || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.defaultPrevented) return;
  if (visible !== 'row' || event.target.closest?.('input, select, textarea, [contenteditable], [role=tab], [data-read], pre')) return;
  event.preventDefault();
  step(by);
});

addEventListener('popstate', (event) => {
  waiting = null;
  ask({ query: location.search, back: event.state ?? {} });
});

window.fgbg = {
  go,
  step,
  answered,
  describe,
  tab(name) {  // the visible tab changed: by a click, or because an answer said so
    if (!answer) {
      early = name === 'samples' ? null : name;  // gradio also names the first tab when the page starts
      return;
    }
    if (early) {  // gradio now names the tab that the first answer selected
      visible = name;
      return openEarly();
    }
    const by_visitor = name !== tabOf(location.search);
    visible = name;
    if (by_visitor) go({ tab: name === 'samples' ? '' : name });
  },
};
history.scrollRestoration = 'manual';
watch('value', received);
received();
