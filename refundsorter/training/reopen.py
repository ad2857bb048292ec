"""Read a served bundle back into a trunk and a head that can be taught on.

The int8 file holds all that is needed: each kernel with its steps, and biases into which batch normalisation
was folded. Kernels that are quantised again fall on the same steps. So no bundle needs a float twin.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from refundsorter.edges.bundle import StoredBundle
from refundsorter.training.head import NOTHING, Columns, Head
from refundsorter.training.recipe import Recipe
from refundsorter.training.trunk import BaseRefused, build_trunk

WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)  # that Keras' MobileNetV2 comes in
CONVOLUTIONS = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D)
DTYPES: Mapping[int, type[np.generic]] = {
    schema.TensorType.INT8: np.int8,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.FLOAT32: np.float32,
}

Array = NDArray[np.float32]


def reopen(stored: StoredBundle, categories: NDArray[np.int64]) -> tuple[keras.Model, Head]:
    """Read a model that `export.to_int8` made.

    Args:
        stored: The bundle.
        categories: The category's index of each of its labels, int64 [labels]; NOTHING: it has none.

    Returns:
        The trunk and the head on it, whose logits need no temperature.

    Raises:
        BaseRefused: The file is of another network, or an imported one.
    """
    manifest = stored.manifest
    try:
        graph = _Graph(stored.weights)
        trunk = _trunk(list(graph.kernels(CONVOLUTIONS)), manifest.input_size)
        return trunk, _head(graph, manifest.labels, categories, manifest.temperature)
    except (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise BaseRefused(
            f"{stored.weights}: cannot be taught on: it is no MobileNetV2 of our own training ({error}); "
            "train on photos with another --base"
        ) from error


class _Graph:
    """The operations of a `.tflite` file, and the numbers in it."""

    def __init__(self, file: Path) -> None:
        self._model = schema.ModelT.InitFromPackedBuf(file.read_bytes(), 0)
        self._graph = self._model.subgraphs[0]

    def operations(self, *codes: int) -> Iterator[Any]:
        """Every operation of some kinds, in order."""
        for operation in self._graph.operators:
            code = self._model.operatorCodes[operation.opcodeIndex]
            if max(code.builtinCode, code.deprecatedBuiltinCode) in codes:
                yield operation

    def kernels(self, codes: tuple[int, ...]) -> Iterator[tuple[Array, Array]]:
        """The kernel and the bias of every operation of some kinds."""
        for operation in self.operations(*codes):
            yield self.numbers(operation.inputs[1]), self.numbers(operation.inputs[2])

    def numbers(self, index: int) -> Array:
        """The content of a tensor, as what its integers stand for."""
        tensor = self._graph.tensors[index]
        stored = np.frombuffer(
            np.asarray(self._model.buffers[tensor.buffer].data, np.uint8).tobytes(), DTYPES[tensor.type]
        ).reshape(tensor.shape)
        how = tensor.quantization
        if how is None or how.scale is None:
            return stored.astype(np.float32)
        shape = [1] * stored.ndim
        shape[how.quantizedDimension] = max(1, len(how.scale))
        zero = np.asarray(how.zeroPoint).reshape(shape)
        steps = stored.astype(np.int64) - zero
        found: Array = (steps * np.asarray(how.scale).reshape(shape)).astype(np.float32)
        return found


def _trunk(kernels: list[tuple[Array, Array]], size: int) -> keras.Model:
    """Build the trunk of the width that fits the kernels, and fill it with them."""
    for width in WIDTHS:
        trunk = build_trunk("random", Recipe(size=size, alpha=width))
        kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        layers = [layer for layer in trunk.layers if isinstance(layer, kinds)]
        turned = [kernel.transpose(1, 2, 3, 0) for kernel, _ in kernels]  # to height, width, inputs, outputs
        if [layer.kernel.shape for layer in layers] == [kernel.shape for kernel in turned]:
            break
    else:
        raise ValueError("its kernels fit no width")
    normalisations = [layer for layer in trunk.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer, kernel, normalisation, (_, bias) in zip(layers, turned, normalisations, kernels, strict=True):
        layer.set_weights([kernel])
        even = np.ones_like(bias)  # a normalisation that only adds the bias into which its own was folded
        normalisation.set_weights([even, bias, 0 * bias, even - np.float32(normalisation.epsilon)])
    return trunk


def _head(graph: _Graph, labels: tuple[str, ...], categories: NDArray[np.int64], temperature: float) -> Head:
    """Read the mean and the columns: ours first, and those of an earlier classifier, if there are any."""
    dense = list(graph.kernels((schema.BuiltinOperator.FULLY_CONNECTED,)))
    centring = list(graph.operations(schema.BuiltinOperator.ADD, schema.BuiltinOperator.SUB))[-1]
    mean = -graph.numbers(centring.inputs[1])
    split = dense[0][0].shape[0]
    if not 1 <= len(dense) <= 2 or mean.ndim != 1 or sum(len(bias) for _, bias in dense) != len(labels):  # noqa: PLR2004
        raise ValueError("its head is another")
    parts = [
        Columns(
            labels=labels[start:end],
            categories=categories[start:end],
            kernel=kernel.T / np.float32(temperature),
            bias=bias / np.float32(temperature),
        )
        for (kernel, bias), (start, end) in zip(dense, ((0, split), (split, len(labels))), strict=False)
    ]
    return Head(mean=mean, ours=parts[0], prior=parts[1] if len(parts) > 1 else None)


def places(
    labels: tuple[str, ...], category_of: Mapping[str, str], categories: tuple[str, ...]
) -> NDArray[np.int64]:
    """Return the category's index of each label, int64 [labels]; NOTHING where it is of none of them."""
    place = {category: index for index, category in enumerate(categories)}
    return np.array(
        [place.get(category_of.get(label, ""), NOTHING) for label in labels],
        dtype=np.int64,
    )
