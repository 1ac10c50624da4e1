"""What the browser asks of a wizard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from datagen_nb.ui.actions import Action, Body, Number, Text
from datagen_nb.ui.snapshots import Step

Value = bool | int | float | Text | None
"""What a form says, right or wrong; ``None`` takes a choice back."""


class DraftChanges(Body):
    """Fields of the draft that change, in the wire names of ``JobConfiguration``."""

    data_size: Value = None
    data_type: Value = None
    input_format: Value = None
    output_format: Value = None
    name: Value = None
    tags: Annotated[tuple[Text, ...], Field(max_length=1_000)] | None = None
    timeout: Value = None
    resume_window: Value = None
    overwrite: Value = None
    parameters: Mapping[Text, Value] = Field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        """The fields that were given."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class WizardButton(Action):
    """A button was pressed, or what a step shows is needed."""

    action: Literal["candidates", "preview", "stop", "limits", "submit"]


class WizardStep(Action):
    """Show another step."""

    action: Literal["step"]
    to: Step


class WizardEdit(Action):
    """Change the draft."""

    action: Literal["edit"]
    changes: DraftChanges


class WizardOutput(Action):
    """Write the result to a file as well; an empty path takes it back."""

    action: Literal["output"]
    path: Text


class WizardColumn(Action):
    """Treat a column as this kind, or as the one that was detected."""

    action: Literal["column"]
    name: str
    kind: Text | None


class WizardColumns(Action):
    """Columns whose names have these words, from a place on."""

    action: Literal["columns"]
    start: Number
    search: Text


class WizardPath(Action):
    """Train on the table at a path."""

    action: Literal["path"]
    path: Text


class WizardFrame(Action):
    """Train on a DataFrame of the notebook."""

    action: Literal["frame"]
    name: Text


class WizardBegin(Action):
    """Begin to upload a file, or go on with it; the digest is SHA-256 in hex."""

    action: Literal["begin"]
    name: Annotated[str, Field(max_length=1_000)]
    size: Number
    digest: Annotated[str, Field(max_length=100)]


class WizardChunk(Action):
    """The next bytes of the upload, which come beside the message."""

    action: Literal["chunk"]
    offset: Number


WizardAction = (
    WizardButton
    | WizardStep
    | WizardEdit
    | WizardOutput
    | WizardColumn
    | WizardColumns
    | WizardPath
    | WizardFrame
    | WizardBegin
    | WizardChunk
)
WIZARD_ACTIONS: TypeAdapter[WizardAction] = TypeAdapter(
    Annotated[WizardAction, Field(discriminator="action")]
)
