// The 3-D tab's file, as fgbg_depth/app/scene_file.py writes it: fetched, split into blocks, and made into values.
async function fetchScene(path, signal) {
  const root = window.gradio_config?.root ?? '';
  const answer = await fetch(`${root}/${path}`, { signal });
  if (!answer.ok) throw new Error(await answer.text());
  const buffer = await answer.arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const bytes = (name) => new Uint8Array(buffer, 4 + length + header.blocks[name][0], header.blocks[name][1]);
  const numbers = (name) => new Uint16Array(buffer, 4 + length + header.blocks[name][0], header.blocks[name][1] / 2);
  const bitmap = (name) => createImageBitmap(new Blob([bytes(name)]), { premultiplyAlpha: 'none', colorSpaceConversion: 'none' });
  const frame = { x: 0, y: 0, width: header.width, height: header.height };
  const labels = Object.fromEntries(header.labels.map(({ name }) => [name, numbers(`label:${name}`)]));
  const layers = await Promise.all(header.layers.map(async (layer) => ({
    ...layer, image: await bitmap(`layer:${layer.number}`),
    depths: Object.fromEntries(header.labels.map(({ name }) => [name, numbers(`layer:${layer.number}:${name}`)])),
  })));
  const picture = await bitmap('picture');
  const background = header.background === null ? null : { ...frame, fg: null, image: await bitmap('background'), depth: numbers('background:depth') };
  return { ...header, header: header.labels, frame, labels, layers, picture, background, colors: bytes('colors'), opacity: layers.map(opacityOf) };
}

function opacityOf(layer) {  // the matte of a layer, to find out which one a pixel of the picture shows
  const canvas = new OffscreenCanvas(layer.width, layer.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(layer.image, 0, 0);
  return context.getImageData(0, 0, layer.width, layer.height).data;
}

// Stored values, values and distances. The coefficients come from the server, which knows kinds of depth.
const valueOf = (depth, stored) => depth.offset + depth.step * stored;
function distanceOf(depth, stored) {
  const linear = depth.a + depth.b * valueOf(depth, stored);
  return depth.inverse ? 1 / linear : linear;
}
const valueText = (depth, value) => (depth.unit ? `${value.toFixed(2)} ${depth.unit}` : value.toFixed(3));  // DepthKind.format_value

function nearnessOf(depth, value) {  // DepthKind.nearness
  const scale = depth.logarithmic ? Math.log : Number;
  const position = clamp((scale(Math.max(value, depth.logarithmic ? depth.low : value)) - scale(depth.low)) / (scale(depth.high) - scale(depth.low)), 0, 1);
  return depth.largerIsNearer ? position : 1 - position;
}

// Distances of an array of stored values. Pixels without depth get the farthest distance: they are mostly sky.
function distancesOf(depth, stored) {
  const found = new Float32Array(stored.length);
  let farthest = 0;
  for (let i = 0; i < stored.length; i++) {
    if (stored[i]) found[i] = distanceOf(depth, stored[i]);
    if (found[i] > farthest) farthest = found[i];
  }
  for (let i = 0; i < stored.length; i++) if (!stored[i]) found[i] = farthest || 1;
  return found;
}

// The layer that a pixel of the picture shows: its number, or 0 for the background.
function layerAt(scene, x, y) {
  for (let i = scene.layers.length - 1; i >= 0; i--) {
    const { x: left, y: top, width, height, number } = scene.layers[i];
    const [u, v] = [x - left, y - top];
    if (u >= 0 && v >= 0 && u < width && v < height && scene.opacity[i][4 * (v * width + u) + 3] >= 128) return number;
  }
  return 0;
}

const NEARER = [64, 148, 255], FARTHER = [255, 122, 36], SAME = [236, 236, 240], WITHOUT = [128, 128, 128];
function differenceColor(scene, placed, predicted) {  // of placed minus predicted, by the word and not by the sign
  if (!placed || !predicted) return WITHOUT;
  const share = clamp(((placed - predicted) * scene.depth.step) / scene.differenceLimit, -1, 1);
  const end = (share > 0) === scene.depth.largerIsNearer ? NEARER : FARTHER;
  return SAME.map((level, i) => Math.round(level + (end[i] - level) * Math.abs(share)));
}

function depthPixels(scene, mode) {  // a depth map, or the difference of both, as the RGBA pixels of the whole frame
  const { width, height } = scene.frame;
  const image = new ImageData(width, height);
  const stored = scene.labels[mode];
  for (let i = 0; i < width * height; i++) {
    let color;
    if (mode === 'difference') color = differenceColor(scene, scene.labels.placed[i], scene.labels.predicted[i]);
    else if (!stored[i]) color = WITHOUT;
    else {
      const level = 3 * Math.round(nearnessOf(scene.depth, valueOf(scene.depth, stored[i])) * 255);
      color = [scene.colors[level], scene.colors[level + 1], scene.colors[level + 2]];
    }
    image.data.set(color, 4 * i);
    image.data[4 * i + 3] = 255;
  }
  return image;
}

function differenceImage(scene, index) {  // a layer in the colours of the difference, with its matte
  const { width, height, depths } = scene.layers[index];
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    image.data.set(differenceColor(scene, depths.placed[i], depths.predicted[i]), 4 * i);
    image.data[4 * i + 3] = scene.opacity[index][4 * i + 3];
  }
  return image;
}
