// The 3-D tab: one row as its background with the cut-outs as layers in it, beside its picture and its depth map. This
// file has its state and draws it; scene_reading.js reads values and distances, scene_events.js answers the visitor.
const SURFACE = 65535;  // number of the single surface; 0 is the background, 1, 2, ... are the cut-outs
const LAYER_NEARER = 0.06;  // a layer is drawn over a background that is up to so much nearer: labels are not exact
const SWAY_S = 9;
const DIFFERENCE = 'difference';
const still = matchMedia('(prefers-reduced-motion: reduce)');
const state = {
  scene: null, meshes: [], mode: null, torn: false, before: null, cross: null, points: [], swaying: true, held: false,
  phase: 0, camera: { ...START, pan: [0, 0], fov: 60, pivot: 1 }, canvas: null, renderer: null, loading: null,
};
const root = () => element.querySelector('.fg3');
const part = (name) => element.querySelector(`[data-${name}]`);
const hasLayers = () => state.scene.background !== null;
const labelName = () => (state.mode === DIFFERENCE ? 'placed' : state.mode);

async function setup() {
  const page = root();
  if (!page) return;
  placeCanvas();
  part('fov').value = state.camera.fov;
  showFov();
  const path = page.dataset.file;
  if (state.scene?.path !== path) {
    state.loading?.abort();
    const loading = state.loading = new AbortController();
    try {
      const scene = await fetchScene(path, loading.signal);
      if (state.loading !== loading) return;  // another row was opened meanwhile
      open(scene, path);
    } catch (error) {
      if (error.name !== 'AbortError') part('note').textContent = `This row cannot be shown in 3-D: ${error.message}`;
      return;
    }
  }
  makeControls();
  showPicture();
  rebuild();
  page.dataset.drawn = page.dataset.row;
}

function placeCanvas() {
  if (!state.canvas) {
    state.canvas = document.createElement('canvas');
    state.canvas.tabIndex = 0;
    state.renderer = makeRenderer(state.canvas);
    new ResizeObserver(() => { draw(); drawMarks(); sway(); }).observe(state.canvas);
  }
  state.canvas.setAttribute('aria-label', 'The row in 3-D: arrow keys turn it, + and - zoom, Home shows it as the picture does, 0 resets the view');
  part('missing').hidden = Boolean(state.renderer);
  part('stage').classList.toggle('fg3-none', !state.renderer);
  if (state.renderer) part('stage').prepend(state.canvas);
}

function open(scene, path) {
  const names = Object.keys(scene.labels);
  const modes = scene.background !== null && names.length > 1 && scene.layers.length ? [...names, DIFFERENCE] : names;
  Object.assign(state, { scene: { ...scene, path, modes }, cross: null, points: [] });
  if (!modes.includes(state.mode)) state.mode = modes[0];
  if (!hasLayers()) state.torn = false;
  reset();
}

function makeControls() {
  const { scene } = state;
  const titles = { placed: 'Placed', predicted: 'Predicted', [DIFFERENCE]: 'Difference' };
  part('modes').replaceChildren(...scene.modes.map((mode) => {
    const label = document.createElement('label');
    const input = Object.assign(document.createElement('input'), { type: 'radio', name: 'fg3-mode', value: mode, checked: mode === state.mode });
    label.append(input, titles[mode] ?? mode);
    return label;
  }));
  part('modes').hidden = scene.modes.length < 2;
  part('surface-control').hidden = !hasLayers();
  part('surface').checked = state.torn;
  const text = (value) => valueText(scene.depth, value).replace('-', '−');
  if (scene.differenceLimit !== null) {
    part('nearer').textContent = `placed nearer, ${text(scene.differenceLimit)}`;
    part('farther').textContent = `placed farther, ${text(scene.differenceLimit)}`;
  }
}

function showPicture() {
  const canvas = element.querySelector('[data-view=picture] canvas');
  Object.assign(canvas, { width: state.scene.width, height: state.scene.height });
  canvas.getContext('2d').drawImage(state.scene.picture, 0, 0);
}

function rebuild() {  // what is drawn, after another row, label or shape was chosen
  const { scene, mode } = state;
  const label = labelName();
  const surface = () => ({ ...scene.frame, image: scene.picture, distances: distancesOf(scene.depth, scene.labels[label]), torn: true, number: SURFACE });
  if (state.torn || !hasLayers()) state.meshes = [surface()];
  else {
    const background = { ...scene.background, distances: distancesOf(scene.depth, scene.background.depth), number: 0, faded: mode === DIFFERENCE };
    const layers = scene.layers.map((layer, i) => ({
      ...layer, distances: distancesOf(scene.depth, layer.depths[label]), nearer: LAYER_NEARER, image: mode === DIFFERENCE ? differenceImage(scene, i) : layer.image,
    }));
    state.meshes = [background, ...layers.sort((one, other) => median(other.distances) - median(one.distances))];
  }
  state.renderer?.show(state.meshes);
  const canvas = element.querySelector('[data-view=depth] canvas');
  Object.assign(canvas, { width: scene.width, height: scene.height });
  canvas.getContext('2d').putImageData(depthPixels(scene, mode), 0, 0);
  const shown = scene.header.find(({ name }) => name === mode);
  element.querySelector('[data-title=depth]').textContent = shown ? `${capital(scene.depth.title)}, ${mode}` : `${capital(scene.depth.label)}, placed minus predicted`;
  part('note').textContent = scene.note ?? (shown ? `${capital(mode)}: ${shown.words}.` : 'The colours say by how much the placed label differs from the predicted one.');
  part('legend').hidden = mode !== DIFFERENCE;
  root().dataset.mode = state.torn ? 'torn' : mode;
  draw();
  showReading();
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

function median(values) {
  return Float32Array.from(values).sort()[values.length >> 1];
}

function reset() {
  const { scene, camera } = state;
  const first = Object.keys(scene.labels)[0];
  const middles = scene.layers.map((layer) => median(distancesOf(scene.depth, layer.depths[first])));
  const pivot = middles.length ? Math.min(...middles) : median(distancesOf(scene.depth, scene.labels[first]));
  Object.assign(camera, still.matches ? REST : START, { pan: [0, 0], pivot });
  Object.assign(state, { swaying: !still.matches, phase: 0 });
  sway();
}

let drawing = 0, last = 0;
function sway() {  // until somebody touches the view; it holds while the pointer reads a value
  if (drawing || !state.swaying || !state.renderer || !state.canvas.clientWidth) return;
  last = performance.now();
  drawing = requestAnimationFrame(function next(now) {
    drawing = 0;
    if (!state.swaying || !state.canvas.clientWidth || !state.scene) return;
    if (!state.held && now - last >= 30) {
      state.phase += Math.min(now - last, 100) / 1000 / SWAY_S;
      last = now;
      state.camera.yaw = 0.2 * Math.sin(2 * Math.PI * state.phase);
      state.camera.pitch = 0.05 * (1 - Math.cos(2 * Math.PI * state.phase));
      draw();
    } else if (state.held) last = now;
    drawing = requestAnimationFrame(next);
  });
}

function touched(change) {
  state.swaying = false;
  change(state.camera);
  draw();
}

let lens = null;
function draw() {
  if (!state.scene || !root()) return;
  if (state.renderer) lens = state.renderer.draw(state.scene.frame, state.camera) ?? lens;
  drawMarks();
}

function showFov() {
  part('fov-text').textContent = `${state.camera.fov}°`;
  part('save').href = `${window.gradio_config?.root ?? ''}/${root().dataset.glb}?fov=${state.camera.fov}`;
}
