"""Make keras2.h5 and keras2.npz: a small classifier as Keras 2 saved them, and what it says of some pictures.

It has the shape of the usual one: MobileNetV2's scaling as operations of the graph, a trunk as a network in
the network, pooling, two dense layers and a softmax. It needs Keras 2, which nothing else here does:
`pip install --no-deps --target FOLDER tf_keras && PYTHONPATH=FOLDER python tests/data/make_keras2_model.py`.
"""

from pathlib import Path

import numpy as np
import tf_keras as keras

HERE = Path(__file__).parent


def main() -> None:
    """Write both files; the weights are random, and large enough that answers differ."""
    draws = np.random.default_rng(3)
    layers = keras.layers
    photo = keras.Input((32, 32, 3))
    eye = layers.Conv2D(4, 3, strides=2, use_bias=False)(photo)
    eye = layers.ReLU(6.0)(layers.BatchNormalization()(eye))
    trunk = keras.Model(photo, layers.DepthwiseConv2D(3, padding="same")(eye), name="trunk")
    given = keras.Input((32, 32, 3))
    seen = trunk(keras.applications.mobilenet_v2.preprocess_input(given))
    hidden = layers.Dense(8, activation="relu")(layers.GlobalAveragePooling2D()(seen))
    answers = layers.Dense(5, activation="softmax")(layers.Dropout(0.3)(hidden))
    model = keras.Model(given, answers)
    for variable in model.weights:
        spread = draws.normal(0, 1, variable.shape)
        variable.assign(np.abs(spread) + 0.5 if "variance" in variable.name else spread)
    pictures = draws.integers(0, 256, (50, 4, 4, 3), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    inner = keras.Model(given, hidden).predict(pictures.astype(np.float32), verbose=0)
    kernel = draws.normal(0, 1, (8, 5))
    middle, spread = (inner @ kernel).mean(axis=0), (inner @ kernel).std(axis=0)
    model.layers[-1].set_weights([2 * kernel / spread, -2 * middle / spread])  # so that each label is named
    model.save(HERE / "keras2.h5")
    said = model.predict(pictures.astype(np.float32), verbose=0)
    np.savez_compressed(HERE / "keras2.npz", pictures=pictures, probabilities=said)


if __name__ == "__main__":
    main()
