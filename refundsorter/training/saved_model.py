"""A SavedModel: a program in TensorFlow's own language, of which only the arithmetic is taken.

Loading one the usual way runs whatever it says is to be run at its start, and its operations can read and
write files. Here the graph from the photo to the answers is cut out of it, every operation in that graph must
be one that only computes, and the weights are read from the checkpoint as numbers.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2

from refundsorter.core.decision import softmax
from refundsorter.training.preprocessing import prepare
from refundsorter.training.refused import ImportRefused
from refundsorter.training.wrapping import BATCH, LEAST, side_of, sums_to_one

GRAPH, CHECKPOINT = "saved_model.pb", Path("variables") / "variables"
MAX_GRAPH_BYTES = 1 << 28
MAX_WEIGHTS_BYTES = 1 << 30
SCOPE = "theirs"  # under which the graph's nodes are named in ours
OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"  # the checkpoint's own table of what its arrays are called

# What a graph that does not fit together makes TensorFlow raise.
_FAILURES = (ValueError, TypeError, RuntimeError, LookupError, tf.errors.OpError)

# What a picture classifier computes with. None of these touches a file, the network or another process.
OPERATIONS = {
    "Add", "AddV2", "ArgMax", "AvgPool", "BatchNormWithGlobalNormalization", "BiasAdd", "BroadcastTo",
    "Cast", "ConcatV2", "Const", "Conv2D", "DepthwiseConv2dNative", "DisableCopyOnRead", "Elu", "Exp",
    "ExpandDims", "Fill", "FusedBatchNorm", "FusedBatchNormV3", "Identity", "IdentityN", "LeakyRelu",
    "Log", "LogSoftmax", "MatMul", "Max", "MaxPool", "Maximum", "Mean", "Minimum", "MirrorPad", "Mul",
    "Neg", "NoOp", "Pack", "Pad", "PadV2", "PartitionedCall", "Placeholder", "Pow", "Prod",
    "ReadVariableOp", "RealDiv", "Reciprocal", "Relu", "Relu6", "Reshape", "ResizeBilinear", "ReverseV2",
    "Rsqrt", "Select", "SelectV2", "Selu", "Shape", "Sigmoid", "Slice", "Softmax", "Softplus", "Split",
    "SplitV", "Sqrt", "Square", "SquaredDifference", "Squeeze", "StatefulPartitionedCall", "StopGradient",
    "StridedSlice", "Sub", "Sum", "Tanh", "Tile", "Transpose", "Unpack", "VarHandleOp",
}  # fmt: skip


class SavedModel:
    """The graph of a SavedModel from a photo to its answers.

    Args:
        folder: What `model.export` or `tf.saved_model.save` wrote.
        size: The side to use where the model takes photos of any; None where it says one.

    Raises:
        OSError: It cannot be read.
        ImportRefused: It is none, is damaged, does more than compute, or has other ends than a classifier.
    """

    held = None  # what stands before the first layer is part of a graph here: it is asked for

    def __init__(self, folder: Path, size: int | None) -> None:
        meta = _meta_graph(folder)
        signature = _signature(meta)
        (given,), (made,) = signature.inputs.values(), signature.outputs.values()
        self.size = side_of(_shape(given), size)
        shape = _shape(made)
        if len(shape) != 2 or not shape[1] or shape[1] < 2:  # noqa: PLR2004 - batch, labels
            raise ImportRefused(f"its output is {shape}; expected one row of answers a photo: (any, labels)")
        self.labels = shape[1]
        self._input, self._output = given.name, made.name
        self._graph = _cut_out(meta.graph_def, self._output.split(":")[0])
        self._weights = dict(_read_weights(folder / CHECKPOINT, meta, self._graph))
        self._is_softmax: bool | None = None  # known once it was asked

    def probabilities(self, pixels: NDArray[np.uint8], kind: str) -> NDArray[np.float32]:
        """What the original says of photos, as `wrapping.Network.probabilities`."""
        starts = range(0, len(pixels), BATCH)
        try:
            with tf.Graph().as_default(), tf.compat.v1.Session() as session:
                photos = tf.compat.v1.placeholder(tf.float32, [None, self.size, self.size, 3])
                answers = self._built(session, photos)
                batches = (prepare(pixels[at : at + BATCH].astype(np.float32), kind) for at in starts)
                given = np.concatenate([session.run(answers, {photos: batch}) for batch in batches])
        except _FAILURES as error:
            raise ImportRefused(f"its graph cannot be run: {_first_line(error)}") from error
        if not np.isfinite(given).all():
            raise ImportRefused(
                "it answers with what is no number; its weights were damaged or never trained"
            )
        self._is_softmax = sums_to_one(given)
        return given if self._is_softmax else softmax(given)

    def to_float(self, kind: str) -> bytes:
        """Export with the weights as they are: uint8 [1, S, S, 3] to logits float32 [1, labels]."""
        try:
            with tf.Graph().as_default(), tf.compat.v1.Session() as session:
                photo = tf.compat.v1.placeholder(tf.uint8, [1, self.size, self.size, 3])
                answers = self._built(session, prepare(tf.cast(photo, tf.float32), kind))
                logits = tf.math.log(tf.maximum(answers, LEAST)) if self._is_softmax else tf.identity(answers)
                converter = tf.compat.v1.lite.TFLiteConverter.from_session(session, [photo], [logits])
                weights: bytes = converter.convert()
        except _FAILURES as error:
            raise ImportRefused(f"it cannot be converted to LiteRT: {_first_line(error)}") from error
        return weights

    def to_int8(self, kind: str, representative: NDArray[np.uint8]) -> bytes:
        """Refused: its softmax is inside of the graph, and int8 has no place for a logarithm of it."""
        del kind, representative
        raise ImportRefused(
            "a SavedModel is imported with its weights as they are; for --quantise import the .h5 or .keras "
            "file"
        )

    def _built(self, session: Any, photos: Any) -> Any:
        """Put the graph into the session's, fed by `photos`, and set its weights."""
        (answers,) = tf.graph_util.import_graph_def(
            self._graph, {self._input: photos}, return_elements=[self._output], name=SCOPE
        )
        for node, value in self._weights.items():
            handle = session.graph.get_tensor_by_name(f"{SCOPE}/{node}:0")
            fed = tf.compat.v1.placeholder(value.dtype, value.shape)
            session.run(tf.raw_ops.AssignVariableOp(resource=handle, value=fed), {fed: value})
            # The converter takes a variable's value from the operation of this name.
            read = f"{SCOPE}/{node}/Read/ReadVariableOp"
            tf.raw_ops.ReadVariableOp(resource=handle, dtype=value.dtype, name=read)
        return answers


