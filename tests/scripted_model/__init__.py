"""A provider of models on 127.0.0.1 that speaks OpenAI's chat completions; the model's name says what it does."""

from tests.scripted_model.scripts import Script, call, text
from tests.scripted_model.server import Asked, ScriptedModel, in_a_thread

__all__ = ["Asked", "Script", "ScriptedModel", "call", "in_a_thread", "text"]
