"""What every section of the configuration file shares: strictness, and the signs of its numbers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
NotPositive = Annotated[float, Field(le=0.0)]


class Section(BaseModel):
    """A table of the file: unknown keys, NaN and flags in place of numbers are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_flags(cls, value: object, info: ValidationInfo) -> object:
        """`order_usd_max = true` is a slip of the pen, not one dollar."""
        if isinstance(value, bool) and not _takes_flags(cls.model_fields[str(info.field_name)].annotation):
            raise ValueError("is true or false where something else belongs")
        return value


def _takes_flags(annotation: object) -> bool:
    return annotation is bool or bool in getattr(annotation, "__args__", ())