def _meta_graph(folder: Path) -> Any:
    file = folder / GRAPH
    if not file.is_file():
        raise ImportRefused(f"no SavedModel: it has no {GRAPH}; name the folder that holds it")
    if file.stat().st_size > MAX_GRAPH_BYTES:
        raise ImportRefused(f"its {GRAPH} is larger than {MAX_GRAPH_BYTES >> 20} MiB")
    found = saved_model_pb2.SavedModel()
    try:
        found.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise ImportRefused(f"its {GRAPH} is damaged or cut short") from error
    serving = [meta for meta in found.meta_graphs if "serve" in meta.meta_info_def.tags]
    if not serving:
        raise ImportRefused("no SavedModel that is meant to be served: nothing in it is tagged `serve`")
    return serving[0]


def _signature(meta: Any) -> Any:
    """The one that serves: from one array to one array."""
    signature = meta.signature_def.get("serving_default")
    if signature is None or len(signature.inputs) != 1 or len(signature.outputs) != 1:
        raise ImportRefused(
            "it has no signature `serving_default` of one photo in and one row of answers out"
        )
    if [one.dtype for one in signature.inputs.values()] != [tf.float32.as_datatype_enum]:
        raise ImportRefused("its input is not float32")
    return signature


def _shape(tensor: Any) -> tuple[int | None, ...]:
    return tuple(None if axis.size < 0 else axis.size for axis in tensor.tensor_shape.dim)


