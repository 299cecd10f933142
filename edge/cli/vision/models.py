"""`patrol-edge models`: which detectors there are, and getting, checking and adding them."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.console import DONE, FAILED, note, of_perception, say
from edge.cli.parser import share
from edge.cli.vision import model_bench, model_quantize

if TYPE_CHECKING:
    from perception.inference.catalogue import Catalogue
    from perception.inference.model_spec import ModelSpec


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "models", help="list, pull, verify, add, quantize and measure models"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    listing = _action(actions, "list", list_models, "all models, and which are on this computer")
    listing.set_defaults(names=[])

    pull = _action(actions, "pull", pull_models, "fetch models, over a network or from a folder")
    pull.add_argument("names", nargs="+", metavar="NAME")
    pull.add_argument(
        "--from",
        dest="source",
        metavar="DIR|usb",
        help="take the file from this folder, or from any mounted stick, instead of the network",
    )

    verify = _action(actions, "verify", verify_models, "hash, structure, shapes, one inference")
    verify.add_argument("names", nargs="*", metavar="NAME", help="default: all that are here")

    add = _action(actions, "add", add_model, "take in an ONNX file of your own")
    add.add_argument("file", type=Path, metavar="FILE.onnx")
    add.add_argument("--name", required=True, help="what it will be called: a-z, 0-9, . _ -")
    add.add_argument("--family", help="where it cannot be recognised from the graph")
    add.add_argument(
        "--labels", help="coco80, coco91, person, or the class names in order: person,car,dog"
    )
    add.add_argument("--score-threshold", type=share, default=0.5, metavar="S")
    add.add_argument("--licence", default="unknown", help="of the weights, e.g. Apache-2.0")
    add.add_argument("--origin", default="", help="where it comes from")
    add.add_argument("--about", default="", help="a line for `models list`")

    quantize = _shared(model_quantize.register(actions))
    quantize.set_defaults(action=model_quantize.quantize_model)
    bench = _shared(model_bench.register(actions))
    bench.set_defaults(action=model_bench.bench_models)


def _action(actions: Any, name: str, handler: Any, text: str) -> argparse.ArgumentParser:
    parser = _shared(actions.add_parser(name, help=text, description=text))
    parser.set_defaults(action=handler)
    return parser


def _shared(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """What all actions take."""
    parser.add_argument("--models-dir", type=Path, metavar="DIR", help="where models are kept")
    parser.add_argument("--json", action="store_true", help="one JSON object per model")
    parser.set_defaults(handler=_told)
    return parser


def _told(args: argparse.Namespace) -> int:
    """Run the action; what perception raises becomes a line with its cure."""
    # ONNX Runtime and OpenCV take half a second to import: not for `patrol-edge --help`.
    from perception.errors import PerceptionError
    from perception.inference.catalogue import Catalogue

    try:
        return int(args.action(args, Catalogue(args.models_dir)))
    except PerceptionError as error:
        raise of_perception(error) from error


def list_models(args: argparse.Namespace, known: "Catalogue") -> int:
    specs = known.specs()
    if args.json:
        for spec in specs:
            say(json.dumps(as_json(spec, known)))
        return DONE
    for spec in specs:
        here = "here" if spec.path else ("pull" if spec.url else "none")
        size = f"{(spec.size_bytes or 0) / 1e6:.1f} MB"
        family = spec.family or "?"
        say(
            f"{spec.name:20} {here:5} {spec.task:10} {size:>8}  {family:12} {spec.licence:14} "
            f"{known.entries[spec.name].about}".rstrip()
        )
    note(f"pulled models go to {known.models_dir}")
    return DONE


def as_json(spec: "ModelSpec", known: "Catalogue") -> dict[str, Any]:
    return {
        "name": spec.name,
        "here": spec.path is not None,
        "path": str(spec.path) if spec.path else None,
        "about": known.entries[spec.name].about,
        "task": spec.task,
        "precision": spec.precision,
        "family": spec.family,
        "input_px": spec.input_px,
        "labels": spec.labels,
        "score_threshold": spec.score_threshold,
        "licence": spec.licence,
        "origin": spec.origin,
        "url": spec.url,
        "sha256": spec.sha256,
        "size_bytes": spec.size_bytes,
    }


def pull_models(args: argparse.Namespace, known: "Catalogue") -> int:
    for spec in [known.spec(name) for name in args.names]:  # a wrong name stops before the first
        path = _pull(args, known, spec)
        if args.json:
            say(json.dumps(as_json(replace(spec, path=path), known)))
        else:
            say(f"{spec.name}: {path}")
    return DONE


def _pull(args: argparse.Namespace, known: "Catalogue", spec: "ModelSpec") -> Path:
    from edge.cli.vision import model_pull, model_store
    from perception.errors import ModelError
    from perception.verifying import verify

    if spec.path is not None:
        try:
            verify(spec)
        except ModelError as error:
            note(f"{spec.name} is here but damaged ({error}): getting it again")
        else:
            note(f"{spec.name} is here already")
            return spec.path
    if args.source:
        found = model_store.find_copy(spec, args.source)
        part = model_pull.copy(found, spec, known.models_dir)
    else:
        part = _download(known, spec)
    verify(replace(spec, path=part))
    target = known.models_dir / spec.file
    model_pull.install(part, target)
    return target


def _download(known: "Catalogue", spec: "ModelSpec") -> Path:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from edge.cli.vision.model_pull import Pull

    note(f"fetching {spec.name} from {spec.url}")
    console = Console(file=sys.stderr)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(spec.name, total=spec.size_bytes)
        pull = Pull(spec, known.models_dir, lambda done: progress.update(task, completed=done))
        return pull.run()


def verify_models(args: argparse.Namespace, known: "Catalogue") -> int:
    from perception.errors import ModelError
    from perception.verifying import verify

    specs = [known.spec(name) for name in args.names] or [s for s in known.specs() if s.path]
    failed = 0
    for spec in specs:
        try:
            found = verify(spec)
        except ModelError as error:
            failed += 1
            _verdict(args, spec, {"ok": False, "reason": str(error), "cure": error.cure})
        else:
            _verdict(args, spec, {"ok": True, "family": found.family, "input_px": found.input_px})
    return FAILED if failed else DONE


def _verdict(args: argparse.Namespace, spec: "ModelSpec", facts: dict[str, Any]) -> None:
    if args.json:
        say(json.dumps({"name": spec.name, "path": str(spec.path or "")} | facts))
    elif facts["ok"]:
        size = f"{facts['input_px'][0]}x{facts['input_px'][1]}, " if facts["input_px"] else ""
        say(f"{spec.name:20} ok      {facts['family']}, {size}{spec.path}")
    else:
        say(f"{spec.name:20} FAILED  {facts['reason']}")
        if facts["cure"]:
            say(f"{'':20}   → {facts['cure']}")


def add_model(args: argparse.Namespace, known: "Catalogue") -> int:
    from edge.cli.vision import model_store
    from perception.inference import model_file
    from perception.inference.model_spec import LABEL_MAPS, ModelSpec

    content = model_file.read(args.file)
    labels = args.labels
    if labels is not None and labels not in LABEL_MAPS:
        labels = tuple(label.strip() for label in labels.split(","))
    spec = ModelSpec(
        name=args.name,
        family=args.family,
        labels=labels,
        licence=args.licence,
        origin=args.origin,
        file=args.file.name,
        sha256=model_file.digest(content),
        size_bytes=len(content),
        score_threshold=args.score_threshold,
        path=args.file,
    )
    added = model_store.add(known, spec, args.about)
    if args.json:
        facts = {"name": added.name, "family": added.family, "input_px": added.input_px}
        say(json.dumps(facts | {"path": str(added.path), "sha256": added.sha256}))
    else:
        width, height = added.input_px or (0, 0)
        say(f"{added.name}: {added.family}, {width}x{height}, {added.path}")
    return DONE
