"""A stranger's network, read as a description and never as a program.

A Keras file names classes and functions by which it is rebuilt, and some of them run what the file says. Here
the description is cleaned before Keras sees it: only layers that a picture classifier is made of, by name;
nothing that serving does not need (initialisers, regularisers, optimisers); arithmetic on the input, which
older files hold as operations, as the layer that does the same. Everything else is refused with its name.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from refundsorter.core.text import shown
from refundsorter.training.refused import ImportRefused

MAX_CONFIG_BYTES = 1 << 24  # of the description; MobileNetV2's is 0.1 MB
MAX_UNITS = 1 << 16  # of anything that has a size: a number beyond it is a bomb or a mistake

NETWORKS = {
    "Functional": "keras.src.models.functional",
    "Model": "keras.src.models.functional",
    "Sequential": "keras",
}
# Of what picture classifiers are made. Text, look-ups and wrappers of foreign code are not among them.
LAYERS = {
    "InputLayer", "Rescaling", "Normalization", "Resizing", "CenterCrop", "RandomFlip", "RandomRotation",
    "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness", "RandomCrop", "Conv2D",
    "Convolution2D", "DepthwiseConv2D", "SeparableConv2D", "SeparableConvolution2D", "Conv1D",
    "DepthwiseConv1D", "MaxPooling2D", "MaxPool2D", "AveragePooling2D", "AvgPool2D",
    "GlobalAveragePooling2D", "GlobalAvgPool2D", "GlobalMaxPooling2D", "GlobalMaxPool2D",
    "GlobalAveragePooling1D", "AdaptiveAveragePooling2D", "Dense", "BatchNormalization",
    "LayerNormalization", "GroupNormalization", "UnitNormalization", "Activation", "ReLU", "LeakyReLU",
    "PReLU", "ELU", "Softmax", "Identity", "Dropout", "SpatialDropout2D", "GaussianDropout",
    "GaussianNoise", "AlphaDropout", "ActivityRegularization", "Flatten", "Reshape", "Permute",
    "ZeroPadding2D", "Cropping2D", "UpSampling2D", "RepeatVector", "Add", "Subtract", "Multiply", "Average",
    "Maximum", "Minimum", "Concatenate",
}  # fmt: skip
ACTIVATIONS = {
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "sigmoid", "hard_sigmoid",
    "silu", "swish", "hard_silu", "hard_swish", "tanh", "softplus", "softsign", "softmax", "log_softmax",
    "mish", "exponential",
}  # fmt: skip
# Told with what to do; any other name is told as unknown.
PROGRAMS = {
    "Lambda": "a Lambda layer",
    "__lambda__": "a lambda",
    "SlicingOpLambda": "an operation outside of any layer",
    "TFOpLambda": "an operation outside of any layer",
}
_UNNEEDED = ("_initializer", "_regularizer", "_constraint")
_SIZES = {
    "units", "filters", "kernel_size", "pool_size", "padding", "size", "target_shape", "batch_shape",
    "batch_input_shape", "depth_multiplier", "output_size", "height", "width", "n",
}  # fmt: skip


def clean(text: str) -> dict[str, Any]:
    """Return the description that is rebuilt instead of the file's own.

    Args:
        text: JSON, as Keras 2 (.h5) or Keras 3 (.h5, .keras) write it.

    Raises:
        ImportRefused: It is no such description, or has something in it that is not known to be harmless.
    """
    if len(text) > MAX_CONFIG_BYTES:
        raise ImportRefused(
            f"its description has {len(text)} characters, at most {MAX_CONFIG_BYTES} are read"
        )
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or found.get("class_name") not in NETWORKS:
            kind = found.get("class_name") if isinstance(found, dict) else found
            raise ImportRefused(
                f"it is of the class {shown(kind)}; expected a Functional or Sequential model: another one "
                "cannot be rebuilt without its code"
            )
        cleaned: dict[str, Any] = _layer(found)
    except RecursionError as error:
        raise ImportRefused("its description is nested too deep") from error
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ImportRefused(f"its description is damaged: {type(error).__name__}: {error}") from error
    return cleaned


def _layer(found: Mapping[str, Any]) -> dict[str, Any]:
    """Clean a layer, or a network that is used as one."""
    found = _as_layer(found)
    kind, config = found["class_name"], found["config"]
    name = shown(config.get("name", kind))
    if kind in PROGRAMS:
        raise ImportRefused(
            f"{name} is {PROGRAMS[kind]}: code in the file, which is never run. Build the model without it "
            "(what it did to pixels can be told with --preprocessing), load the weights into that, and save "
            "it again"
        )
    if kind not in LAYERS and kind not in NETWORKS:
        raise ImportRefused(
            f"{name} is of the class {shown(kind)}, a custom object or a layer that is not known here; build "
            "the model of Keras' own picture layers, load the weights into that, and save it again"
        )
    if found.get("registered_name") not in (None, kind):
        raise ImportRefused(f"{name} is registered as {shown(found['registered_name'])}, a custom object")
    kept = {
        key: found[key] for key in ("class_name", "name", "inbound_nodes", "build_config") if key in found
    }
    if "module" in found:
        kept["module"] = NETWORKS.get(kind, "keras.layers")
        kept["registered_name"] = kind if kind in NETWORKS and kind != "Sequential" else None
    kept["config"] = _network(config) if kind in NETWORKS else dict(_settings(config, kind, name))
    _plain(kept.get("inbound_nodes"), name)
    _plain(kept.get("build_config"), name)
    return kept


def _network(config: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in config.items() if key not in ("layers", "dtype")}
    _plain(kept, "the network")
    layers = [_layer(layer) for layer in config["layers"]]
    inner = {layer["config"].get("name") for layer in layers if layer["class_name"] in NETWORKS}
    nodes = [layer["inbound_nodes"] for layer in layers if layer.get("inbound_nodes")]
    if any(isinstance(calls[0], list) for calls in nodes):  # as Keras 2 writes them
        for layer in layers:
            layer["inbound_nodes"] = _as_keras_3_counts(layer.get("inbound_nodes"), inner)
        for key in ("input_layers", "output_layers"):
            kept[key] = _one(_as_keras_3_counts(kept[key], inner))
    return {**kept, "layers": layers}


def _as_keras_3_counts(reference: Any, inner: set[str]) -> Any:
    """Count the calls of networks inside of the network from 0, where Keras 2 counts from 1.

    A reference is a list of a layer's name, the number of its call, and the number of its output.
    """
    if not isinstance(reference, list):
        return reference
    named = len(reference) >= 3 and isinstance(reference[0], str)  # noqa: PLR2004 - as above
    if named and reference[0] in inner and reference[1] > 0:
        return [reference[0], reference[1] - 1, *reference[2:]]
    return [_as_keras_3_counts(part, inner) for part in reference]


def _one(references: Any) -> Any:
    """A single input or output is not a list of one: Keras 3 would call the model with lists."""
    return references[0] if len(references) == 1 and isinstance(references[0], list) else references


def _settings(config: Mapping[str, Any], kind: str, name: str) -> Iterator[tuple[str, Any]]:
    """A layer's settings, less what only training needs, in single precision."""
    for key, value in config.items():
        if key.endswith(_UNNEEDED) or key in ("quantization_config", "synchronized"):
            continue
        if key == "dtype":
            yield key, "float32"
        elif key in ("activation", "recurrent_activation"):
            yield key, _activation(value, name)
        elif kind == "DepthwiseConv2D" and key == "groups":
            continue  # Keras 2 wrote it and never read it; Keras 3 refuses it
        else:
            _plain(value, name)
            if key in _SIZES and any(size > MAX_UNITS for size in _numbers(value)):
                raise ImportRefused(f"{name} has {key} = {shown(value)}; at most {MAX_UNITS} is built")
            yield key, value


