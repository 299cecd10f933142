"""Where log lines go and what they look like: JSON for journald, colours on a terminal."""

import logging
import sys
from typing import TextIO

import structlog

from config.loading import Loaded
from config.models import LoggingConfig


class _Threshold:
    """What is less than this is dropped. Loggers that were made before a change keep to it, too."""

    least = logging.INFO

    def __call__(
        self, _logger: object, name: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        if structlog.processors.NAME_TO_LEVEL.get(name, logging.CRITICAL) < self.least:
            raise structlog.DropEvent
        return event


_THRESHOLD = _Threshold()


def set_level(config: LoggingConfig) -> None:
    """From now on. Any thread."""
    _THRESHOLD.least = logging.getLevelNamesMapping()[config.level.upper()]


def set_up(config: LoggingConfig, out: TextIO = sys.stderr) -> None:
    """Configure structlog once, before the first line. stdout belongs to results."""
    console = config.format == "console" or (config.format == "auto" and out.isatty())
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer()
    )
    # Local variables stay out of the journal: some hold passwords.
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    errors = [] if console else [structlog.processors.ExceptionRenderer(frames)]
    set_level(config)
    structlog.configure(
        processors=[
            _THRESHOLD,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *errors,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )


def starting(loaded: Loaded) -> None:
    """What is about to run, and what the configuration is warned of: once, at the start."""
    log = structlog.get_logger()
    for warning in loaded.warnings:
        log.warning("config_doubtful", where=str(warning.path), text=warning.text)
    settings = loaded.settings
    log.info(
        "unit_starting",
        unit=settings.unit.id,
        kind=settings.unit.kind,
        receivers=sorted(settings.gnss),
        cameras=sorted(settings.cameras),
        model=settings.perception.model if settings.perception.enabled else None,
        hub=settings.hub.url,
        config=loaded.digest[:12],
    )


def stopping(waiting: int) -> None:
    structlog.get_logger().info("unit_stopping", waiting_in_outbox=waiting)


def stopped(code: int, waiting: int) -> None:
    structlog.get_logger().info("unit_stopped", exit_code=code, left_in_outbox=waiting)
