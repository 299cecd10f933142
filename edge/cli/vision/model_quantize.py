"""`patrol-edge models quantize`: an INT8 or FP16 version of a detector, beside the original."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.parser import add_command, number_in

if TYPE_CHECKING:
    from edge.cli.vision.model_pictures import Picture
    from edge.cli.vision.model_versions import Judge, Made
    from perception.inference.catalogue import Catalogue
    from perception.inference.model_spec import ModelSpec

DESCRIPTION = """\
Makes a faster version of a detector and prints what that costs.

int8: convolutions, and what lies between them, in eight bits, with ranges measured on the pictures
and videos given to --calibration (a few dozen, of the kind that the units will see). Several ranges
are tried, with and without what lies between: the most right of each, and of the two the faster if
it is nearly as right. fp16: half
precision, for GPUs (CUDA, TensorRT); on a CPU it is slower than float32, as a rule.

With --truth the versions are judged by average precision on its pictures in --images (extra
`eval`), without it by how far they see the same as the original. Pictures that are judged are never
among those that are calibrated with: where both are the same, every second one goes to either side.

Weights keep seven bits, so that every processor finds the same; --full-range keeps eight, for units
that have VNNI or an ARM processor."""
FEW = 8  # pictures to calibrate on; below, the ranges are a matter of luck
SAMPLES = 96


def register(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    parser = add_command(
        actions, "quantize", "make an INT8 or FP16 version, with its cost in accuracy", DESCRIPTION
    )
    add = parser.add_argument
    add("model", metavar="NAME|FILE", help="a float32 detector")
    add("-o", "--output", type=Path, required=True, metavar="OUT.onnx")
    add("--calibration", type=Path, nargs="+", default=[], metavar="PATH", help="pictures, videos")
    add("--precision", choices=["int8", "fp16"], default="int8", help="default: %(default)s")
    add("--truth", type=Path, metavar="TRUTH.json", help="a COCO instances file to judge by")
    add("--images", type=Path, metavar="DIR", help="the pictures of the truth")
    add(
        "--samples",
        type=int,
        default=SAMPLES,
        metavar="N",
        help="pictures used; default: %(default)s",
    )
    add(
        "--cut",
        type=number_in(0, 0.1),
        metavar="S",
        help="share of the values that ranges leave out, as 1e-7; default: several are tried",
    )
    add("--full-range", action="store_true", help="weights of eight bits instead of seven")
    add("--family", metavar="F", help="the model's family, where it cannot be recognised")
    return parser


def quantize_model(args: argparse.Namespace, known: "Catalogue") -> int:
    """Raises CommandError, PerceptionError."""
    from edge.cli.vision import model_versions
    from edge.cli.vision.writing import check_writable, write_whole
    from perception.inference.quantization import need_onnx

    spec = known.find(args.model, family=args.family)
    need_onnx()
    _check(args, spec)
    check_writable(args.output)
    calibrated, judge = _pictures(args)
    maker = model_versions.Maker.open(spec, judge)
    if args.precision == "int8":
        made = maker.int8(calibrated, full_range=args.full_range, cut=args.cut)
    else:
        made = maker.fp16()
    write_whole(args.output, made.content)
    _tell(args, spec, made, len(calibrated))
    return DONE


def _check(args: argparse.Namespace, spec: "ModelSpec") -> None:
    if args.output.suffix != ".onnx":
        raise CommandError(f"{args.output} does not end in .onnx", "name it like that", USAGE)
    if spec.path is not None and args.output.exists() and args.output.samefile(spec.path):
        raise CommandError(f"{args.output} is the model itself", "name another file", USAGE)
    if args.precision == "int8" and not args.calibration:
        raise CommandError(
            "int8 needs pictures to measure ranges on", "give some: --calibration FOLDER", USAGE
        )
    if args.truth and not args.images:
        raise CommandError("--truth needs its pictures", "give their folder: --images DIR", USAGE)
    if args.samples < FEW:
        raise CommandError(f"--samples {args.samples} is too few", f"{FEW} or more", USAGE)
    if not args.truth and not args.calibration:
        raise CommandError("there is nothing to judge by", "give --calibration or --truth", USAGE)


def _pictures(args: argparse.Namespace) -> "tuple[list[Picture], Judge]":
    """What to calibrate with, and who judges on other pictures. Raises CommandError."""
    from edge.cli.vision import coco_scores, model_pictures, model_versions
    from edge.cli.vision.eval_detect import pictures_of

    sampled = model_pictures.sampled(args.calibration, args.samples)
    if not args.truth:
        calibrated, others = sampled[::2], sampled[1::2]
        _need(calibrated if args.precision == "int8" else others)
        return calibrated, model_versions.Judge(dict(enumerate(others)))
    coco_scores.need_pycocotools()
    truth = coco_scores.read_truth(args.truth)
    there = pictures_of(truth, args.images)
    ids = {path.resolve(): image_id for image_id, path in there.items()}
    shared = [picture for picture in sampled if picture.path.resolve() in ids]
    taken = {ids[picture.path.resolve()] for picture in shared[::2]}
    left_out = {id(picture) for picture in shared[1::2]}
    calibrated = [picture for picture in sampled if id(picture) not in left_out]
    if args.precision == "int8":
        _need(calibrated)
    if taken:
        note(f"{len(taken)} pictures of the truth are calibrated with, and not judged")
    judged = {
        image_id: model_pictures.Picture(path, None)
        for image_id, path in there.items()
        if image_id not in taken
    }
    return calibrated, model_versions.Judge(judged, truth)


def _need(pictures: "list[Picture]") -> None:
    if len(pictures) < FEW:
        raise CommandError(
            f"{len(pictures)} pictures are too few to measure by",
            f"give at least {FEW} on each side, better 50, of the kind that the units will see",
            USAGE,
        )


def _tell(args: argparse.Namespace, spec: "ModelSpec", made: "Made", calibrated: int) -> None:
    digest = made.digest
    if args.json:
        facts = {"path": str(args.output), "sha256": digest, "calibrated_with": calibrated}
        facts |= {"how": made.how, "before": asdict(made.before), "after": asdict(made.after)}
        say(json.dumps(facts | {"speed_up": round(made.speed_up, 3)}))
        return
    say(f"{'':22} {'float32':>10} {args.precision:>10}")
    before, after = made.before, made.after
    say(f"{'size, MB':22} {before.size_bytes / 1e6:10.1f} {after.size_bytes / 1e6:10.1f}")
    say(
        f"{'pictures/s, 1 thread':22} {before.rate:10.1f} {after.rate:10.1f}   {made.speed_up:.2f}x"
    )
    for name in after.measures:
        old, new = before.measures[name], after.measures[name]
        say(f"{name:22} {old:10.2f} {new:10.2f}   {new - old:+.2f}")
    note(f"judged on {after.pictures} pictures; {made.how}; {args.output}, sha-256 {digest}")
    if args.precision == "fp16" and made.speed_up < 1:
        note("as usual on a CPU, half precision is slower here: it is meant for CUDA and TensorRT")
    labels = spec.labels if isinstance(spec.labels, str) else ",".join(spec.labels or ())
    add = f"patrol-edge models add {args.output} --name {spec.name}-{args.precision}"
    note(f"  → {add}{f' --labels {labels}' if labels else ''}")