def _activation(value: object, name: str) -> str:
    """Keras' own activations are known by their names, in whatever wrapping."""
    named = value.get("config") if isinstance(value, Mapping) else value
    named = named.get("name") if isinstance(named, Mapping) else named
    if named is None:
        return "linear"
    if named not in ACTIVATIONS:
        raise ImportRefused(
            f"{name} has the activation {shown(value)}, a custom object: it is code elsewhere"
        )
    return str(named)


def _plain(value: object, name: str) -> None:
    """Refuse a setting that asks for an object to be made."""
    if isinstance(value, Mapping):
        kind = value.get("class_name", "__keras_tensor__")
        if kind != "__keras_tensor__":
            raise ImportRefused(
                f"{name} asks for {shown(PROGRAMS.get(kind, kind))}, which is never made or run"
            )
        for inner in value.values():
            _plain(inner, name)
    elif isinstance(value, list):
        for inner in value:
            _plain(inner, name)


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, (int, float)):
        yield value


# Arithmetic with one number, by the names that Keras 2 and 3 give it: what it does to x as scale and offset.
_ARITHMETIC: Mapping[str, Callable[[float], tuple[float, float]]] = {
    "math.truediv": lambda number: (1 / number, 0.0),
    "math.divide": lambda number: (1 / number, 0.0),
    "math.subtract": lambda number: (1.0, -number),
    "math.multiply": lambda number: (number, 0.0),
    "math.add": lambda number: (1.0, number),
    "__operators__.add": lambda number: (1.0, number),
    "TrueDivide": lambda number: (1 / number, 0.0),
    "Divide": lambda number: (1 / number, 0.0),
    "Subtract": lambda number: (1.0, -number),
    "Multiply": lambda number: (number, 0.0),
    "Add": lambda number: (1.0, number),
}


def _as_layer(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write x / 127.5 - 1 and the like, which a file holds as operations, as layers that do the same."""
    operation = (
        found["config"].get("function") if found["class_name"] == "TFOpLambda" else found["class_name"]
    )
    arguments = _one_number(found.get("inbound_nodes")) if operation in _ARITHMETIC else None
    if arguments is None:
        return found
    number, nodes = arguments
    if number == 0 and "iv" in operation:
        raise ImportRefused(f"{shown(found['name'])} divides by 0")
    scale, offset = _ARITHMETIC[operation](number)
    made = {key: value for key, value in found.items() if key not in ("module", "registered_name")}
    if "module" in found:
        made |= {"module": "keras.layers", "registered_name": None}
    settings = {"name": found["name"], "scale": scale, "offset": offset}
    return {**made, "class_name": "Rescaling", "config": settings, "inbound_nodes": nodes}


def _one_number(nodes: Any) -> tuple[float, list[Any]] | None:
    """Take an operation's call apart: its number, and the call without it; None where it has no number."""
    if not isinstance(nodes, list) or len(nodes) != 1:
        return None
    call = nodes[0]
    if isinstance(call, list) and len(call) == 4 and isinstance(call[3], dict):  # noqa: PLR2004 - Keras 2's form
        number = call[3].get("y")
        return (float(number), [[[*call[:3], {}]]]) if isinstance(number, (int, float)) else None
    arguments = call.get("args", []) if isinstance(call, dict) else []
    if len(arguments) == 2 and isinstance(arguments[0], dict) and isinstance(arguments[1], (int, float)):  # noqa: PLR2004 - a tensor, a number
        return float(arguments[1]), [{"args": arguments[:1], "kwargs": {}}]
    return None
