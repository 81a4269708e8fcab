"""The settings of an agent that is a model."""

from typing import Annotated

from pydantic import ConfigDict, Field

from stentor.contract.settings import RunnerSettings


class ModelSettings(RunnerSettings):
    """How the model is asked, where its own ways are not wanted."""

    model_config = ConfigDict(strict=True)

    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    # Every round of tools is one request more.
    max_requests: Annotated[int, Field(ge=1, le=1000)] = 50
