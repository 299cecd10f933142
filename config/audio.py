"""Microphones and what is listened for, as types. Nothing is heard unless `audio.mode` says so."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.language import tell
from config.section import Section

SoundKind = Literal["voice", "loud", "impulse", "siren", "scream", "glass", "shot", "explosion"]


OF_A_MODEL = frozenset({"siren", "scream", "glass", "shot", "explosion"})  # not heard without one


class MicrophoneSource(Section):
    """What every microphone has."""

    full_scale_dba: float | None = Field(
        None,
        ge=60,
        le=200,
        description="sound level of a sine at full scale, from `patrol-edge audio calibrate`; "
        "without it levels are told in dBFS only",
    )
    silent_after_s: float = Field(
        2.0,
        ge=0.5,
        le=120,
        description="no sound for this long is a fault, and reopens it",
    )


class SoundCardConfig(MicrophoneSource):
    """A microphone of this computer, through ALSA (PortAudio)."""

    kind: Literal["sound"]
    device: str = Field(
        "default",
        min_length=1,
        max_length=200,
        examples=["/dev/snd/by-id/usb-C-Media_USB_Audio-00"],
        description="its stable name, /dev/snd/by-id/... (`patrol-edge devices`), or a part of a "
        "name as `patrol-edge audio devices` lists them",
    )
    rate_hz: int = Field(48_000, ge=8_000, le=192_000, description="asked of the device")
    channel: int = Field(1, ge=1, le=32, description="which one is listened to, from 1")


class SoundFileConfig(MicrophoneSource):
    """A WAV file, played as if it came from a microphone."""

    kind: Literal["file"]
    path: Path = Field(examples=["street.wav"], description="PCM, 8 to 32 bits")
    channel: int = Field(1, ge=1, le=32, description="which one is listened to, from 1")
    loop: bool = Field(False, description="start over at the end")


MicrophoneConfig = Annotated[SoundCardConfig | SoundFileConfig, Field(discriminator="kind")]


class AudioClipsConfig(Section):
    """Sound around an event, kept on the unit. The rest is only ever in memory."""

    keep: bool = Field(False, description="false: no sound is written to the disk")
    pre_s: float = Field(5.0, ge=0, le=30, description="before the event")
    post_s: float = Field(5.0, ge=0, le=30, description="after it")
    longest_s: float = Field(60.0, ge=1, le=600, description="of a whole clip")
    max_mib: int = Field(64, ge=1, le=10_000, description="then the oldest clip goes")
    keep_h: float = Field(72.0, gt=0, le=24 * 180, description="then a clip is deleted")


class AudioConfig(Section):
    """What is listened for. Sound is analysed on the unit and forgotten."""

    mode: Literal["off", "events"] = Field(
        "off", description="off: no microphone is opened; events: only events are told"
    )
    listen_for: tuple[SoundKind, ...] = Field(
        ("loud", "impulse", "siren", "scream", "glass", "shot", "explosion"),
        min_length=1,
        description="voice tells that somebody speaks, never what or who",
    )
    model: str | None = Field(
        None,
        min_length=1,
        description="for siren, scream, glass, shot, explosion: a sound model of the catalogue "
        "or an ONNX file; without it these are not heard",
    )
    voice_model: Path | None = Field(
        None, description="Silero's ONNX file; default: the one in the audio extra"
    )
    score_min: float = Field(0.5, gt=0, lt=1, description="of a class, to begin an event")
    voice_min: float = Field(0.6, gt=0, lt=1, description="probability of voice to begin an event")
    loud_over_db: float = Field(
        20.0, ge=3, le=80, description="this far above the background for 1 s is loud"
    )
    impulse_over_db: float = Field(
        30.0, ge=6, le=90, description="a rise by this within 20 ms is an impulse"
    )
    update_every_s: float = Field(10.0, ge=1, le=600, description="an update while it goes on")
    clips: AudioClipsConfig = AudioClipsConfig()

    @model_validator(mode="after")
    def _clips_fit(self) -> Self:
        clips = self.clips
        if clips.pre_s + clips.post_s > clips.longest_s:
            raise ValueError(
                tell("clips: pre_s and post_s are longer than longest_s; write a larger longest_s")
            )
        return self
