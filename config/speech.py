"""Text to speech, as types: which program speaks, and with which voice for which language."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from config.language import tell
from config.section import Section

# Names of espeak-ng's voices by what a hub calls the language.
ESPEAK_VOICES = {
    "zh": "cmn",
    "yue": "yue",
    "en": "en",
    "de": "de",
    "fr": "fr",
    "es": "es",
    "ru": "ru",
    "ja": "ja",
    "ko": "ko",
    "ar": "ar",
}


class SpeechConfig(Section):
    """What reads a text aloud: a program beside this one, on this computer. No text leaves it."""

    engine: Literal["espeak", "piper"] = Field(
        "espeak", description="espeak: espeak-ng, small and quick; piper: natural, needs voices"
    )
    program: Path | None = Field(
        None, description="where it is; default: espeak-ng or piper on the PATH"
    )
    voices: dict[str, str] = Field(
        default_factory=dict,
        description="by language: espeak-ng's name of a voice, or a voice file (.onnx) of piper",
    )
    words_per_min: int = Field(160, ge=80, le=350, description="how fast espeak-ng speaks")
    within_s: float = Field(8.0, ge=1, le=60, description="a text that takes longer is given up")

    @field_validator("voices")
    @classmethod
    def _no_options(cls, voices: dict[str, str]) -> dict[str, str]:
        for language, voice in voices.items():
            if not voice or voice.startswith("-"):
                raise ValueError(
                    tell(
                        "{voice!r} is no voice for {language}; `espeak-ng --voices` lists",
                        voice=voice,
                        language=language,
                    )
                )
        return voices
