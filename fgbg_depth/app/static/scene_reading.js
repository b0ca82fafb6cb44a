// The crosshair of the 3-D tab, which is the same place in all views, what is stored there, and the distance of two points.
function drawMarks() {
  const { scene, canvas, cross, points } = state;
  if (!scene || !root()) return;
  for (const svg of element.querySelectorAll('.fg3-flat svg')) drawFlatMarks(svg, scene.frame, cross, points);
  if (!lens || !canvas.clientWidth) return;
  const place = (point) => point && projected(lens, positionAt(point), canvas.clientWidth, canvas.clientHeight);
  drawStageMarks(part('overlay'), canvas.clientWidth, canvas.clientHeight, place(cross), points.map(place));
}

// Points. A point is {x, y, number}: a pixel of the frame, and the mesh on which it lies.
function positionAt({ x, y, number }) {
  const mesh = state.meshes.find((one) => one.number === number) ?? state.meshes[0];
  const distance = mesh.distances[clamp(y - mesh.y, 0, mesh.height - 1) * mesh.width + clamp(x - mesh.x, 0, mesh.width - 1)];
  return positionOf(state.camera, state.scene.frame, x, y, distance);
}

function onPicture(x, y) {
  const { scene } = state;
  const [i, j] = [clamp(x, 0, scene.width - 1), clamp(y, 0, scene.height - 1)];
  return { x: i, y: j, number: layerAt(scene, i, j) };
}

function setCross(point) {
  state.cross = point;
  showReading();
}

function mark(point) {
  if (!point) return;  // Enter before anything was pointed at
  state.points = state.points.length === 2 ? [point] : [...state.points, point];
  setCross(point);
}

function clear() {
  state.points = [];
  showReading();
}

function showReading() {
  const { scene, cross, points } = state;
  part('clear').hidden = !points.length;
  if (cross) {
    const at = cross.y * scene.width + cross.x;
    const text = (stored) => (stored ? valueText(scene.depth, valueOf(scene.depth, stored)) : 'no depth');
    const parts = [['x', cross.x], ['y', cross.y], ...Object.entries(scene.labels).map(([name, stored]) => [name, text(stored[at])])];
    if (state.mode === DIFFERENCE && scene.labels.placed[at] && scene.labels.predicted[at]) {
      parts.push(['difference', valueText(scene.depth, (scene.labels.placed[at] - scene.labels.predicted[at]) * scene.depth.step).replace('-', '−')]);
    }
    if (hasLayers()) {
      parts.push(['background alone', text(scene.background.depth[at])]);
      const layer = scene.layers.find(({ number }) => number === cross.number);
      parts.push(['on', cross.number === SURFACE ? 'the surface' : layer ? layer.fg : 'the background']);
    }
    part('reading').replaceChildren(...parts.map(([name, value]) => {
      const found = document.createElement('span');
      found.dataset.name = name;
      found.append(Object.assign(document.createElement('small'), { textContent: name }), ` ${value}`);
      return found;
    }));
  }
  part('distance').textContent = distanceText();
  drawMarks();
}

function distanceText() {
  const { scene, points, camera } = state;
  if (points.length < 2) return points.length ? 'Click a second point to measure the distance from A.' : 'Click two points to measure the distance between them.';
  if (!scene.depth.unit) return `The ${scene.depth.label} has no unit, so the distance from A to B is not known.`;
  const [a, b] = points.map(positionAt);
  const text = valueText(scene.depth, Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]));
  return `A to B: ${text} by the ${labelName()} depth, with a field of view of ${camera.fov}°.`;
}
