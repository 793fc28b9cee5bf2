"""The settings: what each is called, what it may be, what it is for.

The values come in layers, each over the one before: ``config/config.toml``; ``dev.toml``,
``test.toml`` or ``prod.toml`` beside it, as ``LEDGER_ENV`` says; the file that ``LEDGER_CONFIG``
names; the environment variables; the arguments of `load_settings`. The defaults are in config.toml
and nowhere else. A mistake in any layer stops the start, also where a later layer would hide it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ledger_actors.settings_layers import InvalidSettings, Layers, sentence, user_path

EnvironmentName = Literal["dev", "test", "prod"]
LogLevel = Literal["debug", "info", "warning", "error"]
Seconds = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
"""Up to 31 years: what the system can wait for has an end."""

Milliseconds = Annotated[int, Field(ge=0, le=1_000_000_000)]
UserPath = Annotated[Path, Field(strict=False), AfterValidator(user_path)]
SocketPath = Annotated[str, AfterValidator(lambda text: text and str(user_path(Path(text))))]

SHORTEST_TOKEN = 16
"""A token that guards the ledger on a network has at least so many characters."""


class Section(BaseModel):
    """A table of settings: typed strictly, frozen, without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class LogSettings(Section):
    """How much is logged, and for whom."""

    level: LogLevel = Field(description="The least severe level that is logged.")
    format: Literal["console", "json"] = Field(
        description="`console` for a person, `json` for a program: one object a line."
    )


class EndpointSettings(Section):
    """Where the daemon listens."""

    socket: SocketPath = Field(
        description="The Unix socket, which only its owner can open; empty: `door/ledger.sock`"
        " in the data folder."
    )
    host: str = Field(
        description="An address to listen on with TCP as well; empty: no network address at all."
    )
    port: int = Field(ge=0, le=65535, description="The TCP port, if `endpoint.host` is set.")
    token: SecretStr = Field(
        description="What whoever comes by TCP has to show: at least 16 characters. Better in the"
        " variable than in a file."
    )

    max_connections: int = Field(
        gt=0,
        le=100_000,
        description="Connections that may be open at once, on each of the two doors.",
    )
    max_request_rate: int = Field(
        ge=0,
        description="Requests a second that each door takes; a stream of commands is one. 0: no"
        " limit.",
    )
    request_timeout: Seconds = Field(
        description="Seconds in which a request has to come in; a stream of commands may take"
        " longer."
    )

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        """Refuse an open door: a network address needs a token that cannot be guessed."""
        token = self.token.get_secret_value()
        if self.host and not token:
            raise ValueError(
                "endpoint.host is set, so endpoint.token must be set too: the network needs a token"
            )
        if token and len(token) < SHORTEST_TOKEN:
            raise ValueError(f"endpoint.token should have at least {SHORTEST_TOKEN} characters")
        return self


class ProjectorSettings(Section):
    """What projectors and process managers, the two consumers of events, have in common."""

    hydration_delay: Milliseconds = Field(
        description="Milliseconds a projector or process manager waits before it reads the store."
    )
    hydration_delay_entropy: Milliseconds = Field(
        description="At most so many milliseconds more, at random, so that they do not all start"
        " at once."
    )
    delivery_interval: Milliseconds = Field(
        description="Milliseconds between two deliveries of new events to it; what is committed"
        " meanwhile comes together, and whoever waits for a read model does not wait for that."
    )
    attempts: int = Field(
        gt=0,
        le=100,
        description="Times one tries an event at which its code raises, before it is parked.",
    )
    retry_delay: Milliseconds = Field(
        description="Milliseconds before the second attempt; twice as many before each further one."
    )
    own_process_from: int = Field(
        ge=0,
        description="So many new events at once, or more, are projected in a process beside that of"
        " the actors, which is started when there first are; 0: never.",
    )


class JournalSettings(Section):
    """The one writer of the event store."""

    max_batch: int = Field(
        gt=0, le=1_000_000, description="The most appends that are written in one transaction."
    )


class AggregateSettings(Section):
    """The actors that aggregates are."""

    idle_timeout: Seconds = Field(
        description="Seconds without a message after which an aggregate is passivated; its next"
        " message starts it again."
    )
    snapshot_every: int = Field(
        ge=0, description="Events on a stream between two snapshots of its state; 0: no snapshots."
    )


class SupervisionSettings(Section):
    """The intensity of the supervisors."""

    max_restarts: int = Field(
        ge=0, description="A supervisor gives up at more restarts than this ..."
    )
    max_seconds: Seconds = Field(description="... within so many seconds.")


class CommandSettings(Section):
    """What a caller of a command may expect."""

    timeout: Seconds = Field(description="Seconds after which a command without an outcome fails.")
    conflict_retries: int = Field(
        ge=0,
        description="Times a command is decided again because a stream that it rests on moved on.",
    )


class DispatcherSettings(Section):
    """The threads of the actors that are many."""

    pool_size: int = Field(gt=0, le=1_000, description="Threads that the pooled actors share.")
    processors: int = Field(
        ge=0,
        le=1_000,
        description="Processors that the daemon's threads run on; 0: all. Python runs one thread at"
        " a time, and to change from one to another costs less on one processor.",
    )


class CyclerSettings(Section):
    """The daily cycler."""

    enabled: bool = Field(description="Whether business dates are cycled.")
    interval: Seconds = Field(description="Seconds between two looks at the business date.")
    time_zone: ZoneInfo = Field(description="The time zone in which a business date begins.")


class ShutdownSettings(Section):
    """How long the end may take."""

    child_timeout: Seconds = Field(
        description="Seconds that a child has to end when its supervisor asks it to; then it is"
        " killed."
    )
    kill_grace: Seconds = Field(
        description="Seconds that a killed child has before it is abandoned."
    )


class Settings(BaseSettings):
    """Every setting of the ledger; made by `load_settings`, and never changed."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", strict=True)

    env: EnvironmentName = Field(
        "dev", description="Which of dev.toml, test.toml and prod.toml goes over config.toml."
    )
    data: UserPath = Field(description="The folder of the event store and the read models.")
    log: LogSettings
    endpoint: EndpointSettings
    projector: ProjectorSettings
    journal: JournalSettings
    aggregate: AggregateSettings
    supervision: SupervisionSettings
    command: CommandSettings
    dispatcher: DispatcherSettings
    cycler: CyclerSettings
    shutdown: ShutdownSettings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return our layers, first what wins: arguments, environment, files."""
        return (init_settings, *Layers.read(settings_cls, init_settings().get("env")).sources)


def load_settings(**arguments: object) -> Settings:
    """Return the settings of this process; ``arguments`` go over every other layer.

    An argument is a setting's name: ``load_settings(env="test", data=folder)``, or a table with
    some of its keys: ``load_settings(log={"level": "debug"})``. One that is None is not given, so
    that a command line can pass its options on.

    Raises `InvalidSettings`, whose text has one sentence for each mistake, in every layer at once:
    the file or the variable, the key, what was found and what was expected.
    """
    arguments = {name: value for name, value in arguments.items() if value is not None}
    problems = Layers.read(Settings, arguments.get("env")).problems()
    if problems:
        raise InvalidSettings(problems)
    try:
        return Settings(**arguments)  # type: ignore[arg-type] # what they are is checked just there
    except ValidationError as error:
        raise InvalidSettings(tuple(sentence(detail) for detail in error.errors())) from error
