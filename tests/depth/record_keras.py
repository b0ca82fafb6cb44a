"""Record what Keras computes, for the parity tests. Run it by hand in a separate environment:

    python -m venv keras-env && keras-env/bin/pip install tensorflow-cpu==2.21.0 tf-keras==2.21.0 h5py
    keras-env/bin/python tests/depth/record_keras.py

It writes to data/ beside this file: `keras.npz` (raw outputs and some values of intermediate results),
`configs.json.xz` (each network's `model_config`, from Keras 2), and `*.h5.xz` (files that Keras 2 and Keras 3 saved,
with zeros as weights so that they compress well; the tests fill the weights in). The tests need none of these
packages.
"""

import importlib
import json
import lzma
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras as keras3
import numpy as np
import tensorflow as tf
import tf_keras as keras2
from record_taps import TAPS, thinned
from seeded import CASES, SMALL, Case, picture, tensor

DATA = Path(__file__).parent / "data"
SKIPS = ("pool3_pool", "pool2_pool", "pool1", "conv1/relu")


def upsampling(keras):
    class BilinearUpSampling2D(keras.layers.Layer):
        """Doubles the size with aligned corners, as TensorFlow's resize did when the weights were trained."""

        def call(self, features):
            shape = tf.shape(features)[1:3] * 2
            return tf.compat.v1.image.resize_bilinear(features, shape, align_corners=True)

        def compute_output_shape(self, shape):
            twice = [None if side is None else side * 2 for side in shape[1:3]]
            return (shape[0], *twice, shape[3])

    return BilinearUpSampling2D


def build(keras, case: Case):
    """The network of a case; its layers have the names that Keras 2 gives them."""
    keras.backend.clear_session()
    densenet = importlib.import_module(f"{keras.__name__}.src.applications.densenet").DenseNet  # any block counts
    encoder = densenet(list(case.blocks), include_top=False, weights=None, input_shape=(None, None, 3))
    layers, upsample = keras.layers, upsampling(keras)
    width = case.width
    x = layers.Conv2D(width, 1, padding="same", name="conv2")(encoder.output)
    for i, skip in enumerate(SKIPS, start=1):
        width //= 2
        names = [layer.name for layer in encoder.layers]
        skip = skip if skip in names else skip.replace("/", "_")
        x = upsample(name=f"up{i}_upsampling2d")(x)
        x = layers.Concatenate(name=f"up{i}_concat")([x, encoder.get_layer(skip).output])
        x = layers.Conv2D(width, 3, padding="same", name=f"up{i}_convA")(x)
        if case.leaky_a:
            x = layers.LeakyReLU(0.2)(x)
        x = layers.Conv2D(width, 3, padding="same", name=f"up{i}_convB")(x)
        x = layers.LeakyReLU(0.2)(x)
    x = layers.Conv2D(1, 3, padding="same", name="conv3")(x)
    return keras.Model(encoder.input, x)


def fill(model) -> None:
    for layer in model.layers:
        made = []
        for weight, value in zip(layer.weights, layer.get_weights(), strict=True):
            kind = weight.name.split("/")[-1].split(":")[0]
            made.append(tensor(layer.name.replace("/", "_"), kind, value.shape))
        layer.set_weights(made)


def record(case: Case, out: dict, configs: dict) -> None:
    model = build(keras2, case)
    fill(model)
    configs[case.name] = model.to_json()
    taps = keras2.Model(model.input, [model.get_layer(name).output for name in TAPS] + [model.output])
    for size in case.sizes:
        *values, raw = taps(picture(size)[None].astype(np.float32) / 255, training=False)
        key = case.key(size)
        out[key] = raw.numpy()[0, :, :, 0]
        for name, value in zip(TAPS, values, strict=True):
            out[f"{key}/{name.replace('/', '_')}"] = thinned(value.numpy())
        print(key, model.count_params(), "raw", out[key].min(), out[key].mean(), out[key].max(), file=sys.stderr)


def record_file(keras, case: Case, name: str, weights_only: bool = False) -> None:
    model = build(keras, case)
    for layer in model.layers:
        layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("model.weights.h5" if weights_only and keras is keras3 else "model.h5")
        if weights_only:
            model.save_weights(path)
        else:
            model.save(path)
        (DATA / f"{name}.h5.xz").write_bytes(lzma.compress(path.read_bytes(), preset=9))


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)
    DATA.mkdir(exist_ok=True)
    out: dict[str, np.ndarray] = {}
    configs: dict[str, str] = {}
    for case in CASES:
        record(case, out, configs)
    np.savez_compressed(DATA / "keras.npz", **out)
    (DATA / "configs.json.xz").write_bytes(lzma.compress(json.dumps(configs).encode(), preset=9))
    record_file(keras2, SMALL[0], "released-small-keras2")
    record_file(keras2, SMALL[1], "current-small-keras2")
    record_file(keras3, SMALL[1], "current-small-keras3")
    record_file(keras2, SMALL[1], "current-small-weights", weights_only=True)