def _cut_out(graph: Any, output: str) -> Any:
    """The graph that the answers depend on, with the functions that it calls and no others.

    Raises:
        ImportRefused: It has an operation that is not known to compute only.
    """
    nodes = {node.name: node for node in graph.node}
    functions = {function.signature.name: function for function in graph.library.function}
    kept = tf.compat.v1.GraphDef(versions=graph.versions)
    kept.node.extend(_upstream(nodes, output))
    _refuse_all_but_arithmetic(kept.node)
    waiting, called = list(_calls(kept.node)), set[str]()
    while waiting:
        name = waiting.pop()
        if name in called:
            continue
        called.add(name)
        if name not in functions:
            raise ImportRefused(f"its graph is damaged: the function {name!r} is missing")
        _refuse_all_but_arithmetic(functions[name].node_def)
        kept.library.function.append(functions[name])
        waiting.extend(_calls(functions[name].node_def))
    return kept


def _upstream(nodes: Mapping[str, Any], output: str) -> list[Any]:
    """A node and all that it depends on."""
    waiting, seen = [output], {output}
    while waiting:
        name = waiting.pop()
        if name not in nodes:
            raise ImportRefused(f"its graph is damaged: {name!r} is missing")
        before = {source.removeprefix("^").split(":")[0] for source in nodes[name].input}
        waiting.extend(before - seen)
        seen |= before
    return [nodes[name] for name in sorted(seen)]


def _refuse_all_but_arithmetic(nodes: Iterable[Any]) -> None:
    for node in nodes:
        if node.op not in OPERATIONS:
            raise ImportRefused(
                f"its graph has the operation {node.op!r}, which is not known to compute only; it is not run"
            )


def _calls(nodes: Iterable[Any]) -> Iterator[str]:
    """The functions that nodes call."""
    for node in nodes:
        for value in node.attr.values():
            yield from (one.name for one in (value.func, *value.list.func) if one.name)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0][:300]


def _read_weights(checkpoint: Path, meta: Any, graph: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    """Each variable's node in the graph, and its value."""
    try:
        reader = tf.train.load_checkpoint(str(checkpoint))
        sizes = reader.get_variable_to_shape_map()
        if sum(4 * math.prod(shape) for shape in sizes.values()) > MAX_WEIGHTS_BYTES:
            raise ImportRefused(f"its weights have more than {MAX_WEIGHTS_BYTES >> 20} MiB")
        named = _keys(meta, graph, reader) if OBJECTS in sizes else {}
        for node in graph.node:
            if node.op == "VarHandleOp":
                yield node.name, reader.get_tensor(named.get(node.name, node.attr["shared_name"].s.decode()))
    except (tf.errors.OpError, DecodeError, ValueError, LookupError, RuntimeError) as error:
        raise ImportRefused("its folder `variables` is missing, damaged or of another model") from error


def _keys(meta: Any, graph: Any, reader: Any) -> dict[str, str]:
    """What each variable's node is called in the checkpoint.

    A call's inputs after the photo are what its function was bound to, in order, as numbers of objects; the
    checkpoint numbers the same objects alike, and says under which key it keeps the value of each.
    """
    table = trackable_object_graph_pb2.TrackableObjectGraph()
    table.ParseFromString(reader.get_tensor(OBJECTS))
    objects = meta.object_graph_def
    keys = {}
    for node in graph.node:
        bound = objects.concrete_functions.get(node.attr["f"].func.name)
        if bound is None:
            continue
        handles = list(node.input)[len(node.input) - len(bound.bound_inputs) :]
        for handle, number in zip(handles, bound.bound_inputs, strict=True):
            if objects.nodes[number].WhichOneof("kind") == "variable":
                keys[handle] = table.nodes[number].attributes[0].checkpoint_key
    return keys
