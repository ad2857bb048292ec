"""Predictions as they are asked for and told over HTTP; the fields have the journal's names."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from refundsorter.api.problems import ProblemDetails
from refundsorter.api.schema_images import Prediction
from refundsorter.core import prediction
from refundsorter.core.image import State

MOST_IMAGES = 64  # in one request
MOST_LABELS = 100
PLACES = ("path", "base64", "url")


def _whole(number: object) -> object:
    """JSON knows one kind of number, and JSON Schema takes 5.0 for an integer."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


TopK = Annotated[
    int | None,
    Field(ge=1, le=MOST_LABELS, description="How many labels are told.", examples=[3]),
    BeforeValidator(_whole),
]
Record = Annotated[
    bool,
    Field(description="Whether the predictions are kept, in the ledger and the journal.", examples=[True]),
]

# However long: what cannot be used is told of that image alone, and fails no other of a batch.
Base64 = Annotated[str, Field(json_schema_extra={"format": "byte", "contentEncoding": "base64"})]


class Source(BaseModel):
    """An image that is asked about: exactly one of these."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"oneOf": [{"required": [place]} for place in PLACES]}
    )

    path: Annotated[
        str | SkipJsonSchema[None],
        Field(
            description="A file below one of `http.read_roots`, absolute.",
            examples=["/srv/returns/IMG_0042.jpg"],
        ),
    ] = None
    base64: Annotated[Base64 | SkipJsonSchema[None], Field(description="The file itself, RFC 4648.")] = None
    url: Annotated[
        str | SkipJsonSchema[None],
        Field(description="Where it is fetched from, with `http.fetch`: a public address."),
    ] = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = [getattr(self, place) for place in PLACES if place in self.model_fields_set]
        if len(given) != 1 or given[0] is None:
            raise ValueError("exactly one of `path`, `base64` and `url` is needed")
        return self


class PredictIn(Source):
    """One image."""

    top_k: TopK = None
    record: Record = False


class BatchIn(BaseModel):
    """Several images."""

    model_config = ConfigDict(extra="forbid", strict=True)

    images: Annotated[list[Source], Field(min_length=1, max_length=MOST_IMAGES, description="The images.")]
    top_k: TopK = None
    record: Record = False


class PredictionOut(BaseModel):
    """What the bundle says of one image, and what would become of a photo like it."""

    prediction: Annotated[int | None, Field(description="Its number in the journal, where it is recorded.")]
    file: Annotated[str | None, Field(description="The name of the file, where it was told.")]
    state: Annotated[State, Field(description="What would become of it: sorted or review.")]
    category: Annotated[str | None, Field(description="The best category.")]
    label: Annotated[str, Field(description="The best label of that category.")]
    confidence: Annotated[float, Field(description="The category's probability, 0..1.")]
    top_predictions: Annotated[list[Prediction], Field(description="The best labels, best first.")]
    reason: Annotated[str | None, Field(description="Why it would not be filed under its category.")]
    model: Annotated[str, Field(description="The bundle that answered, NAME/VERSION.")]
    taxonomy: Annotated[str, Field(description="The digest of the taxonomy.")]
    sha256: Annotated[str, Field(description="Of its bytes.")]
    bytes: Annotated[int, Field(description="The file's size.")]
    width: Annotated[int, Field(description="Pixels, as displayed.")]
    height: Annotated[int, Field(description="Pixels, as displayed.")]
    time: Annotated[str, Field(description="Of the answer.", json_schema_extra={"format": "date-time"})]
    decode_ms: Annotated[float, Field(description="Milliseconds of decoding.")]
    infer_ms: Annotated[float | None, Field(description="Of inference; null for an earlier answer.")]
    cached: Annotated[bool, Field(description="Whether a photo with this content was answered before.")]


class Predictions(BaseModel):
    """One prediction an image, in the order in which they were sent."""

    predictions: list[PredictionOut]


class Result(BaseModel):
    """What became of one image: a prediction, or the problem with it; the other one is null."""

    prediction: PredictionOut | None
    problem: ProblemDetails | None


class Results(BaseModel):
    """One result an image, in the order in which they were sent."""

    results: list[Result]


def told(found: prediction.Prediction) -> dict[str, Any]:
    """The fields of `PredictionOut`; what is answered a thousand times a second is not validated again."""
    fields = found.fields()
    return {name: fields[name] for name in PredictionOut.model_fields}


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """How a request's body is described: as a form of files, or as JSON."""
    form = {
        "type": "object",
        "required": ["image"],
        "additionalProperties": False,
        "properties": {
            "image": {
                "type": "array",
                "items": {"type": "string", "format": "binary"},
                "minItems": 1,
                "maxItems": MOST_IMAGES,
                "description": "The files.",
            },
            "top_k": {
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_LABELS,
                "description": "How many labels are told.",
            },
            "record": {"type": "boolean", "description": "Whether the predictions are kept."},
        },
    }
    content = {
        "multipart/form-data": {"schema": form},
        "application/json": {"schema": _flat(model.model_json_schema())},
    }
    return {"requestBody": {"required": True, "content": content}}


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that needs no definitions beside it."""
    definitions = schema.pop("$defs", {})

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            if reference := value.get("$ref"):
                return resolved(definitions[reference.rpartition("/")[2]])
            return {name: resolved(one) for name, one in value.items()}
        return [resolved(one) for one in value] if isinstance(value, list) else value

    flat: dict[str, Any] = resolved(schema)
    return flat
